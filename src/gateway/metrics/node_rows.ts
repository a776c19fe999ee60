/** Metrics of the node: process, disk, loop, connections and doors. */
import { byName, oneOf, type Row, single } from "./row.ts";

export const NODE_ROWS: readonly Row[] = [
  {
    type: "gauge", name: "draft_info", help: "1; the labels say who this is and what it runs on",
    read: ({ status: { nodeId, clusterId, version, runtime } }) => [[{ node: nodeId, cluster: clusterId ?? "", version, runtime }, 1]],
  },
  { type: "gauge", name: "process_start_time_seconds", help: "When the process began, in Unix seconds", read: ({ process }) => single(process.startedSeconds) },
  { type: "counter", name: "process_cpu_seconds_total", help: "Seconds that processors spent on the process", read: ({ process }) => single(process.cpuSeconds) },
  { type: "gauge", name: "process_resident_memory_bytes", help: "Memory of the process", read: ({ process }) => single(process.residentBytes) },
  { type: "gauge", name: "draft_heap_used_bytes", help: "What of it objects take", read: ({ process }) => single(process.heapUsedBytes) },
  { type: "gauge", name: "draft_ready", help: "1 if the node is of full use, as /readyz says", read: ({ status }) => single(Number(status.ready)) },
  {
    type: "gauge", name: "draft_ready_check", help: "1 for each thing that has to be so for the node to be of full use, and is",
    read: ({ status }) => status.checks.map(({ name, ok }) => [{ check: name }, Number(ok)]),
  },
  {
    type: "gauge", name: "draft_alarms", help: "What a person should look at now, by code: see draft admin why",
    read: ({ status }) => {
      const counts: Record<string, number> = {};
      for (const { code } of status.alarms) counts[code] = (counts[code] ?? 0) + 1;
      return byName("code", counts);
    },
  },
  { type: "gauge", name: "draft_fenced", help: "1 if the disk failed: the node votes and acknowledges no more", read: ({ status }) => single(Number(status.fenced)) },
  { type: "gauge", name: "draft_disk_free_bytes", help: "Room on the disk of the data directory", read: ({ status }) => single(status.disk.freeBytes) },
  { type: "gauge", name: "draft_disk_state", help: "1 for the state that the disk is in: ok, full, or stuck", read: ({ status }) => oneOf("state", ["ok", "full", "stuck"], status.disk.state) },
  { type: "gauge", name: "draft_wal_bytes", help: "Size of the log's files, what is made ahead included", read: ({ sizes }) => single(sizes.wal.bytes) },
  { type: "gauge", name: "draft_wal_files", help: "Files of the log", read: ({ sizes }) => single(sizes.wal.files) },
  { type: "gauge", name: "draft_snapshot_bytes", help: "Size of the snapshots", read: ({ sizes }) => single(sizes.snapshots.bytes) },
  { type: "gauge", name: "draft_snapshot_files", help: "Snapshots on the disk", read: ({ sizes }) => single(sizes.snapshots.files) },
  {
    type: "histogram", name: "draft_disk_sync_seconds", help: "How long syncs (fdatasync) took, by what the file is",
    read: ({ meters }) => Object.entries(meters.files).map(([files, { syncs }]) => [{ files }, syncs]),
  },
  {
    type: "counter", name: "draft_disk_written_bytes_total", help: "Bytes written to files, by what the file is",
    read: ({ meters }) => Object.entries(meters.files).map(([files, { writtenBytes }]) => [{ files }, writtenBytes]),
  },
  {
    type: "histogram", name: "draft_loop_gap_seconds", help: "How long the event loop stayed away: 10 ms and more are measured, which is its pace at rest",
    read: ({ status: { loop } }) => (loop === null ? [] : [[{}, loop]]),
  },
  { type: "gauge", name: "draft_loop_gap_max_seconds", help: "The longest time that the event loop stayed away since the start", read: ({ status: { loop } }) => (loop === null ? [] : single(loop.longestMs / 1000)) },
  { type: "gauge", name: "draft_connections", help: "Connections that are open, by door", read: ({ connections }) => byName("door", connections) },
  {
    type: "counter", name: "draft_requests_total", help: "Requests that were taken in, by door",
    read: ({ meters }) => Object.entries(meters.doors).map(([door, { requests }]) => [{ door }, requests]),
  },
  {
    type: "counter", name: "draft_refusals_total", help: "Requests that were answered with an error, by door and code",
    read: ({ meters }) => Object.entries(meters.doors).flatMap(([door, { refusals }]) => byName("code", Object.fromEntries(refusals), { door })),
  },
  { type: "gauge", name: "draft_http_streams", help: "Answers over HTTP that are still being told: watches, backups", read: ({ streams }) => single(streams) },
  { type: "gauge", name: "draft_http_body_bytes", help: "Bytes of HTTP bodies that are held", read: ({ bodyBytes }) => single(bodyBytes) },
  {
    type: "counter", name: "draft_net_events_total", help: "What befell connections with peers and messages on them, by name: see src/net/counters.ts",
    read: ({ node }) => byName("event", Object.fromEntries([...node.transport.counters.entries()].filter(([name]) => name !== "bytesOut"))),
  },
  { type: "counter", name: "draft_net_sent_bytes_total", help: "Bytes sent to peers", read: ({ node }) => single(node.transport.counters.of("bytesOut")) },
];
