import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask, type Task } from "../../src/base/task.ts";
import { DraftError } from "../../src/base/errors.ts";
import { readWhole } from "../../src/host/files.ts";
import type { Clock, Disk, Log } from "../../src/host/host.ts";
import type { TraceEvent, TraceLine, TraceMessage } from "../../src/node/trace_events.ts";
import { openTraceFile, type TraceFile, WAITING_CHARACTERS_MAX } from "../../src/node/trace_file.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { SimNodes } from "./sim_nodes.ts";
import { write } from "./workload.ts";

const IDS = ["a", "b", "c"];
const PATH = "/trace.ndjson";
const FILE_BYTES_MAX = 1 << 26;

function run<T>(scheduler: Scheduler, task: Task<T>): T {
  const ended: { value: T; error: Error | null }[] = [];
  runTask(task, (...[error, value]) => void ended.push({ error, value: value as T }));
  for (let i = 0; i < 1_000_000 && ended.length === 0; i++) scheduler.step();
  const [end] = ended;
  if (end === undefined || end.error !== null) throw end?.error ?? new Error("it does not end");
  return end.value;
}

function linesOf(scheduler: Scheduler, disk: Disk, path: string = PATH): unknown[] {
  const bytes = run(scheduler, readWhole(disk, path, FILE_BYTES_MAX)) ?? new Uint8Array();
  const text = new TextDecoder().decode(bytes);
  assert.ok(text === "" || text.endsWith("\n"), "the last line is whole");
  return text.split("\n").slice(0, -1).map((line): unknown => JSON.parse(line));
}

/** Three nodes that write, stop, hand over and start again, each with a trace file. */
function traced(): { nodes: SimNodes; traces: Map<string, TraceLine[]> } {
  const nodes = new SimNodes({ seed: 11, ids: IDS, flags: { "trace-file": PATH } });
  nodes.startAll();
  const first = nodes.awaitLeader().id;
  for (let i = 0; i < 20; i++) write(nodes, first, ["set", `k${i}`, "v"]);
  nodes.run(500);
  const stop = nodes.stop(first);
  nodes.until("it stopped", () => stop.stopped);
  const second = nodes.awaitLeader().id;
  write(nodes, second, ["set", "k", "w"]);
  nodes.start(first);
  nodes.run(2000);
  const stops = IDS.map((id) => nodes.stop(id));
  nodes.until("all stopped", () => stops.every((stop) => stop.stopped));
  const traces = new Map(IDS.map((id) => [id, linesOf(nodes.scheduler, nodes.node(id).disk.boot()) as TraceLine[]]));
  return { nodes, traces };
}

const NAMES: ReadonlySet<string> = new Set([
  "InitState", "BecomeFollower", "BecomeCandidate", "BecomeLeader", "Replicate", "Commit", "Ready",
  ...["AppendEntries", "RequestVote"].flatMap((subject) => ["Send", "Receive"].flatMap((verb) => [`${verb}${subject}Request`, `${verb}${subject}Response`])),
]);
const MESSAGE_FIELDS = ["type", "term", "from", "to", "entries", "logTerm", "index", "commit", "vote", "reject", "rejectHint"].sort().join();

/** What is wrong with the trace of one node; empty if nothing is. */
function wrongWith(lines: readonly TraceLine[]): string[] {
  const wrong: string[] = [];
  let last: TraceEvent | null = null;
  let lastTs = 0;
  for (const [at, { ts, tag, event }] of lines.entries()) {
    const complain = (what: string): void => void wrong.push(`line ${at + 1} ${event.name}: ${what}`);
    if (tag !== "trace" || !NAMES.has(event.name)) complain("no such event");
    if (!/^\d{10}\.\d{6}$/.test(String(ts))) complain(`time ${ts} cannot be sorted as text`);
    if (ts <= lastTs) complain("time does not rise");
    const isMessage = /^(Send|Receive)/.test(event.name);
    if (isMessage !== (event.msg !== undefined)) complain("message");
    if (event.msg !== undefined && Object.keys(event.msg).sort().join() !== MESSAGE_FIELDS) complain("fields of the message");
    if (!/^State(Follower|PreCandidate|Candidate|Leader)$/.test(event.role) || !/^\d+$/.test(event.state.vote)) complain("state");
    if (event.state.commit > event.log) complain("commit behind the log");
    if (last !== null && event.name !== "InitState" && (event.state.term < last.state.term || event.state.commit < last.state.commit)) complain("falls");
    if (event.name === "BecomeLeader" && event.state.vote !== event.nid) complain("leads without its own vote");
    if (/^(Replicate|Commit)$/.test(event.name) && event.role !== "StateLeader") complain("not a leader");
    [last, lastTs] = [event, ts];
  }
  if (lines[0]?.event.name !== "InitState") wrong.push("does not begin with InitState");
  return wrong;
}

test("--trace-file writes what each node does, in etcd's names and fields", () => {
  const { traces } = traced();
  for (const [id, lines] of traces) assert.equal([id, ...wrongWith(lines)], [id]);
  const names = new Set([...traces.values()].flatMap((lines) => lines.map(({ event }) => event.name)));
  assert.equal([...names].sort(), [...NAMES].sort(), "every event occurs");
});

