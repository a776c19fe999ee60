/** Overwrites for a long time: log, snapshots and memory stay within bounds, and no pause is long. */
import { sleep, TestCluster } from "../../test/e2e/processes.ts";
import { fill, keyOf, Load, valueOf } from "./load.ts";
import { spread } from "./snapshot.ts";
import { StallMeter, tellStalls } from "./stall_meter.ts";
import { MIB, Usage } from "./usage.ts";
import type { Outcome, Say, WeighOptions } from "./weigh.ts";

const WINDOW_MS = 30_000;

/**
 * @returns the most memory, log and snapshots of any node in the first half and in the second: what is bounded does not
 *   grow from the one to the other
 */
export async function weighOverwrite(options: WeighOptions, say: Say): Promise<Outcome> {
  const { keys, valueBytes, rate, seconds } = options;
  const meter = new StallMeter(options);
  await using cluster = await TestCluster.start({ flags: ["--snapshot-bytes", String(options.bytes)], program: (i) => meter.program(i) });
  await using client = cluster.client(60_000);
  await fill(client, { end: keys, valueBytes });
  const usage = new Usage(cluster.nodes);
  const load = new Load(client, { rate, command: (at) => ["set", keyOf(spread(at, keys)), valueOf(at, valueBytes)] });
  await meter.take(cluster.nodes);
  const halves: { memoryBytes: number; logBytes: number; snapshotBytes: number }[] = [];
  let [writes, errors] = [0, 0];
  for (let half = 0; half < 2; half++) {
    usage.reset();
    for (let leftMs = seconds * 500; leftMs > 0; leftMs -= WINDOW_MS) {
      await sleep(Math.min(WINDOW_MS, leftMs));
      const window = load.take();
      writes += window.writes;
      errors += window.errors;
      say(`${window.writes} writes, p50 ${window.p50Ms} p99 ${window.p99Ms} longest ${window.longestMs} ms; ` +
        `memory ${usage.text("memoryBytes")}; log ${usage.text("logBytes")}; snapshots ${usage.text("snapshotBytes")}`);
    }
    const most = [...usage.most.values()];
    const of = (field: "memoryBytes" | "logBytes" | "snapshotBytes"): number => Math.max(...most.map((each) => each[field]));
    halves.push({ memoryBytes: of("memoryBytes"), logBytes: of("logBytes"), snapshotBytes: of("snapshotBytes") });
  }
  await load.stop();
  usage.stop();
  const stallMs = await tellStalls(meter, cluster.nodes, say);
  const taken = await Promise.all(cluster.nodes.map(async (node) => (await node.mainStatus(10_000)).snapshotIndex));
  const [first, second] = halves as [typeof halves[0] & object, typeof halves[0] & object];
  return {
    isSound: errors === 0 && taken.every((index) => index > 0),
    figures: {
      writes, errors, stallMs, writtenMiB: Math.round(writes * valueBytes / MIB),
      firstLogBytes: first.logBytes, secondLogBytes: second.logBytes,
      firstSnapshotBytes: first.snapshotBytes, secondSnapshotBytes: second.snapshotBytes,
      firstMemoryBytes: first.memoryBytes, secondMemoryBytes: second.memoryBytes,
    },
  };
}
