/** A majority is gone for good: real processes, the built binary (D01). */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../../src/client/client.ts";
import { draft, TestCluster, type TestNode, until } from "./processes.ts";

const test = suite("recover");

// Newcomers cannot come by entries: what a snapshot of the founded cluster says must do in the recovered one, too.
const FLAGS = ["--heartbeat-ms", "40", "--election-ms", "200-400", "--snapshot-entries", "50", "--retain-bytes", "0"];

async function writes(node: TestNode, from: number, to: number): Promise<void> {
  await using client = connect(node.address, { timeoutMs: 20_000 });
  for (let i = from; i < to; i++) await client.write(["set", `k${i}`, `v${i}`]);
}

function recover(node: TestNode, ...more: string[]): ReturnType<typeof draft> {
  return draft(["admin", "recover", "--data", node.data, "--keep-only", node.id, ...more]);
}

test("two of three are gone for good: the survivor goes on alone, takes others in, and refuses who comes back", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  await writes(a, 0, 200);
  await until("a has all", async () => (await a.mainStatus()).snapshotIndex > 100);
  const { clusterId: old } = await a.status();
  await Promise.all([b.kill(), c.kill()]);

  const used = await recover(a, "--yes");
  assert.is(used.code, 11, "a directory in use is refused");
  await a.kill();
  const asked = await recover(a);
  assert.equal([asked.code, asked.out], [2, ""], asked.err);
  assert.match(asked.err, /nobody is there to ask: add --yes/);
  const wrong = await draft(["admin", "recover", "--data", a.data, "--keep-only", "b", "--yes"]);
  assert.is(wrong.code, 13, wrong.err);
  const rehearsed = await recover(a, "--dry-run");
  assert.is(rehearsed.code, 0);
  assert.match(rehearsed.err, /^a holds the log up to entry \d+, of term \d+; .*\nlost for good: whatever the cluster acknowledged behind entry \d+/);
  assert.not.ok(existsSync(join(a.data, `identity.${old}`)), "a rehearsal changes nothing");

  const done = await recover(a, "--yes", "--json");
  assert.is(done.code, 0, done.err);
  const { result: { clusterId }, index } = JSON.parse(done.out) as { result: { clusterId: string }; index: number };
  assert.is.not(clusterId, old);
  assert.ok(existsSync(join(a.data, `identity.${old}`)), "what was there is kept");
  assert.is((await recover(a, "--yes")).code, 0, "decided is decided");

  a.flags = FLAGS;
  const { out } = await a.start();
  assert.match(out, new RegExp(`cluster=${clusterId} `));
  await until("a leads alone", async () => (await a.mainStatus()).role === "leader");
  await writes(a, 200, 220);
  await using client = connect(a.address, { timeoutMs: 20_000 });
  for (const i of [0, 57, 199, 219]) assert.is((await client.read(["get", `k${i}`])).result, `v${i}`);

  // An old member, started again, is let in nowhere and changes nothing.
  const stranger = await b.start();
  await until("b is refused", () => stranger.err.includes(`is of cluster ${clusterId}`));
  assert.equal((await a.mainStatus()).members, { voters: ["a"], learners: [], witnesses: [], outgoing: [] });
  const both = await draft(["client", "-c", `${a.address},${b.address}`, "get", "k0"]);
  assert.is(both.code, 13, `two clusters answer: ${both.out}${both.err}`);
  await b.kill();

  for (const node of [b, c]) {
    rmSync(node.data, { recursive: true });
    node.flags = FLAGS;
    await node.start();
  }
  const added = await draft(["admin", "add", `b@${b.address}`, `c@${c.address}`, "-c", a.address, "--timeout-ms", "20000"], { limitMs: 60_000 });
  assert.is(added.code, 0, added.err);
  assert.match(added.out, /voters: a, b, c/);
  assert.is((await c.status()).clusterId, clusterId);
  await a.kill();
  await cluster.leader();
  await writes(b, 220, 230);
  await using others = connect([b.address, c.address], { timeoutMs: 20_000 });
  for (const i of [0, 199, 219, 229]) assert.is((await others.read(["get", `k${i}`])).result, `v${i}`);
  await a.start();
  await until("a follows", async () => (await a.mainStatus()).appliedIndex > index);
});

test.run();
