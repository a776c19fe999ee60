/** Replicas that compare their states, as real processes: one that draws its own chance, or all of them (O05, D14). */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Client } from "../../src/client/client.ts";
import { draft, draftBinary, temporaryDirectory, TestCluster, type TestNode, until } from "./processes.ts";

/** A verdict comes every 4,096 entries, and judges the check point before it: so this many bring two. */
const DRAWS = 8500;
const AT_ONCE = 256;
const LIMIT_MS = 60_000;

/** Answers by chance, of the entry or, where the environment says so, of the process. */
const LOTTERY = `
import process from "node:process";
const chance = process.env["OWN_CHANCE"] === "1" ? () => Math.random() : null;
export default {
  name: "lottery", version: 1,
  operations: { draw: { kind: "write" }, drawn: { kind: "read" } },
  create() {
    let drawn = 0;
    return {
      apply(command, entry) {
        drawn += 1;
        return (chance ?? entry.random)() < 0.5 ? "tails" : "heads";
      },
      query: () => drawn,
      snapshot: () => drawn,
      restore: (saved) => { drawn = saved; },
    };
  },
};
`;

const machine = join(temporaryDirectory(), "lottery.ts");
writeFileSync(machine, LOTTERY);

/** Starts a cluster of which the nodes of `own` draw their own chance. */
function cluster(own: readonly number[]): Promise<TestCluster> {
  return TestCluster.start({
    flags: ["--machine", machine],
    program: (i) => own.includes(i) ? ["env", "OWN_CHANCE=1", draftBinary()] : [draftBinary()],
  });
}

async function draw(client: Client, count: number): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await client.run(["draw"]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

test("the one replica whose machine asks Math.random stops with exit 10, and its message tells which entries and whose machines", async () => {
  await using three = await cluster([2]);
  await using client = three.client(LIMIT_MS);
  const [a, b, c] = three.nodes as [TestNode, TestNode, TestNode];
  const { running } = c;
  await draw(client, DRAWS);
  const end = await until("c stops", () => running?.child.exitCode ?? null, LIMIT_MS);
  assert.is(end, 10, running?.err);
  const says = /the state of group main differs from that of the majority at index (\d+): digest [0-9a-f]{8} here, [0-9a-f]{8} there; at index (\d+) it was the same, so it is one of the entries (\d+) to (\d+) that shows it first; version 1 of the machine 'lottery' is in force; this node has version 1 \(source ([0-9a-f]{12})\), ([^:]*): start this node again/;
  const [, index, agreed, from, to, source, others] = says.exec(running?.err ?? "") ?? [];
  assert.ok(index !== undefined, running?.err);
  assert.equal([Number(from), to], [Number(agreed) + 1, index]);
  assert.is(others, [a, b].map(({ id }) => `${id} has version 1 (source ${source})`).join(", "));

  // The others serve on, and nobody there is alarmed.
  await draw(client, 10);
  for (const node of [a, b]) assert.equal((await node.status()).alarms.filter(({ code }) => code === "DIVERGED"), []);

  const log = await draft(["log", "show", "--data", c.data, "--from", from ?? "", "--json"]);
  assert.is(log.code, 0, log.err);
  const verdicts = log.out.trimEnd().split("\n").map((line) => JSON.parse(line) as { verdict?: { outcome: string; index: number } }).flatMap(({ verdict }) => verdict ?? []);
  assert.ok(verdicts.some((verdict) => verdict.outcome === "majority" && verdict.index === Number(index)), "the log has the verdict that stopped it");

  // It is the machine that is wrong, not what it holds: with that mended its log brings it back.
  c.program = [draftBinary()];
  await c.start();
  const { result } = await client.run(["drawn"]);
  assert.is(result, DRAWS + 10);
  const hashes = await until("all hold the same", async () => {
    const all = await Promise.all(three.nodes.map((node) => node.mainStatus()));
    return new Set(all.map(({ stateHashIndex }) => stateHashIndex)).size === 1 && all.map(({ stateHash }) => stateHash);
  });
  assert.is(new Set(hashes).size, 1);
});

test("if all of them ask Math.random nobody stops, and status has the alarm", async () => {
  await using three = await cluster([0, 1, 2]);
  await using client = three.client(LIMIT_MS);
  await draw(client, DRAWS);
  for (const node of three.nodes) {
    const alarm = await until(`the alarm of ${node.id}`, async () => (await node.status()).alarms.find(({ code }) => code === "DIVERGED") ?? null, LIMIT_MS);
    assert.match(alarm.message, /^the replicas of group main hold different states at index \d+, and none is that of a majority: all serve on/);
  }
  const { code, out } = await draft(["admin", "states", "-c", three.addresses.join(",")]);
  assert.is(code, 0);
  assert.is(out.match(/DIVERGED: /g)?.length, 3, out);
  await draw(client, 10);
  assert.equal(await Promise.all(three.nodes.map((node) => node.stop())), [0, 0, 0]);
});

test.run();
