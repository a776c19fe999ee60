/** Snapshots of real processes: logs stay short, starts are from a snapshot, who was away for long fetches one (S01, S07). */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HISTORY_LIMITS } from "../../src/machine/change_history.ts";
import { draft, sleep, TestCluster, type TestNode, until } from "./processes.ts";

const test = suite("snapshots");

const FLAGS = ["--heartbeat-ms", "40", "--election-ms", "200-400", "--snapshot-bytes", "512KiB", "--retain-bytes", "64KiB", "--segment-bytes", "256KiB"];

/** More than fifty keys of a kilobyte, and all that a snapshot says besides. */
const STATE_BYTES = 256 * 1024;

/** Bytes of the files in a directory of the node's. */
function bytesIn(node: TestNode, directory: string): number {
  const path = join(node.data, directory);
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

/** Overwrites the same keys again and again. */
async function overwrite(cluster: TestCluster, rounds: number): Promise<void> {
  await using client = cluster.client(20_000);
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 50 }, (_, key) => client.run(["set", `k${key}`, `${round} `.padEnd(1000, "x")])));
  }
}

async function agree(cluster: TestCluster): Promise<void> {
  const states = await until("all have applied the same", async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.mainStatus()));
    return new Set(all.map(({ appliedIndex }) => appliedIndex)).size === 1 && all;
  });
  assert.is(new Set(states.map(({ stateHash }) => stateHash)).size, 1, "state hashes differ at one index");
}

test("logs and snapshots stay short under overwrites, and a start is from a snapshot", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await overwrite(cluster, 100);
  const written = 100 * 50 * 1000;
  await until("snapshots were taken on all", async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.mainStatus()));
    return all.every(({ firstIndex, snapshotIndex }) => firstIndex > 1000 && snapshotIndex >= firstIndex - 1);
  });
  for (const node of cluster.nodes) {
    const [log, snapshots] = [bytesIn(node, "wal"), bytesIn(node, "snapshots/1")];
    assert.ok(log < written / 2, `the log of ${node.id} keeps ${log} bytes of ${written}`);
    // One besides may be on its way. What watchers may still ask for stands in each, up to its bound: here all of it.
    const bytesMax = 2 * (STATE_BYTES + Math.min(1.1 * written, HISTORY_LIMITS.bytesMax));
    assert.ok(snapshots < bytesMax, `snapshots of ${node.id} have ${snapshots} bytes, at most ${bytesMax}`);
  }
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  await cluster.startAll();
  await cluster.leader();
  await agree(cluster);
  await using client = cluster.client();
  assert.match(String((await client.run(["get", "k7"])).result), /^99 x+$/);
  for (const node of cluster.nodes) {
    assert.ok((await node.mainStatus()).firstIndex > 1000, `${node.id} begins where it did`);
    // A start may take the next one, and the one before goes when that is durable.
    await until(`${node.id} keeps one snapshot and no leftovers`, () => Promise.resolve(readdirSync(join(node.data, "snapshots/1")).length === 1));
  }
});

test("a follower that was away fetches a snapshot while writes go on, though it is killed again and again meanwhile", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await overwrite(cluster, 5);
  const away = cluster.others(await cluster.leader())[0] as TestNode;
  await away.kill();
  await overwrite(cluster, 60);
  const writing = overwrite(cluster, 60);
  let told = "";
  for (let kill = 0; kill < 8; kill++) {
    const { err } = await away.start();
    await sleep(20 + 37 * kill);
    told += away.running?.err ?? err;
    await away.kill();
  }
  const running = await away.start();
  await writing;
  await agree(cluster);
  assert.match(told + running.err, /snapshot of index \d+ fetched/);
  assert.is(readdirSync(join(away.data, "snapshots/1")).filter((name) => !name.endsWith(".snap")).length, 0, "no stray files");
});

test("draft admin snapshot takes one on every node", async () => {
  await using cluster = await TestCluster.start({ flags: ["--heartbeat-ms", "40", "--election-ms", "200-400", "--retain-bytes", "0"] });
  await overwrite(cluster, 2);
  await agree(cluster);
  const { out } = await draft(["admin", "snapshot", "-c", cluster.addresses.join(",")]);
  assert.match(out, /^a has a snapshot of index \d+\nb has a snapshot of index \d+\nc has a snapshot of index \d+\n$/);
  for (const node of cluster.nodes) {
    const { snapshotIndex, firstIndex } = await node.mainStatus();
    assert.ok(snapshotIndex > 100 && firstIndex === snapshotIndex + 1, `${node.id} holds ${snapshotIndex}, and its log begins at ${firstIndex}`);
  }
});

test.run();
