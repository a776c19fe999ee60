/** Backups of running clusters: consistent under load, verified, and what was cut or has a flipped bit is refused. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, draftBinary, Running, temporaryDirectory, TestCluster, until } from "./processes.ts";

const test = suite("backup");

const FLAGS = ["--heartbeat-ms", "40", "--election-ms", "200-400"];

/** Writes two keys to one value, in one entry each time, until it is told to end; a state between two entries shows it. */
function pairs(cluster: TestCluster): { end(): Promise<number> } {
  const over = new AbortController();
  const written = (async () => {
    await using client = cluster.client(20_000);
    let round = 0;
    for (; !over.signal.aborted; round++) await client.run(["mset", "left", String(round), "right", String(round), `k${round % 500}`, String(round).padEnd(500, "x")]);
    return round;
  })();
  // A test that fails before it waits for this says itself what is wrong.
  written.catch(() => {});
  return {
    end: () => {
      over.abort();
      return written;
    },
  };
}

test("a backup is taken from a follower while writes go on, and verifies; nothing else is left beside it", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const leader = await cluster.leader();
  const load = pairs(cluster);
  await until("there is something to save", async () => (await leader.mainStatus()).appliedIndex > 200, 60_000);
  const directory = temporaryDirectory();
  const file = join(directory, "main.draft");
  const [first] = cluster.nodes;
  const before = (await leader.mainStatus()).commitIndex;
  const made = await draft(["admin", "backup", file, "--json", "-c", first?.address ?? ""]);
  await load.end();
  assert.is(made.code, 0, made.err);
  const { result, index } = JSON.parse(made.out) as { result: { node: string; bytes: number; machine: string; file: string }; index: number };
  assert.is(result.machine, "kv");
  assert.is(result.file, file);
  assert.is.not(result.node, leader.id, "the leader has enough to do");
  assert.ok(index >= before, `the backup of index ${index} lacks what was committed at ${before}`);
  assert.equal(readdirSync(directory), ["main.draft"]);
  const checked = await draft(["log", "check", file, "--json"]);
  assert.is(checked.code, 0, checked.out);
  assert.match(checked.out, new RegExp(`"bytes":${result.bytes},.*machine kv of version 1 as of index ${index}`));

  const again = await draft(["admin", "backup", file, "-c", leader.address]);
  assert.is(again.code, 1, "a file is never overwritten");
  assert.match(again.err, /is there already/);
  const rehearsed = await draft(["admin", "backup", join(directory, "no"), "--dry-run", "-c", leader.address]);
  assert.is(rehearsed.code, 0, rehearsed.err);
  assert.match(rehearsed.out, /would be asked for a snapshot of index/);
  assert.not.ok(existsSync(join(directory, "no")));
});

test("a backup that was cut, or of which one bit is not what it was, does not pass draft log check", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const leader = await cluster.leader();
  await using client = cluster.client(20_000);
  for (let key = 0; key < 40; key++) await client.run(["set", `k${key}`, "v".repeat(10)]);
  const directory = temporaryDirectory();
  const file = join(directory, "main.draft");
  assert.is((await draft(["admin", "backup", file, "-c", leader.address])).code, 0);
  const whole = readFileSync(file);
  const broken = join(directory, "broken.draft");
  const step = Math.ceil(whole.length / 25);
  for (let at = 0; at < whole.length; at += step) {
    writeFileSync(broken, whole.subarray(0, at));
    const cut = await draft(["log", "check", broken]);
    assert.is(cut.code, 10, `cut at ${at}: ${cut.out}${cut.err}`);
    const flipped = new Uint8Array(whole);
    flipped[at] = (whole[at] as number) ^ (1 << (at % 8));
    writeFileSync(broken, flipped);
    const bit = await draft(["log", "check", broken]);
    assert.is(bit.code, 10, `flipped at ${at}: ${bit.out}${bit.err}`);
    assert.match(bit.out, /^DAMAGED /);
  }
});

/** Founds a cluster on fresh directories and restores the file there; the leader dies while it does, if asked for. */
async function restoredFrom(file: string, { machine = "kv", kills = false }: { machine?: string; kills?: boolean } = {}): Promise<TestCluster> {
  const cluster = await TestCluster.start({ flags: [...FLAGS, "--machine", machine] });
  const restoring = new Running([draftBinary(), "admin", "restore", file, "--json", "-c", cluster.addresses.join(",")]);
  if (kills) {
    const leader = await cluster.leader();
    await until("pieces are in the log", async () => (await leader.mainStatus()).lastIndex > 3);
    await leader.kill();
    await cluster.leader();
    await leader.start();
  }
  assert.is(await restoring.end(60_000), 0, restoring.err);
  return cluster;
}

