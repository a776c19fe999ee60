/** Disks that stand still, by fsfreeze: leadership moves, nothing is claimed that is not durable, and the node comes back. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, sleep, TestCluster, type TestNode, until } from "../processes.ts";
import { Workload } from "../workload.ts";
import { canTry, FileSystem, whyNoFileSystem } from "./file_system.ts";

const test = suite("frozen");
const FLAGS = ["--heartbeat-ms", "60", "--election-ms", "300-600", "--segment-bytes", "4MiB"];
const isPossible = canTry("fsfreeze", whyNoFileSystem());
const tried = isPossible ? test : test.skip;

/** A cluster whose first node has a disk of its own. */
async function clusterOn(disk: FileSystem): Promise<{ cluster: TestCluster; node: TestNode }> {
  const cluster = await TestCluster.prepare({ flags: FLAGS });
  const [node] = cluster.nodes as [TestNode];
  (node as { data: string }).data = join(disk.path, "a");
  await cluster.startAll();
  return { cluster, node };
}

async function caughtUp(cluster: TestCluster, node: TestNode): Promise<void> {
  await until("it follows and has caught up", async () => {
    const leader = await cluster.leader();
    const [its, newest] = [await node.mainStatus(), await leader.mainStatus()];
    return its.role === "follower" && its.commitIndex > newest.commitIndex - 100;
  });
}

tried("F16: the leader's disk is frozen: its loop turns, another leads, and it comes back as follower", async () => {
  using disk = FileSystem.make("128M");
  const { cluster, node } = await clusterOn(disk);
  await using _ = cluster;
  await using client = cluster.client();
  if (await cluster.leader() !== node) await client.transfer(node.id);
  await using workload = new Workload(cluster.addresses);
  await sleep(500);
  assert.is((await node.mainStatus()).role, "leader");
  disk.freeze();
  const frozenAtMs = performance.now();
  try {
    const next = await until("another leads", async () => {
      const all = await Promise.all(cluster.others(node).map((other) => other.mainStatus(500)));
      return cluster.others(node).find((__, i) => all[i]?.role === "leader") ?? null;
    });
    const movedMs = performance.now() - frozenAtMs;
    for (let i = 0; i < 10; i++) {
      assert.is.not((await node.mainStatus(500)).role, "leader", "the frozen node's loop turns, and it leads no more");
      await sleep(50);
    }
    const before = workload.told.acked;
    await until("writes go on without it", () => workload.told.acked > before + 100);
    console.log(`\nfsfreeze: leadership moved to ${next.id} after ${Math.round(movedMs)} ms`);
  } finally {
    disk.thaw();
  }
  await caughtUp(cluster, node);
  await workload.stop();
  await workload.check(client);
  console.log(`fsfreeze: ${workload.summary()}`);
  await Promise.all(cluster.nodes.map((each) => each.stop()));
});

tried("F16: a follower's disk is frozen: it says so, acknowledges nothing, and what it said before is there", async () => {
  using disk = FileSystem.make("128M");
  const { cluster, node } = await clusterOn(disk);
  await using _ = cluster;
  await using client = cluster.client();
  if (await cluster.leader() === node) await client.transfer((cluster.others(node)[0] as TestNode).id);
  await using workload = new Workload(cluster.addresses);
  await sleep(500);
  disk.freeze();
  try {
    // What was under way when it froze may have become durable in that moment.
    await sleep(200);
    const leader = await cluster.leader();
    const matchOf = async (): Promise<number> => (await leader.mainStatus()).peers.find(({ id }) => id === node.id)?.matchIndex ?? 0;
    const [durable, match] = [(await node.mainStatus()).durableIndex, await matchOf()];
    await until("it says that its disk stands still", async () => {
      const { disk: { state }, alarms, ready } = await node.status();
      return state === "stuck" && !ready && alarms.some(({ code }) => code === "DISK_STUCK");
    });
    const why = await draft(["admin", "why", "-c", cluster.addresses.join(",")]);
    assert.match(why.out, new RegExp(`${node.id}.*DISK_STUCK`), why.out + why.err);
    await sleep(1_000);
    assert.is((await node.mainStatus()).durableIndex, durable);
    assert.is(await matchOf(), match, "its leader counts nothing of it that is not durable");
    assert.ok((await leader.mainStatus()).commitIndex > match + 100, "the others commit without it");
  } finally {
    disk.thaw();
  }
  await caughtUp(cluster, node);
  await until("all is well", async () => (await node.status()).disk.state === "ok" && (await node.status()).ready);
  await workload.stop();
  await workload.check(client);
  await Promise.all(cluster.nodes.map((each) => each.stop()));
});

test.run();
