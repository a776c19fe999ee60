/** Processes that are killed under writes lose nothing that was acknowledged (P03, D16). */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sleep, TestCluster, type TestNode, until } from "./processes.ts";
import { Workload } from "./workload.ts";

const KILLS = 30;
/** Every so many kills, two nodes are down at once: nobody leads until they are back. */
const TWO_EVERY = 7;

const test = suite("kill -9");

/** Waits until all have applied the same, and compares their states. */
async function agree(cluster: TestCluster): Promise<void> {
  const states = await until("all have applied the same", async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.mainStatus()));
    return new Set(all.map(({ appliedIndex }) => appliedIndex)).size === 1 && all;
  });
  assert.is(new Set(states.map(({ stateHash }) => stateHash)).size, 1, "state hashes differ at one index");
}

async function killAndRestart(cluster: TestCluster, round: number): Promise<void> {
  const leader = await cluster.leader();
  const followers = cluster.others(leader);
  const first = round % 2 === 0 ? leader : followers[(round >> 1) % 2] as TestNode;
  const victims = round % TWO_EVERY === TWO_EVERY - 1 ? [first, cluster.others(first)[0] as TestNode] : [first];
  await Promise.all(victims.map((node) => node.kill()));
  // Sometimes the others have long elected a leader by then, sometimes not.
  await sleep(50 + (round * 137) % 700);
  await Promise.all(victims.map((node) => node.start()));
  await sleep(100);
}

test("30 of leader and followers in turn, then of all at once, lose no acknowledged write", async () => {
  await using cluster = await TestCluster.start({ flags: ["--heartbeat-ms", "40", "--election-ms", "150-300"] });
  await using workload = new Workload(cluster.addresses);
  for (let round = 0; round < KILLS; round++) await killAndRestart(cluster, round);
  const termBefore = (await (await cluster.leader()).mainStatus()).term;
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  await cluster.startAll();
  assert.ok((await (await cluster.leader()).mainStatus()).term > termBefore);
  await sleep(300);
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  await workload.stop();
  await cluster.startAll();
  await using client = cluster.client();
  await workload.check(client);
  await agree(cluster);
  console.log(`\nkill -9: ${KILLS} in turn, then twice all three: ${workload.summary()}`);
  assert.ok(workload.told.acked > 1000, "the writers got somewhere");
});

test.run();
