/**
 * Disks that fail and disks that hang. Both need rights that not every machine gives: what cannot be done here is
 * skipped, with the reason printed.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, draftBinary, sleep, temporaryDirectory, TestCluster, type TestNode, until } from "./processes.ts";
import { Workload } from "./workload.ts";

const test = suite("storage");
const FLAGS = ["--heartbeat-ms", "60", "--election-ms", "300-600"];

/** Why `strace` cannot inject faults here; empty if it can. */
function whyNoStrace(): string {
  const { error, status, stderr } = spawnSync("strace", ["-f", "-e", "trace=fdatasync", "true"], { encoding: "utf8", timeout: 10_000 });
  if (error !== undefined) return `strace cannot be run: ${error.message}`;
  return status === 0 ? "" : `strace cannot trace: ${stderr.trim()}`;
}

/** A file system of its own, which can be frozen. It thaws and goes even if this process is killed. */
class OwnFileSystem implements Disposable {
  readonly path: string;
  readonly #keeper: ReturnType<typeof spawn>;

  constructor() {
    const directory = temporaryDirectory();
    const image = join(directory, "image");
    this.path = join(directory, "mounted");
    mkdirSync(this.path);
    execFileSync("truncate", ["-s", "512M", image], { stdio: "pipe" });
    execFileSync("mkfs.ext4", ["-q", "-F", image], { stdio: "pipe" });
    execFileSync("mount", ["-o", "loop", image, this.path], { stdio: "pipe" });
    // Ends when its input does, however we end; not in our process group, which a test runner may kill.
    const script = `cat > /dev/null; fsfreeze -u '${this.path}'; for i in 1 2 3 4 5 6 7 8 9 10; do umount '${this.path}' && break; sleep 0.2; done; rm -rf '${directory}'`;
    this.#keeper = spawn("sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  }

  freeze(): void {
    execFileSync("fsfreeze", ["-f", this.path], { stdio: "pipe" });
  }

  thaw(): void {
    execFileSync("fsfreeze", ["-u", this.path], { stdio: "pipe" });
  }

  [Symbol.dispose](): void {
    this.#keeper.stdin?.end();
    this.#keeper.unref();
  }
}

/** A file system of its own, or why there is none. */
function ownFileSystem(): OwnFileSystem | string {
  try {
    return new OwnFileSystem();
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

function skipped(what: string, why: string): void {
  console.log(`\nskipped: ${what}: ${why}`);
}

async function failsAt(when: number, onLeader: boolean): Promise<string> {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const leader = await cluster.leader();
  const victim = onLeader ? leader : cluster.others(leader)[0] as TestNode;
  await victim.stop();
  // Counted in each thread by itself, so the first thread that has done so many fails.
  victim.program = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", `inject=fdatasync:error=EIO:when=${when}`, draftBinary()];
  const running = await victim.start();
  if (onLeader) {
    await using client = cluster.client();
    await client.transfer(victim.id);
  }
  await using workload = new Workload(cluster.addresses);
  assert.is(await running.end(), 12, running.err);
  const last = running.err.trim().split("\n").at(-1) ?? "";
  assert.match(last, /^\(error\) STORAGE_FAILED .*cannot be written: .*EIO.*; check the disk, then: draft serve --data \S+$/, last);
  assert.match(last, victim.data);
  const flight = join(victim.data, "flight/2.rec");
  assert.match(running.err, `draft sim --replay ${flight}`);
  const replayed = await draft(["sim", "--replay", flight]);
  assert.is(replayed.code, 0, replayed.err);
  assert.match(replayed.out, new RegExp(`${victim.id} ends: STORAGE_FAILED, .*EIO[^]*each did again what it had done`));
  victim.running = null;
  await cluster.leader();
  const before = workload.told.acked;
  await until("the others go on", () => workload.told.acked > before + 100);
  victim.program = [draftBinary()];
  await victim.start();
  await sleep(300);
  await workload.stop();
  await using client = cluster.client();
  await workload.check(client);
  return workload.summary();
}

const NO_STRACE = whyNoStrace();
if (NO_STRACE !== "") skipped("EIO from fdatasync", NO_STRACE);

(NO_STRACE === "" ? test : test.skip)("F11: EIO from fdatasync ends the node with 12, and the cluster loses nothing", async () => {
  console.log(`\nEIO on a follower: ${await failsAt(40, false)}`);
  console.log(`EIO on the leader: ${await failsAt(60, true)}`);
});

const DISK = ownFileSystem();
if (typeof DISK === "string") skipped("fsfreeze", DISK);

(typeof DISK === "string" ? test.skip : test)("fsfreeze of the leader's disk: its loop turns, another leads, and it comes back as follower", async () => {
  using disk = DISK as OwnFileSystem & Disposable;
  await using cluster = await TestCluster.prepare({ flags: FLAGS });
  const [node] = cluster.nodes as [TestNode];
  (node as { data: string }).data = join(disk.path, "a");
  await cluster.startAll();
  await using client = cluster.client();
  if (await cluster.leader() !== node) await client.transfer(node.id);
  await using workload = new Workload(cluster.addresses);
  await sleep(500);
  assert.is((await node.mainStatus()).role, "leader");
  disk.freeze();
  const frozenAtMs = performance.now();
  try {
    const next = await until("another leads", async () => {
      const all = await Promise.all(cluster.others(node).map((other) => other.mainStatus(500)));
      return cluster.others(node).find((_, i) => all[i]?.role === "leader") ?? null;
    });
    const movedMs = performance.now() - frozenAtMs;
    for (let i = 0; i < 10; i++) {
      assert.is.not((await node.mainStatus(500)).role, "leader", "the frozen node's loop turns, and it leads no more");
      await sleep(50);
    }
    const before = workload.told.acked;
    await until("writes go on without it", () => workload.told.acked > before + 100);
    console.log(`\nfsfreeze: leadership moved to ${next.id} after ${Math.round(movedMs)} ms`);
  } finally {
    disk.thaw();
  }
  await until("it follows and has caught up", async () => {
    const leader = await cluster.leader();
    const [its, newest] = [await node.mainStatus(), await leader.mainStatus()];
    return its.role === "follower" && its.commitIndex > newest.commitIndex - 100;
  });
  await workload.stop();
  await workload.check(client);
  console.log(`fsfreeze: ${workload.summary()}`);
  await Promise.all(cluster.nodes.map((each) => each.stop()));
});

test.run();
