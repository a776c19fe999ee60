/** A snapshot of many keys under load: what it does to writes, and how long the nodes' loops stand still. */
import { loadavg } from "node:os";
import type { Client } from "../../src/client/client.ts";
import { sleep, TestCluster } from "../../test/e2e/processes.ts";
import { fill, keyOf, Load, type Latencies, valueOf } from "./load.ts";
import { StallMeter, tellStalls } from "./stall_meter.ts";
import { Usage } from "./usage.ts";
import { median, type Outcome, type Say, type WeighOptions } from "./weigh.ts";

/** Nodes settle for so long behind the filling. */
const SETTLE_MS = 2000;

/** One window of load, with or without snapshots. */
interface Window extends Latencies {
  /** The longest that any node's loop stood still by its own doing. */
  readonly stallMs: number;
  readonly tookMs: number;
}

/**
 * @returns `p99Ratio`: median of p99 with a snapshot by median of p99 without; `stallMs`: the longest stall of any node
 *   in the windows with one, and when all keys are deleted by one command
 */
export async function weighSnapshot(options: WeighOptions, say: Say): Promise<Outcome> {
  const { keys, valueBytes, rate, seconds, rounds } = options;
  const meter = new StallMeter(options);
  await using cluster = await TestCluster.start({
    flags: ["--snapshot-entries", "1000000000", "--snapshot-bytes", "64GiB"], program: (i) => meter.program(i),
  });
  await using client = cluster.client(60_000);
  const usage = new Usage(cluster.nodes);
  const load = new Load(client, { rate: 0, command: (at) => ["set", keyOf(spread(at, keys)), valueOf(at, valueBytes)] });
  const windowOf = (what: string, run: () => Promise<unknown>): Promise<Window> => window({ cluster, meter, load, say, what, run });
  await windowOf(`fills ${keys} keys of ${valueBytes} bytes`, () => fill(client, { end: keys, valueBytes }));
  load.go(rate);
  await windowOf("settles", () => sleep(SETTLE_MS));
  const without: Window[] = [];
  const during: Window[] = [];
  for (let round = 0; round < rounds; round++) {
    without.push(await windowOf("without a snapshot", () => sleep(seconds * 1000)));
    during.push(await windowOf("with a snapshot", () => snapshots(client, cluster)));
  }
  const emptied = await windowOf("deletes all keys", () => client.write(["flushall"], { timeoutMs: 60_000 }));
  const after = await windowOf("settles", () => sleep(SETTLE_MS));
  await load.stop();
  usage.stop();
  const p99 = (windows: readonly Window[]): number => median(windows.map((each) => each.p99Ms));
  const longest = (windows: readonly Window[]): number => Math.max(...windows.map((each) => each.stallMs));
  const errors = [...without, ...during, emptied, after].reduce((sum, each) => sum + each.errors, 0);
  say(`memory at most: ${usage.text("memoryBytes")}`);
  return {
    isSound: errors === 0,
    figures: {
      keys, rate, p99WithoutMs: p99(without), p99DuringMs: p99(during), p99Ratio: p99(during) / p99(without),
      stallWithoutMs: longest(without), stallDuringMs: longest(during), stallDeleteMs: longest([emptied, after]),
      snapshotMs: median(during.map((each) => each.tookMs)), errors,
    },
  };
}

/** All nodes take one at the same time, which is what they do when they count entries. */
async function snapshots(client: Client, cluster: TestCluster): Promise<void> {
  await Promise.all(cluster.addresses.map((address) => client.snapshot({ address, timeoutMs: 120_000 })));
}

interface WindowOptions {
  readonly cluster: TestCluster;
  readonly meter: StallMeter;
  readonly load: Load;
  readonly say: Say;
  readonly what: string;
  readonly run: () => Promise<unknown>;
}

async function window({ cluster, meter, load, say, what, run }: WindowOptions): Promise<Window> {
  await meter.take(cluster.nodes);
  load.take();
  const beganMs = performance.now();
  await run();
  const tookMs = performance.now() - beganMs;
  const latencies = load.take();
  const { writes, p50Ms, p99Ms, p999Ms, longestMs } = latencies;
  say(`${what}: ${(tookMs / 1000).toFixed(1)} s, ${writes} writes, p50 ${p50Ms} p99 ${p99Ms} p99.9 ${p999Ms} longest ${longestMs} ms; load of the machine ${(loadavg()[0] ?? 0).toFixed(1)}`);
  const stallMs = await tellStalls(meter, cluster.nodes, say);
  return { ...latencies, tookMs, stallMs };
}

/** Goes over all keys in an order without neighbours. */
export function spread(at: number, keys: number): number {
  return at * 7919 % keys;
}