async function hashesOf(cluster: TestCluster): Promise<string[]> {
  const states = await until("all have applied the same", async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.mainStatus()));
    return new Set(all.map(({ appliedIndex }) => appliedIndex)).size === 1 && all;
  });
  return states.map(({ stateHash }) => stateHash ?? "");
}

test("all is lost, a fresh cluster is founded, and it becomes what the backup of the loaded one holds, though its leader is killed meanwhile", async () => {
  const file = join(temporaryDirectory(), "main.draft");
  let index = 0;
  {
    await using lost = await TestCluster.start({ flags: FLAGS });
    const load = pairs(lost);
    await until("there is something to save", async () => (await lost.nodes[0]!.mainStatus()).appliedIndex > 200, 60_000);
    const made = await draft(["admin", "backup", file, "--json", "-c", lost.addresses.join(",")]);
    await load.end();
    ({ index } = JSON.parse(made.out) as { index: number });
  }
  for (const kills of [false, true]) {
    await using cluster = await restoredFrom(file, { kills });
    assert.is(new Set(await hashesOf(cluster)).size, 1);
    await using client = cluster.client(20_000);
    const [left, right] = (await client.run(["mget", "left", "right"])).result as string[];
    assert.ok(left === right && Number(left) > 50, `left ${left}, right ${right}: one entry wrote both`);
    assert.ok((await client.run(["set", "left", "again"])).index > index, "an index is given once only");
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    await cluster.startAll();
    assert.is((await client.run(["get", "left"])).result, "again");
    assert.is((await client.run(["get", "right"])).result, right);
    const again = await draft(["admin", "restore", file, "-c", cluster.addresses.join(",")]);
    assert.is(again.code, 1);
    assert.match(again.err, /CONFLICT/);
  }
});

test("a machine on disk is restored as well, and goes on after a restart", async () => {
  const file = join(temporaryDirectory(), "main.draft");
  {
    await using lost = await TestCluster.start({ flags: [...FLAGS, "--machine", "sql"] });
    await using client = lost.client(20_000);
    await client.run(["exec", "create table t (id integer primary key, word text)"]);
    for (let i = 0; i < 50; i++) await client.run(["exec", "insert into t (word) values (?)", `word ${i}`]);
    assert.is((await draft(["admin", "backup", file, "-c", lost.addresses.join(",")])).code, 0);
  }
  await using cluster = await restoredFrom(file, { machine: "sql" });
  for (let turn = 0; turn < 2; turn++) {
    await using client = cluster.client(20_000);
    assert.match(JSON.stringify((await client.run(["query", "select count(*) as n from t"])).result), new RegExp(String(50 + turn)));
    await client.run(["exec", "insert into t (word) values ('more')"]);
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    await cluster.startAll();
    await hashesOf(cluster);
  }
});

test("a broken backup is refused before anything of it is sent, and one of another machine", async () => {
  const directory = temporaryDirectory();
  const file = join(directory, "main.draft");
  await using cluster = await TestCluster.start({ flags: FLAGS });
  {
    await using source = await TestCluster.start({ size: 1, flags: [...FLAGS, "--machine", "counter"] });
    await using client = source.client(20_000);
    await client.run(["add", "1"]);
    assert.is((await draft(["admin", "backup", file, "-c", source.addresses.join(",")])).code, 0);
  }
  const other = await draft(["admin", "restore", file, "-c", cluster.addresses.join(",")]);
  assert.is(other.code, 14, other.err);
  const before = (await (await cluster.leader()).mainStatus()).lastIndex;
  const whole = readFileSync(file);
  const broken = join(directory, "broken.draft");
  for (let at = 0; at < whole.length; at += 40) {
    writeFileSync(broken, whole.subarray(0, at));
    const refused = await draft(["admin", "restore", broken, "-c", cluster.addresses.join(",")]);
    assert.is(refused.code, 10, `cut at ${at}: ${refused.err}`);
  }
  assert.is((await (await cluster.leader()).mainStatus()).lastIndex, before);
});

test.run();
