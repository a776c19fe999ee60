/**
 * A follower that was down while much was written fetches a snapshot while writes go on. It is killed again and again in
 * the midst of it, and so is who serves it; in the end all hold the same, and no file is left over.
 */
import { statSync } from "node:fs";
import { join, relative } from "node:path";
import { sleep, TestCluster, type TestNode, until } from "../../test/e2e/processes.ts";
import { fill, keyOf, Load, valueOf } from "./load.ts";
import { spread } from "./snapshot.ts";
import { StallMeter, tellStalls } from "./stall_meter.ts";
import { filesBelow, MIB, Usage } from "./usage.ts";
import type { Outcome, Say, WeighOptions } from "./weigh.ts";

const LIMIT_MS = 300_000;
const FETCH_LIMIT_MS = 300_000;
const SETTLE_LIMIT_MS = 30_000;

/** Times that the receiver is killed while it fetches. */
const KILLS = 20;

/** What may stand in the data directory of a node. */
const EXPECTED: readonly RegExp[] = [/^(lock|lock-journal|identity)$/, /^wal\/(mark|\d{12}\.seg)$/, /^snapshots\/1\/\d+-\d+\.snap$/];

/** @returns the most memory and files that any node took, how long the last way up took, how many writes came meanwhile */
export async function weighCatchUp(options: WeighOptions, say: Say): Promise<Outcome> {
  const { bytes, keys, valueBytes, rate } = options;
  const meter = new StallMeter(options);
  const stateBytes = keys * (valueBytes + 64);
  await using cluster = await TestCluster.start({
    flags: ["--snapshot-bytes", String(Math.ceil(stateBytes / 4)), "--retain-bytes", String(Math.ceil(stateBytes / 16))], program: (i) => meter.program(i),
  });
  await using client = cluster.client(60_000);
  await fill(client, { end: keys, valueBytes });
  const usage = new Usage(cluster.nodes);
  const away = cluster.others(await cluster.leader())[0] as TestNode;
  await away.kill();
  say(`${away.id} is down: writes ${Math.round(bytes / MIB)} MiB`);
  for (let written = 0, round = 1; written < bytes; round++) {
    await fill(client, { end: keys, valueBytes, round });
    written += keys * valueBytes;
  }
  tellUsage(usage, say);
  usage.reset();
  const load = new Load(client, { rate, command: (at) => ["set", keyOf(spread(at, keys)), valueOf(at, valueBytes)] });
  for (let kill = 1; kill <= KILLS; kill++) await killReceiver(cluster, away, 11 * kill);
  say(`${away.id} was killed ${KILLS} times while it fetched`);
  tellUsage(usage, say);
  await killSenders(cluster, away, say);
  await meter.take(cluster.nodes);
  const upMs = await wayUp(cluster, away, rate);
  const stallMs = await tellStalls(meter, cluster.nodes, say);
  const { writes, errors, p99Ms } = load.take();
  await load.stop();
  await agree(cluster);
  usage.stop();
  tellUsage(usage, say);
  const strays = await straysLeft(cluster.nodes);
  const most = (field: "memoryBytes" | "logBytes" | "snapshotBytes"): number => Math.max(...[...usage.most.values()].map((each) => each[field]));
  return {
    isSound: errors === 0 && strays.length === 0,
    figures: {
      kills: KILLS, upMs, stallMs, writes, errors, p99Ms, strays: strays.join(" "), stateBytes,
      memoryBytes: most("memoryBytes"), logBytes: most("logBytes"), snapshotBytes: most("snapshotBytes"),
    },
  };
}

function tellUsage(usage: Usage, say: Say): void {
  usage.look();
  say(`at most: memory ${usage.text("memoryBytes")}; log ${usage.text("logBytes")}; snapshots ${usage.text("snapshotBytes")}`);
}

/** Whether a snapshot is being fetched into the node's directory, or was when it was killed. */
function isFetching(node: TestNode): boolean {
  return filesBelow(join(node.data, "snapshots")).some((file) => file.endsWith(".fetching"));
}

/** Starts the node, waits until it fetches, and kills it a little later. */
async function killReceiver(cluster: TestCluster, away: TestNode, delayMs: number): Promise<void> {
  await needsSnapshot(cluster, away);
  const left = bytesFetched(away);
  await away.start();
  await until(`${away.id} fetches`, () => bytesFetched(away) !== left, FETCH_LIMIT_MS);
  await sleep(delayMs % 50);
  await away.kill();
}

/** Name and size of what was fetched so far: that it changes shows that the fetch goes on. */
function bytesFetched(node: TestNode): string {
  const files = filesBelow(join(node.data, "snapshots")).filter((file) => file.endsWith(".fetching"));
  return files.map((file) => `${file} ${statSync(file, { throwIfNoEntry: false })?.size ?? 0}`).join(" ");
}

/** Unless it has part of a snapshot, the stopped node waits until the log that it would need is gone. */
async function needsSnapshot(cluster: TestCluster, away: TestNode): Promise<void> {
  if (isFetching(away)) return;
  const { lastIndex } = await (await cluster.leader()).mainStatus(10_000);
  await until("the log is compacted", async () => (await (await cluster.leader()).mainStatus(10_000)).firstIndex > lastIndex, FETCH_LIMIT_MS);
}

/** Kills each of the others once while the node fetches: one of them is who serves it. */
async function killSenders(cluster: TestCluster, away: TestNode, say: Say): Promise<void> {
  for (const other of cluster.others(away)) {
    await needsSnapshot(cluster, away);
    const left = bytesFetched(away);
    await away.start();
    await until(`${away.id} fetches`, () => bytesFetched(away) !== left, FETCH_LIMIT_MS);
    await other.kill();
    say(`${other.id} was killed while ${away.id} fetched`);
    await other.start();
    await cluster.leader();
    await away.kill();
  }
}

/** How long it takes from its start until the node has what the leader has, but for what a second brings. */
async function wayUp(cluster: TestCluster, away: TestNode, rate: number): Promise<number> {
  await needsSnapshot(cluster, away);
  const beganMs = performance.now();
  await away.start();
  await until("it has caught up", async () => {
    const { lastIndex } = await (await cluster.leader()).mainStatus(10_000);
    return (await away.mainStatus(10_000)).appliedIndex >= lastIndex - rate;
  }, LIMIT_MS);
  return performance.now() - beganMs;
}

async function agree(cluster: TestCluster): Promise<void> {
  await until("all hold the same", async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.mainStatus(10_000)));
    return new Set(all.map(({ appliedIndex, stateHash }) => `${appliedIndex} ${stateHash}`)).size === 1;
  }, LIMIT_MS);
}

/** Files that nobody expects, once the snapshots that are being taken are done. */
async function straysLeft(nodes: readonly TestNode[]): Promise<string[]> {
  const endMs = performance.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const strays = nodes.flatMap(straysOf);
    if (strays.length === 0 || performance.now() > endMs) return strays;
    await sleep(100);
  }
}

/** Files of the node that nobody expects there. */
function straysOf(node: TestNode): string[] {
  return filesBelow(node.data).map((file) => relative(node.data, file)).filter((file) => !EXPECTED.some((each) => each.test(file)));
}
