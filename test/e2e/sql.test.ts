/** Databases of real processes that are killed: each acknowledged write is there once, on every node (P12, S01, S07, X01). */
import { cpSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { connect } from "../../src/client/client.ts";
import { sleep, TestCluster, type TestNode, until } from "./processes.ts";

const KILLS = 12;
const LANES = 8;
const TIMEOUT_MS = 20_000;
const FLAGS = ["--machine", "sql", "--heartbeat-ms", "40", "--election-ms", "200-400", "--snapshot-bytes", "256KiB", "--retain-bytes", "64KiB", "--segment-bytes", "256KiB"];

const test = suite("sql");

async function makeTables(cluster: TestCluster): Promise<void> {
  await using client = cluster.client(TIMEOUT_MS);
  await client.write(["exec", "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP, r INTEGER DEFAULT (random()))"]);
  await client.write(["exec", "CREATE TABLE counter (n INTEGER NOT NULL)"]);
  await client.write(["exec", "INSERT INTO counter VALUES (0)"]);
}

/** Inserts a row and counts it, in one transaction, until `isOver`; how many were acknowledged. */
async function write(addresses: readonly string[], isOver: () => boolean): Promise<number> {
  await using client = connect(addresses, { timeoutMs: TIMEOUT_MS });
  let acked = 0;
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      try {
        await client.write(["transaction", [["INSERT INTO t (body) VALUES (?)", "x".repeat(200)], ["UPDATE counter SET n = n + 1"]]]);
        acked += 1;
      } catch (error) {
        if (!(error instanceof DraftError) || error.outcome === "unknown") throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return acked;
}

/** The whole content of a node's database, as it has it. */
async function contentOf(node: TestNode): Promise<string> {
  await using client = connect([node.address], { timeoutMs: TIMEOUT_MS });
  const pages: unknown[] = [];
  for (let after: unknown = 0; ; ) {
    const { result } = await client.read(["query", "SELECT * FROM t WHERE id > ? ORDER BY id LIMIT 5000", after], { level: "stale" });
    const rows = result as readonly { readonly id: unknown }[];
    if (rows.length === 0) break;
    pages.push(rows);
    after = rows.at(-1)!.id;
  }
  const { result } = await client.read(["query", "SELECT n FROM counter"], { level: "stale" });
  return JSON.stringify([pages.flat(), result], (_, value: unknown) => typeof value === "bigint" ? String(value) : value);
}

/** All nodes hold the same, and `acked` rows. */
async function agree(cluster: TestCluster, acked: number): Promise<void> {
  await cluster.leader();
  const states = await until("all have applied the same", async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.mainStatus()));
    return new Set(all.map(({ appliedIndex, commitIndex }) => `${appliedIndex} ${commitIndex}`)).size === 1 && all;
  });
  assert.is(new Set(states.map(({ stateHash }) => stateHash)).size, 1, "running digests differ");
  const contents = await Promise.all(cluster.nodes.map(contentOf));
  assert.is(new Set(contents).size, 1, "databases differ");
  const [rows, counter] = JSON.parse(contents[0]!) as [unknown[], [{ n: number }]];
  assert.equal([rows.length, counter[0].n], [acked, acked]);
}

test(`${KILLS} kills under ${LANES} writers: what was acknowledged is there, once, on every node`, async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await makeTables(cluster);
  let isOver = false;
  const writing = write(cluster.addresses, () => isOver);
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(150 + 37 * (kill % 5));
    const node = kill % 3 === 0 ? await cluster.leader() : cluster.nodes[kill % cluster.nodes.length]!;
    await node.kill();
    await sleep(20 * kill);
    await node.start();
  }
  isOver = true;
  const acked = await writing;
  console.log(`\nsql: ${KILLS} kills, ${acked} acknowledged`);
  await agree(cluster, acked);
  assert.ok(acked > 200, "the writers got somewhere");
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  await cluster.startAll();
  await agree(cluster, acked);
});

test("a follower that was away takes over the database of another, though it is killed meanwhile", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await makeTables(cluster);
  const leader = await cluster.leader();
  const away = cluster.nodes.find((node) => node !== leader)!;
  await away.kill();
  let isOver = false;
  const writing = write(cluster.addresses.filter((address) => address !== away.address), () => isOver);
  await until("the leader's log begins behind what the follower has", async () => (await leader.mainStatus()).firstIndex > 500, 60_000);
  for (let kill = 0; kill < 6; kill++) {
    await away.start();
    await sleep(15 * kill);
    await away.kill();
  }
  await away.start();
  await until("the follower has a snapshot of another's", async () => (await away.mainStatus()).snapshotIndex > 500);
  isOver = true;
  await agree(cluster, await writing);
  const names = readdirSync(join(away.data, "machines/main")).filter((name) => !/-(?:wal|shm)$/.test(name));
  assert.ok(names.length === 1 && names[0] !== "1.db", names.join());
});

test("P13: a database that is ahead of its node's log is kept, and the node says why it does not go on; set aside, it is made anew", async () => {
  await using cluster = await TestCluster.start({ size: 1, flags: ["--machine", "sql", "--segment-bytes", "256KiB"] });
  const [node] = cluster.nodes as [TestNode];
  const [log, machine, copy] = ["wal", "machines/main", "copy"].map((name) => join(node.data, name)) as [string, string, string];
  await makeTables(cluster);
  assert.is(await node.stop(), 0);
  cpSync(log, copy, { recursive: true });
  await node.start();
  {
    await using client = cluster.client(TIMEOUT_MS);
    await client.write(["exec", "UPDATE counter SET n = 7"]);
  }
  assert.is(await node.stop(), 0);
  const names = readdirSync(machine);
  rmSync(log, { recursive: true });
  renameSync(copy, log);
  const refused = node.launch();
  assert.is(await refused.end(), 10);
  assert.match(refused.err, /DAMAGED.*applied index \d+, and the log ends at \d+: the log has lost entries/);
  assert.equal(readdirSync(machine), names, "what it holds is still there");
  renameSync(machine, `${machine}.aside`);
  await node.start();
  await using client = cluster.client(TIMEOUT_MS);
  assert.equal((await client.read(["query", "SELECT n FROM counter"])).result, [{ n: 0 }]);
});

test.run();
