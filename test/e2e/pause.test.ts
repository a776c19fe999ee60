/** A leader that is frozen for longer than an election timeout reads its mail before it does anything else (D17). */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sleep, TestCluster, until } from "./processes.ts";
import { Workload } from "./workload.ts";

const ELECTION_MAX_MS = 600;

const test = suite("pause");

test("D17: a frozen leader comes back as follower of the new one, and disturbs nobody", async () => {
  await using cluster = await TestCluster.start({ flags: ["--election-ms", `300-${ELECTION_MAX_MS}`] });
  await using workload = new Workload(cluster.addresses);
  for (let round = 0; round < 2; round++) {
    const old = await cluster.leader();
    await sleep(300);
    old.running?.kill("SIGSTOP");
    const others = cluster.others(old);
    const next = await until("another leads", async () => {
      const all = await Promise.all(others.map((node) => node.mainStatus(500)));
      return others.find((_, i) => all[i]?.role === "leader") ?? null;
    });
    await sleep(ELECTION_MAX_MS);
    const { term } = await next.mainStatus();
    old.running?.kill("SIGCONT");
    await until("the old leader follows", async () => {
      const { role, leader } = await old.mainStatus();
      return role === "follower" && leader?.id === next.id;
    });
    await sleep(2 * ELECTION_MAX_MS);
    assert.is((await next.mainStatus()).role, "leader");
    assert.is((await next.mainStatus()).term, term, "the term moved though a leader was there");
  }
  await workload.stop();
  await using client = cluster.client();
  await workload.check(client);
  console.log(`\nfrozen leader, twice: ${workload.summary()}`);
});

test("D17: a frozen follower comes back without an election", async () => {
  await using cluster = await TestCluster.start({ flags: ["--election-ms", `300-${ELECTION_MAX_MS}`] });
  const leader = await cluster.leader();
  const { term } = await leader.mainStatus();
  const [follower] = cluster.others(leader);
  follower?.running?.kill("SIGSTOP");
  await using client = cluster.client();
  for (let i = 0; i < 50; i++) await client.write(["set", `k${i}`, "x".repeat(10_000)]);
  await sleep(3 * ELECTION_MAX_MS);
  follower?.running?.kill("SIGCONT");
  await until("it has caught up", async () => {
    const [mine, its] = await Promise.all([leader.mainStatus(), follower?.mainStatus()]);
    return its?.appliedIndex === mine.appliedIndex;
  });
  await sleep(2 * ELECTION_MAX_MS);
  const { role, term: termAfter } = await leader.mainStatus();
  assert.equal([role, termAfter], ["leader", term]);
});

test.run();
