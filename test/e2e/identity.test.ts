/** Nodes that move, come by themselves, or come back without their directory: real processes, the built binary (M19, D01). */
import { cpSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../../src/client/client.ts";
import type { MemberList } from "../../src/net/client_answers.ts";
import { draft, freePorts, TestCluster, TestNode, until } from "./processes.ts";

const test = suite("identity");

const TIMES = ["--machine", "counter", "--heartbeat-ms", "40", "--election-ms", "200-400"];

async function count(addresses: readonly string[], times: number): Promise<unknown> {
  await using client = connect(addresses, { timeoutMs: 20_000 });
  let total: unknown = 0;
  for (let i = 0; i < times; i++) ({ result: total } = await client.write(["add", 1]));
  return total;
}

async function membersAt(node: TestNode): Promise<MemberList> {
  await using client = connect(node.address, { timeoutMs: 2000 });
  return await client.members({ address: node.address, timeoutMs: 2000 });
}

async function allReach(nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes) {
    await until(`${node.id} reaches all`, async () => (await membersAt(node)).members.every(({ reachable }) => reachable));
  }
}

async function votes(nodes: readonly TestNode[], wanted: readonly string[]): Promise<void> {
  await until(`voters ${wanted.join()}`, async () => {
    const { settled, members } = await membersAt(nodes[0] as TestNode);
    return settled && members.filter(({ role }) => role === "voter").map(({ id }) => id).sort().join() === wanted.join();
  }, 40_000);
}

test("all three addresses change at once, one of them is told: the cluster finds itself, and admin move writes it down", async () => {
  await using cluster = await TestCluster.start({ flags: TIMES });
  assert.is(await count(cluster.addresses, 20), 20);
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  const port = await freePorts(3);
  const known = `127.0.0.1:${port + 1}`;
  const moved = cluster.nodes.map(({ id, data }, at) => new TestNode({ id, data, address: `127.0.0.1:${port + at}`, flags: ["--join", known, ...TIMES] }));
  try {
    await Promise.all(moved.map((node) => node.start()));
    await allReach(moved);
    assert.is(await count(moved.map(({ address }) => address), 20), 40);
    for (const { id, address } of moved) {
      const { code, err } = await draft(["admin", "move", id, address, "-c", known, "--timeout-ms", "10000"]);
      assert.is(code, 0, err);
    }
    // What was written down needs no hint, though all stop at once again.
    await Promise.all(moved.map((node) => node.kill()));
    for (const node of moved) node.flags = TIMES;
    await Promise.all(moved.map((node) => node.start()));
    await allReach(moved);
    assert.is(await count(moved.map(({ address }) => address), 20), 60);
  } finally {
    await Promise.all(moved.map((node) => node.kill()));
  }
});

test("D18: an old copy of a directory that is put back is named, by itself and by the others, and counts no more", async () => {
  await using cluster = await TestCluster.start({ flags: TIMES });
  await count(cluster.addresses, 20);
  const leader = await cluster.leader();
  const [fallen, other] = cluster.others(leader) as [TestNode, TestNode];
  await fallen.kill();
  const copy = `${fallen.data}.copy`;
  cpSync(fallen.data, copy, { recursive: true });
  await fallen.start();
  await until("it has caught up", async () => (await leader.mainStatus()).peers.every(({ matchIndex }) => matchIndex > 20));
  await count(cluster.addresses, 20);
  await until("it has all", async () => new Set((await leader.mainStatus()).peers.map(({ matchIndex }) => matchIndex)).size === 1);
  await fallen.kill();
  rmSync(fallen.data, { recursive: true });
  renameSync(copy, fallen.data);
  await fallen.start();
  const says = async (node: TestNode): Promise<string> => (await node.status()).alarms.map(({ code, message }) => `${code} ${message}`).join();
  await until("it is told", async () => (await says(fallen)).includes("LOST_DIRECTORY the directory of this node is an older copy"));
  assert.equal([(await fallen.mainStatus()).condition, (await fallen.mainStatus()).voting], ["dead-incarnation", false]);
  await until("the leader says so", async () => (await says(leader)).includes(`draft admin replace ${fallen.id} ${fallen.id}@${fallen.address}`));
  await fallen.kill();
  rmSync(fallen.data, { recursive: true });
  fallen.flags = TIMES;
  await fallen.start();
  const { code, err } = await draft(["admin", "replace", fallen.id, `${fallen.id}@${fallen.address}`, "-c", other.address, "--timeout-ms", "10000"], { limitMs: 60_000 });
  assert.is(code, 0, err);
  assert.is(await count([fallen.address], 1), 41);
});

test("a node asks to be added and proves that it may; one with another secret is kept out, and a lost directory comes back", async () => {
  const cluster = await TestCluster.prepare({ size: 5 });
  await using _ = cluster;
  const secret = (name: string, text: string, mode = 0o600): string => {
    const path = join(cluster.directory, name);
    writeFileSync(path, text, { mode });
    return path;
  };
  const common = [...TIMES, "--peer-secret-file", secret("peer.secret", "forty-two elephants\n")];
  const [a, b, c, d, e] = cluster.nodes as [TestNode, TestNode, TestNode, TestNode, TestNode];
  a.flags = ["--bootstrap", ...common];
  b.flags = ["--join", a.address, ...common];
  c.flags = ["--join", b.address, "--auto-rejoin", ...common];
  d.flags = ["--join", a.address, ...TIMES, "--peer-secret-file", secret("other.secret", "forty-three elephants")];
  e.flags = ["--join", a.address, ...TIMES, "--peer-secret-file", secret("open.secret", "forty-two elephants\n", 0o644)];
  for (const node of [a, b]) await node.start();
  await votes([a], ["a", "b"]);
  for (const node of [c, d]) await node.start();
  await votes([a], ["a", "b", "c"]);
  assert.is(await count([a.address], 20), 20);

  await until("d says why not", async () => (await d.status()).alarms.some(({ message }) => message.includes("its --peer-secret-file is another one")));
  const refused = e.launch();
  assert.is(await refused.end(), 14);
  assert.match(refused.err, /others than its owner can read or change it: chmod 600/);

  const before = (await membersAt(a)).members.find(({ id }) => id === "c")?.incarnation;
  await c.kill();
  rmSync(c.data, { recursive: true });
  await c.start();
  await until("c is another life of itself", async () => (await membersAt(a)).members.every(({ id, incarnation }) => id !== "c" || incarnation !== before), 30_000);
  await votes([a], ["a", "b", "c"]);
  assert.is(await count([c.address], 20), 40);
  const { out } = await draft(["admin", "states", "-c", a.address]);
  assert.not.match(out, /LOST_DIRECTORY/);
});

test.run();
