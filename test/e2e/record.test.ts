/**
 * The flight recorders of real processes: after a load that fills them and the death of a leader, what is fetched
 * replays step for step, tells what happened, and holds nothing of what was written.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, temporaryDirectory, TestCluster } from "./processes.ts";

const test = suite("record");
const OPS = 200_000;

interface Verdict {
  readonly nodes: readonly { readonly nodeId: string; readonly steps: number; readonly taken: number; readonly difference: unknown }[];
  readonly story: readonly { readonly text: string }[];
}

test("draft admin record, draft sim --replay and .story after a leader's death under load", async () => {
  await using cluster = await TestCluster.start({});
  const address = cluster.addresses.join(",");
  const leader = await cluster.leader();
  const bench = await draft(["bench", "-c", address, "--ops", String(OPS), "--connections", "4", "--inflight", "256", "--json"], { limitMs: 120_000 });
  assert.is(bench.code, 0, bench.err);
  {
    await using client = cluster.client();
    for (let i = 0; i < 50; i++) await client.write(["set", `xyzzy-key-${i}`, `plugh-value-${i}`]);
    await leader.kill();
    for (let i = 0; i < 50; i++) await client.write(["set", `xyzzy-key-${i}`, `plugh-value-${i}`]);
  }
  const file = join(temporaryDirectory(), "incident.rec");
  const recorded = await draft(["admin", "record", file, "-c", address]);
  assert.is(recorded.code, 0, recorded.err);
  assert.match(recorded.err, `not recorded: ${leader.id} does not answer`);
  const bytes = readFileSync(file).toString("latin1");
  for (const secret of ["xyzzy", "plugh", "draft-bench"]) assert.not(bytes.includes(secret));
  assert.is((await draft(["admin", "record", file, "-c", address])).code, 1);

  const replayed = await draft(["sim", "--replay", file, "--json"], { limitMs: 60_000 });
  assert.is(replayed.code, 0, replayed.out.slice(-2000) + replayed.err);
  const { nodes, story } = JSON.parse(replayed.out) as Verdict;
  assert.equal(nodes.map(({ nodeId, difference, steps, taken }) => [nodeId, difference, steps === taken && steps > 100]),
    cluster.others(leader).map(({ id }) => [id, null, true]));
  assert.ok(story.some(({ text }) => new RegExp(`heard nothing from ${leader.id} for \\d+ ms`).test(text)));
  const told = await draft(["client", "-c", address, ".story"]);
  const now = await cluster.leader();
  assert.match(told.out, new RegExp(`${now.id} leads term \\d+, elected by `));
  console.log(`\n${statSync(file).size} bytes, ${nodes.map(({ steps }) => steps).join(" and ")} steps`);
});

/** Its apply() leaves something behind that throws when nobody is there to catch it. */
const LOOSE = `export default {
  name: "loose", version: 1, operations: { end: { kind: "write" } },
  create: () => ({ apply: () => void setImmediate(() => { throw new Error("loose end"); }), query: () => null, snapshot: () => null, restore() {} }),
};`;

test("an error that nobody caught ends each node, and leaves what it recorded", async () => {
  const plugin = join(temporaryDirectory(), "loose.ts");
  writeFileSync(plugin, LOOSE);
  await using cluster = await TestCluster.start({ flags: ["--machine", plugin] });
  await draft(["client", "-c", cluster.addresses.join(","), "end"]);
  // The leader ends before it told the others that the entry is committed: they may live on, or end likewise.
  const ended = await Promise.any(cluster.nodes.map(async (node) => ({ node, code: await node.running?.end() })));
  assert.is(ended.code, 1);
  const flight = join(ended.node.data, "flight/1.rec");
  assert.match(ended.node.running?.err ?? "", /loose end[^]*draft sim --replay|draft sim --replay[^]*loose end/);
  const replayed = await draft(["sim", "--replay", flight]);
  assert.is(replayed.code, 0, replayed.out + replayed.err);
  assert.match(replayed.out, `${ended.node.id} ends: Error that nobody caught`);
});

test.run();
