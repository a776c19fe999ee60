/** A snapshot of many keys under load: what it does to writes, and how long the nodes' loops stand still. */
import type { Client } from "../../src/client/client.ts";
import { sleep, TestCluster } from "../../test/e2e/processes.ts";
import { fill, keyOf, Load, type Latencies, valueOf } from "./load.ts";
import { type Outcome, type Say, type WeighOptions, median, programOf } from "./weigh.ts";
import { gapsSince, loopsOf, Usage } from "./usage.ts";

/** Nodes settle for so long behind the filling. */
const SETTLE_MS = 2000;

/** One window of load, with or without snapshots. */
interface Window extends Latencies {
  /** Upper bound of the longest gap of any node's loop. */
  readonly gapMs: number;
}

/**
 * @returns `p99Ratio`: median of p99 with a snapshot by median of p99 without; `longestGapMs` of the windows with one
 */
export async function weighSnapshot(options: WeighOptions, say: Say): Promise<Outcome> {
  const { keys, valueBytes, rate, seconds, rounds } = options;
  await using cluster = await TestCluster.start({
    flags: ["--snapshot-entries", "1000000000", "--snapshot-bytes", "64GiB"], ...programOf(options),
  });
  await using client = cluster.client(60_000);
  say(`fills ${keys} keys with ${valueBytes} bytes each`);
  await fill(client, { end: keys, valueBytes });
  const usage = new Usage(cluster.nodes);
  const load = new Load(client, { rate, command: (at) => ["set", keyOf(spread(at, keys)), valueOf(at, valueBytes)] });
  await sleep(SETTLE_MS);
  const without: Window[] = [];
  const during: Window[] = [];
  let snapshotMs = 0;
  for (let round = 0; round < rounds; round++) {
    without.push(await window(cluster, load, say, "without", () => sleep(seconds * 1000)));
    const beganMs = performance.now();
    during.push(await window(cluster, load, say, "during ", () => snapshots(client, cluster)));
    snapshotMs = Math.max(snapshotMs, performance.now() - beganMs);
  }
  await load.stop();
  usage.stop();
  const p99 = (windows: readonly Window[]): number => median(windows.map((each) => each.p99Ms));
  const longestGapMs = Math.max(...during.map((each) => each.gapMs));
  const errors = [...without, ...during].reduce((sum, each) => sum + each.errors, 0);
  say(`memory at most: ${usage.text("memoryBytes")}`);
  return {
    isSound: errors === 0,
    figures: { keys, rate, p99WithoutMs: p99(without), p99DuringMs: p99(during), p99Ratio: p99(during) / p99(without), longestGapMs, snapshotMs, errors },
  };
}

/** All nodes take one at the same time, which is what they do when they count entries. */
async function snapshots(client: Client, cluster: TestCluster): Promise<void> {
  await Promise.all(cluster.addresses.map((address) => client.snapshot({ address, timeoutMs: 120_000 })));
}

async function window(cluster: TestCluster, load: Load, say: Say, what: string, run: () => Promise<unknown>): Promise<Window> {
  const before = await loopsOf(cluster.nodes);
  load.take();
  await run();
  const latencies = load.take();
  const after = await loopsOf(cluster.nodes);
  let gapMs = 0;
  for (const [id, loop] of after) {
    const gaps = gapsSince(before.get(id) ?? loop, loop);
    gapMs = Math.max(gapMs, gaps.longestMs);
    say(`${what} ${id}: gaps ${gaps.text}`);
  }
  const { writes, p50Ms, p99Ms, p999Ms, longestMs } = latencies;
  say(`${what}: ${writes} writes, p50 ${p50Ms} p99 ${p99Ms} p99.9 ${p999Ms} longest ${longestMs} ms`);
  return { ...latencies, gapMs };
}

/** Goes over all keys in an order without neighbours. */
export function spread(at: number, keys: number): number {
  return at * 7919 % keys;
}
