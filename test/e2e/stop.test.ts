/**
 * A leader that is asked to end hands over first: writes pause for far less than an election timeout. The timeouts here
 * are long, so that the comparison does not depend on the machine.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sleep, TestCluster, until } from "./processes.ts";
import { Workload } from "./workload.ts";

const ELECTION_MIN_MS = 2000;
const FLAGS = ["--heartbeat-ms", "200", "--election-ms", `${ELECTION_MIN_MS}-4000`];

const test = suite("SIGTERM");

test("of the leader under writes pauses them for less than half an election timeout", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await using workload = new Workload(cluster.addresses);
  const gaps: number[] = [];
  for (let round = 0; round < 3; round++) {
    await sleep(700);
    const leader = await cluster.leader();
    workload.longestGapMs = 0;
    const { running } = leader;
    assert.is(await leader.stop(), 0, running?.err);
    await sleep(700);
    await cluster.leader();
    gaps.push(Math.round(workload.longestGapMs));
    await leader.start();
  }
  await workload.stop();
  await using client = cluster.client();
  await workload.check(client);
  console.log(`\nSIGTERM of the leader, three times: longest pauses ${gaps.join(", ")} ms: ${workload.summary()}`);
  assert.ok(gaps.every((gapMs) => gapMs < ELECTION_MIN_MS / 2), `pauses ${gaps.join(", ")} ms`);
  assert.is(workload.told.unknown, 0, "a leader that hands over leaves nobody in doubt");
});

test("of a follower ends it with 0, and nobody notices", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const leader = await cluster.leader();
  const { term } = await leader.mainStatus();
  const [follower] = cluster.others(leader);
  assert.is(await follower?.stop(), 0);
  await using client = cluster.client();
  await client.write(["set", "k", "v"]);
  assert.is((await leader.mainStatus()).term, term);
});

test("twice ends it at once with 1", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const leader = await cluster.leader();
  // Nobody is there to take over, so an orderly end takes its time.
  for (const follower of cluster.others(leader)) follower.running?.kill("SIGSTOP");
  const { running } = leader;
  running?.kill("SIGTERM");
  await until("the node says that it stops", () => running?.err.includes("stops: SIGTERM") ?? false);
  const beganMs = performance.now();
  running?.kill("SIGTERM");
  assert.is(await running?.end(), 1);
  assert.ok(performance.now() - beganMs < ELECTION_MIN_MS / 2);
  for (const follower of cluster.others(leader)) follower.running?.kill("SIGCONT");
});

test.run();
