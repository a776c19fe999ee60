/** D11, S18: two data nodes and a witness as real processes of the built binary: each is lost and comes back under writes. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, sleep, TestCluster, type TestNode, until } from "./processes.ts";
import { Workload } from "./workload.ts";

const test = suite("witness");

const TIMES = ["--heartbeat-ms", "40", "--election-ms", "200-400"];

async function admin(asked: TestNode, ...words: string[]): Promise<string> {
  const { code, out, err } = await draft(["admin", ...words, "-c", asked.address, "--timeout-ms", "15000"], { limitMs: 60_000 });
  assert.is(code, 0, `draft admin ${words.join(" ")}: ${out}${err}`);
  return out;
}

/** a and b found with data; c waits, and is made a witness. */
async function cluster(flags: readonly string[] = []): Promise<TestCluster> {
  const prepared = await TestCluster.prepare({ size: 3 });
  const [a, b, c] = prepared.nodes as [TestNode, TestNode, TestNode];
  const initial = [a, b].map(({ id, address }) => `${id}@${address}`).join(",");
  for (const node of [a, b]) node.flags = ["--initial", initial, ...TIMES, ...flags];
  c.flags = [...TIMES, ...flags];
  await prepared.startAll();
  assert.match(await admin(b, "add", `c@${c.address}`, "--witness"), /voters: a, b, c \(quorum 2\)/);
  return prepared;
}

/** All that stands in the files of a directory. */
function bytesIn(directory: string): string {
  return readdirSync(directory, { recursive: true }).map((name) => join(directory, String(name)))
    .filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, "latin1")).join("\n");
}

function valuesIn(directory: string): string[] {
  return [...bytesIn(directory).matchAll(/of value\/\d+\/\d+|counter\/\d|value\/\d+/g)].map(([found]) => found);
}

test("each of the three is lost and comes back under writes; nothing is lost, and the witness's directory holds no value", async () => {
  await using nodes = await cluster(["--snapshot-entries", "500"]);
  const [a, b, c] = nodes.nodes as [TestNode, TestNode, TestNode];
  const status = await c.mainStatus();
  assert.equal([status.role, status.machine, status.stateHash, status.members.witnesses], ["witness", null, null, ["c"]]);
  const load = new Workload(nodes.addresses);
  await sleep(500);
  for (const round of [0, 1]) {
    for (const victim of [a, b, c]) {
      const before = load.told.acked;
      if (round === 0) await victim.kill();
      else await victim.stop();
      await until(`writes go on without ${victim.id}`, () => load.told.acked > before + 50);
      await victim.start();
      const leader = await nodes.leader();
      // Both data nodes keep up before the next one goes.
      await until(`${victim.id} is back`, async () => {
        const main = await leader.mainStatus().catch(() => null);
        const behind = main?.peers.find(({ id }) => id === victim.id);
        return main?.role !== "leader" || (behind !== undefined && behind.state === "replicate" && behind.matchIndex + 200 > main.lastIndex);
      });
      await sleep(1000);
    }
  }
  await load.stop();
  console.log(`\ntwo data nodes and a witness, each killed and stopped once: ${load.summary()}`);
  await using client = nodes.client();
  await load.check(client);
  assert.ok(load.told.acked > 500);
  assert.equal(valuesIn(c.data), []);
  assert.ok(valuesIn(a.data).length > 100, "that is how they would be found");
});

test("a read and a write at the witness go to the leader; what it cannot be is told with what to type", async () => {
  await using nodes = await cluster();
  const [a, , c] = nodes.nodes as [TestNode, TestNode, TestNode];
  for (const words of [["set", "k", "v"], ["get", "k"]]) {
    const { code, out, err } = await draft(["client", "-c", c.address, ...words]);
    assert.is(code, 0, err);
    if (words[0] === "get") assert.match(out, /v/);
  }
  assert.match((await draft(["client", "-c", c.address, "--level", "stale", "get", "k"])).out, /v/);
  const refused = async (words: readonly string[], says: RegExp): Promise<void> => {
    const result = await draft(["admin", ...words, "-c", a.address]);
    assert.is(result.code, 1, result.out);
    assert.match(result.err, says);
  };
  await refused(["promote", "c"], /c is a witness.*draft admin replace c c@.* --voter/);
  await refused(["transfer", "c"], /only a voter can lead/);
  await refused(["del", "b"], /WOULD_LOSE_QUORUM.*as many witnesses/);
  assert.match(await admin(a, "del", "c", "--dry-run"), /2 of a b/);
  assert.match(await admin(a, "servers"), /c\s+\S+\s+witness\s+yes/);
  assert.match(await admin(a, "states"), /witness.*keeps no data/);
  assert.match(await admin(a, "del", "c"), /voters: a, b \(quorum 2\)/);
});

test.run();
