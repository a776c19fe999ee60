/** Disks of 8 MB that fill: what is refused and what is taken, how leadership moves, and how a node comes back by itself. */
import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../../src/base/errors.ts";
import { type Client, connect } from "../../../src/client/client.ts";
import { draft, freePorts, sleep, TestCluster, TestNode, until } from "../processes.ts";
import { Acknowledged } from "./acknowledged.ts";
import { canTry, FileSystem, whyNoFileSystem } from "./file_system.ts";

const test = suite("full");
const isPossible = canTry("a full disk", whyNoFileSystem());
const tried = isPossible ? test : test.skip;

const DISK = "8M";
/** Such a log would never be cut down for its length. */
const FLAGS = ["--segment-bytes", "512KiB", "--snapshot-bytes", "256MiB", "--heartbeat-ms", "60", "--election-ms", "300-600"];
const VALUE = "v".repeat(20_000);

async function alone(disk: FileSystem, flags: readonly string[] = FLAGS): Promise<TestNode> {
  const address = `127.0.0.1:${await freePorts(1)}`;
  const node = new TestNode({ id: "a", address, data: join(disk.path, "a"), flags: ["--bootstrap", ...flags] });
  await node.start();
  await until("it leads", async () => (await node.mainStatus()).role === "leader");
  return node;
}

/** Adds keys until the disk counts as full. @returns those that were acknowledged */
async function fill(client: Client): Promise<string[]> {
  const keys: string[] = [];
  for (let n = 0; n < 2_000; n++) {
    try {
      await client.write(["set", `k${n}`, VALUE]);
      keys.push(`k${n}`);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      assert.is(`${error.code} ${error.outcome}`, "DISK_FULL not-done", error.message);
      return keys;
    }
  }
  throw new Error("the disk never filled");
}

async function isThere(client: Client, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 50) {
    const some = keys.slice(at, at + 50);
    const found = (await client.read(["mget", ...some])).result as unknown[];
    for (const [i, value] of found.entries()) assert.is(value, VALUE, `${some[i]} was acknowledged and is lost`);
  }
}

/** What the node says of its disk. */
async function stateOf(node: TestNode): Promise<string> {
  return (await node.status()).disk.state;
}

tried("a stopped node's log is looked at on a disk without a free byte; an edit that wants room is refused and leaves nothing", async () => {
  using disk = FileSystem.make(DISK);
  const node = await alone(disk);
  await using client = connect([node.address]);
  for (let n = 0; n < 40; n++) await client.write(["set", `k${n}`, VALUE]);
  await node.stop();
  // Down to the last block, which a sparse file of any size is not.
  execFileSync("sh", ["-c", 'cat /dev/zero > "$1/filler" 2> /dev/null || true', "sh", disk.path]);
  const data = join(disk.path, "a");
  for (const args of [["last"], ["show", "--from", "3", "--to", "4"], ["check"]]) {
    const { code, err } = await draft(["log", ...args, "--data", data]);
    assert.is(code, 0, err);
  }
  const refused = await draft(["log", "chop", "5", "--data", data, "--yes"]);
  assert.is(refused.code, 1, refused.err);
  assert.match(refused.err, /DISK_FULL the edit is not made, the disk is full: it wants \d+ bytes, \d+ are free/);
  assert.not.ok(existsSync(join(data, "edits")));
  rmSync(join(disk.path, "filler"));
  const made = await draft(["log", "chop", "5", "--data", data, "--yes"]);
  assert.is(made.code, 0, made.err);
});

