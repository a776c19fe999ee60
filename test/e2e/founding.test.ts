/** A node whose directory was lost founds nothing and votes for nobody, whatever flags it is started with (D01). */
import { rmSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, freePorts, sleep, temporaryDirectory, TestCluster, TestNode, until } from "./processes.ts";

const FLAGS = ["--heartbeat-ms", "40", "--election-ms", "150-300"];
/** In so many of the longest election timeouts, whoever could be elected would be. */
const PATIENCE_MS = 10 * 300;

const test = suite("founding");

/** Starts the node on an empty directory, and checks that it waits and says what to do. */
async function startsWaiting(node: TestNode): Promise<void> {
  rmSync(node.data, { recursive: true });
  const { out } = await node.start();
  assert.match(out, /^ready id=\S+ listen=\S+ address=\S+ cluster=- group=main role=waiting\n$/);
  await until("it says what to do", () => node.running?.err.includes(`draft admin replace ${node.id} ${node.id}@${node.address}`) ?? false);
  const { role, voting } = await node.mainStatus();
  assert.equal([role, voting], ["waiting", false]);
}

test("D01: wiped and started with its old --initial, it waits, and its vote counts nowhere", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await using client = cluster.client();
  await client.write(["set", "k", "v"]);
  const { clusterId } = await (await cluster.leader()).status();
  const [wiped, alive, cut] = cluster.nodes as [TestNode, TestNode, TestNode];
  await wiped.kill();
  await cluster.leader();
  await startsWaiting(wiped);
  const { alarms } = await wiped.status();
  assert.match(JSON.stringify(alarms), /draft admin replace a a@/);
  const states = await draft(["admin", "states", "-c", wiped.address]);
  assert.match(states.out, /waiting.*draft admin replace a a@/);
  // With it there would be two of three: the one that is left must not be elected.
  await cut.kill();
  await sleep(PATIENCE_MS);
  const left = await alive.mainStatus();
  assert.is.not(left.role, "leader", "one of three was elected with the vote of a wiped node");
  assert.is((await wiped.mainStatus()).role, "waiting");
  const refused = await draft(["client", "-c", alive.address, "--timeout-ms", "700", "set", "k", "w"]);
  assert.is(refused.code, 1, refused.err);
  await cut.start();
  await cluster.leader();
  assert.is((await client.read(["get", "k"])).result, "v");
  assert.equal([(await wiped.status()).clusterId, (await cut.status()).clusterId], [null, clusterId]);
});

test("D01: wiped and started with --bootstrap while the others are alive, it founds nothing", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const [wiped] = cluster.nodes as [TestNode];
  await wiped.kill();
  await cluster.leader();
  wiped.flags = ["--bootstrap", ...FLAGS];
  await startsWaiting(wiped);
  await sleep(PATIENCE_MS);
  assert.equal([(await wiped.mainStatus()).role, (await wiped.status()).clusterId], ["waiting", null]);
});

test("D02: two of three wiped found nothing with the third, nor without it", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await using client = cluster.client();
  await client.write(["set", "k", "v"]);
  const [first, second, intact] = cluster.nodes as [TestNode, TestNode, TestNode];
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  for (const node of [first, second]) {
    rmSync(node.data, { recursive: true });
    await node.start();
  }
  await sleep(1000);
  for (const node of [first, second]) assert.is((await node.status()).clusterId, null);
  await intact.start();
  await sleep(PATIENCE_MS);
  for (const node of [first, second]) assert.is((await node.mainStatus()).role, "waiting");
  assert.is.not((await intact.mainStatus()).role, "leader");
  await until("it says that a majority is gone", () => /directory of a was lost/.test(intact.running?.err ?? ""));
});

test("--bootstrap founds a cluster of one, which survives kill -9", async () => {
  const address = `127.0.0.1:${await freePorts(1)}`;
  const node = new TestNode({ id: "solo", address, data: `${temporaryDirectory()}/solo`, flags: ["--bootstrap", ...FLAGS] });
  await node.start();
  try {
    const set = await draft(["client", "-c", address, "set", "k", "v"]);
    assert.equal(set, { code: 0, out: "OK\n", err: "" });
    const { clusterId } = await node.status();
    await node.kill();
    const { out } = await node.start();
    assert.match(out, `cluster=${clusterId} `);
    assert.is((await draft(["client", "-c", address, "get", "k"])).out, '"v"\n');
  } finally {
    await node.kill();
  }
});

test.run();
