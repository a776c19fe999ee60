/** Backups of running clusters: consistent under load, verified, and what was cut or has a flipped bit is refused. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, temporaryDirectory, TestCluster, until } from "./processes.ts";

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
  await until("there is something to save", async () => (await leader.mainStatus()).appliedIndex > 200);
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

test.run();