tried("F11: a disk full of data: DISK_FULL, deletes are taken, and a restart finds all", async () => {
  using disk = FileSystem.make(DISK);
  const ballast = join(disk.path, "ballast");
  execFileSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=1M", "count=3"], { stdio: "pipe" });
  const node = await alone(disk);
  await using client = connect(node.address, { timeoutMs: 5_000 });
  const keys = await fill(client);
  const { disk: { state, freeBytes }, ready, alarms } = await node.status();
  assert.is(state, "full");
  assert.not.ok(ready);
  assert.ok(alarms.some(({ code }) => code === "DISK_FULL"));
  console.log(`\n8 MB: full after ${keys.length} values of 20 kB, ${freeBytes} bytes free`);
  assert.ok(freeBytes > 0, "it counts as full before it is");
  await node.kill();
  await node.start();
  await until("it leads", async () => (await node.mainStatus()).role === "leader");
  await isThere(client, keys);
  const gone = keys.slice(0, Math.floor(keys.length / 2));
  assert.is((await client.write(["del", ...gone])).result, gone.length);
  rmSync(ballast);
  await until("there is room", async () => (await stateOf(node)) === "ok");
  await client.write(["set", "again", VALUE]);
  await isThere(client, [...keys.slice(gone.length), "again"]);
  assert.is(await node.stop(), 0);
});

tried("F11: a disk full of log: the log is cut down, and writing goes on for ever", async () => {
  using disk = FileSystem.make(DISK);
  const node = await alone(disk);
  await using client = connect(node.address, { timeoutMs: 5_000 });
  let refused = 0;
  for (let n = 0; n < 800; n++) {
    try {
      // Once there is such a key these change nothing: all that grows is the log.
      await client.write(["set", `k${n % 10}`, VALUE, "NX"]);
    } catch (error) {
      if (!(error instanceof DraftError) || error.code !== "DISK_FULL") throw error;
      refused += 1;
      await sleep(20);
    }
  }
  const { snapshotIndex, firstIndex } = await node.mainStatus();
  console.log(`\n8 MB: 16 MB of writes that change nothing, ${refused} of 800 refused; the log begins at ${firstIndex}`);
  assert.ok(snapshotIndex > 400 && refused < 200);
  await until("there is room", async () => (await stateOf(node)) === "ok");
  await isThere(client, Array.from({ length: 10 }, (_, n) => `k${n}`));
  assert.is(await node.stop(), 0);
});

tried("F11: somebody else fills the disk to its last byte: it lives, and goes on by itself when there is room", async () => {
  using disk = FileSystem.make(DISK);
  const node = await alone(disk);
  const ballast = join(disk.path, "ballast");
  await using load = new Acknowledged([node.address], { valueBytes: 2_000 });
  await until("it works", () => load.keys.length > 50);
  assert.throws(() => execFileSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=4k"], { stdio: "pipe" }), /No space left/);
  await until("it is full", async () => (await stateOf(node)) === "full");
  await until("it refuses", () => (load.codes.get("DISK_FULL not-done") ?? 0) > 20);
  assert.is(node.running?.child.exitCode, null, "it lives");
  rmSync(ballast);
  await until("there is room", async () => (await stateOf(node)) === "ok" && (await node.status()).ready);
  const before = load.keys.length;
  await until("it goes on", () => load.keys.length > before + 50);
  await load.stop();
  await load.check(node.address);
  console.log(`\nballast: ${load.summary()}`);
  assert.is(await node.stop(), 0);
});

tried("F11: the leader's disk fills: a member with room leads, and writes go on", async () => {
  using disk = FileSystem.make(DISK);
  await using cluster = await TestCluster.prepare({ flags: FLAGS });
  const [node] = cluster.nodes as [TestNode];
  (node as { data: string }).data = join(disk.path, "a");
  await cluster.startAll();
  await using client = cluster.client();
  if (await cluster.leader() !== node) await client.transfer(node.id);
  await using load = new Acknowledged(cluster.addresses, { valueBytes: 20_000 });
  const next = await until("a member with room leads", async () => {
    const leader = await cluster.leader();
    return leader === node ? null : leader;
  }, 30_000);
  const before = load.keys.length;
  await until("writes go on", () => load.keys.length > before + 50);
  await load.stop();
  await load.check(next.address);
  console.log(`\nfull leader: ${load.summary()}`);
  assert.is(node.running?.child.exitCode, null, "it lives");
  await Promise.all(cluster.nodes.map((each) => each.stop()));
});

test.run();