test("traces of a cluster, merged by time: what is received was sent before, and each term has one leader", () => {
  const { traces } = traced();
  const all = [...traces.values()].flat().sort((a, b) => a.ts - b.ts);
  const underWay = new Map<string, number>();
  const leaders = new Map<number, string>();
  const keyOf = (msg: TraceMessage): string => JSON.stringify(msg);
  let received = 0;
  for (const { event } of all) {
    const { name, msg, state, nid } = event;
    if (name === "BecomeLeader") {
      assert.is(leaders.get(state.term) ?? nid, nid);
      leaders.set(state.term, nid);
    }
    if (msg === undefined) continue;
    const count = underWay.get(keyOf(msg)) ?? 0;
    if (name.startsWith("Send")) underWay.set(keyOf(msg), count + 1);
    else {
      assert.ok(count > 0, `${name} ${keyOf(msg)} was sent`);
      underWay.set(keyOf(msg), count - 1);
      received += 1;
    }
  }
  assert.ok(received > 100 && leaders.size >= 2, `${received} received, ${leaders.size} leaders`);
});

test("a snapshot: word of it is sent, and received where one takes the place of the log", async () => {
  const nodes = new SimNodes({ seed: 12, ids: IDS, flags: { "trace-file": PATH, "snapshot-entries": "10", "retain-bytes": "0" } });
  nodes.startAll();
  const leader = nodes.awaitLeader().id;
  const away = IDS.find((id) => id !== leader) as string;
  nodes.crash(away);
  for (let i = 0; i < 60; i++) write(nodes, leader, ["set", `k${i}`, "v"]);
  nodes.start(away);
  for (let i = 0; i < 20; i++) {
    nodes.run(50);
    // The machine is restored behind promises.
    await new Promise((resolve) => void setImmediate(resolve));
  }
  assert.is(nodes.node(away).state?.lastApplied, nodes.node(leader).state?.commitIndex, "it has caught up");
  const stops = IDS.map((id) => nodes.stop(id));
  nodes.until("all stopped", () => stops.every((stop) => stop.stopped));
  const linesAt = (id: string): TraceLine[] => linesOf(nodes.scheduler, nodes.node(id).disk.boot()) as TraceLine[];
  const said = linesAt(leader).flatMap(({ event }) => event.msg?.type === "MsgSnap" && event.name === "SendAppendEntriesRequest" ? [JSON.stringify(event.msg)] : []);
  const lines = linesAt(away);
  assert.equal(wrongWith(lines), []);
  const at = lines.findLastIndex(({ event }) => event.msg?.type === "MsgSnap");
  const [received, next] = [lines[at]?.event, lines[at + 1]?.event];
  assert.is(received?.name, "ReceiveAppendEntriesRequest");
  assert.ok(said.includes(JSON.stringify(received?.msg)), "what is received was sent");
  const reached = received?.msg?.entries ?? 0;
  assert.ok(reached >= 10 && (received?.log ?? 0) < reached && (next?.log ?? 0) >= reached, `${received?.log} before, ${next?.log} behind ${reached}`);
});

test("--trace-file appends to what is there, and a restart begins with InitState", () => {
  const { traces } = traced();
  const starts = [...traces.values()].map((lines) => lines.filter(({ event }) => event.name === "InitState").length);
  assert.equal(starts.sort((a, b) => a - b), [1, 1, 2]);
});

test("--trace-file names a file that cannot be opened", () => {
  const nodes = new SimNodes({ seed: 1, ids: ["a"], flags: { "trace-file": "/missing/trace" } });
  nodes.start("a", { bootstrap: "yes" });
  nodes.run(1000);
  const { startError } = nodes.node("a");
  assert.ok(startError instanceof DraftError && startError.code === "BAD_CONFIG");
  assert.match(startError.message, '--trace-file "/missing/trace" cannot be opened');
});

/** A trace file on a simulated disk of its own. */
function rig(): { scheduler: Scheduler; disk: SimDisk; port: Disk; trace: TraceFile; words: string[] } {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 1 });
  const words: string[] = [];
  const clock: Clock = scheduler.clock(0);
  const log: Log = { enabled: () => true, write: (_level, message) => void words.push(message) };
  const port = disk.boot();
  return { scheduler, disk, port, trace: run(scheduler, openTraceFile({ disk: port, clock, log }, PATH)), words };
}

test("TraceFile drops what the disk does not take in time, and says where", () => {
  const { scheduler, port, trace, words } = rig();
  const line = { text: "x".repeat(1 << 20) };
  for (let i = 0; i < 12; i++) trace.write({ ...line, i });
  assert.ok(trace.dropped > 0 && trace.dropped < 12);
  const { dropped } = trace;
  scheduler.runUntil(1000);
  trace.write({ text: "after" });
  run(scheduler, trace.close());
  const lines = linesOf(scheduler, port) as { text?: string; tag?: string; lines?: number }[];
  assert.equal(lines.slice(-2), [{ tag: "dropped", lines: dropped }, { text: "after" }]);
  assert.is(lines.length, 12 - dropped + 2);
  assert.ok(12 - dropped <= WAITING_CHARACTERS_MAX / (1 << 20));
  assert.match(words.join(), `${dropped} lines`);
});

test("TraceFile writes nothing more after the disk failed, and closes all the same", () => {
  const { scheduler, disk, trace, words } = rig();
  disk.fault = (call) => (call.kind === "write" ? { error: "EIO" } : null);
  trace.write({ a: 1 });
  scheduler.runUntil(1000);
  trace.write({ a: 2 });
  run(scheduler, trace.close());
  run(scheduler, trace.close());
  assert.equal(words.length, 1);
  assert.match(words[0] ?? "", "nothing more is traced");
});

test.run();
