/**
 * Calls that fail, on a node alone, by strace: a write, a sync, for each reason that a disk may give. The node goes on
 * where that is promised (no room), and else ends with 12; either way all that it acknowledged is there.
 */
import { join } from "node:path";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draftBinary, temporaryDirectory, type TestNode, until } from "../processes.ts";
import { Acknowledged } from "./acknowledged.ts";
import { lead, nodeIn } from "./alone.ts";
import { canTry, underStrace, whyNoStrace } from "./file_system.ts";

const test = suite("call_errors");
const isPossible = canTry("calls that fail", whyNoStrace());
const tried = isPossible ? test : test.skip;

/** What of the log is written by: one buffer, or several. */
const WRITES = "pwrite64,pwritev";
const LIMIT_MS = 30_000;

/** Runs a node whose calls fail so, until it ends. */
async function endsWith(node: TestNode, injection: string): Promise<void> {
  node.program = underStrace(draftBinary(), injection);
  const running = await node.start();
  await using load = new Acknowledged([node.address], { valueBytes: 2_000, timeoutMs: 500 });
  assert.is(await running.end(LIMIT_MS), 12, running.err);
  assert.match(running.err, /STORAGE_FAILED/);
  await load.stop();
  node.program = [draftBinary()];
  await lead(node);
  await load.check(node.address);
  console.log(`\n${injection}: exit 12, ${load.summary()}`);
}

/** Runs a node whose writes to its first segment fail so for a while: it lives. */
async function goesOn(node: TestNode, injection: string): Promise<void> {
  node.program = underStrace(draftBinary(), injection, join(node.data, "wal/000000000001.seg"));
  const running = await node.start();
  await using load = new Acknowledged([node.address], { valueBytes: 200 });
  await until("writes go on", () => load.keys.length > 500, LIMIT_MS);
  assert.is(running.child.exitCode, null, running.err);
  await load.stop();
  await load.check(node.address);
  await until("it says that there is room", async () => (await node.status()).disk.state === "ok");
  // Itself: strace would leave it behind.
  process.kill((await node.status()).pid, "SIGKILL");
  await running.end();
  node.program = [draftBinary()];
  await lead(node);
  await load.check(node.address);
  console.log(`\n${injection}: goes on, ${load.summary()}`);
}

/** A node that was founded and stopped, and ends whatever becomes of the test. */
async function founded(run: (node: TestNode) => Promise<void>): Promise<void> {
  const node = await nodeIn(temporaryDirectory());
  try {
    await lead(node);
    assert.is(await node.stop(), 0);
    await run(node);
  } finally {
    await node.kill();
  }
}

tried("F11: a sync that fails for want of room, or of a quota, ends the node: what it was to make durable is not known", async () => {
  for (const error of ["ENOSPC", "EDQUOT"]) await founded((node) => endsWith(node, `fdatasync:error=${error}:when=30`));
});

tried("F11: a write that fails ends the node, and none is tried again", async () => {
  await founded((node) => endsWith(node, `${WRITES}:error=EIO:when=40`));
});

tried("P10: a write that takes nothing ends the node, rather than being called done", async () => {
  await founded((node) => endsWith(node, `${WRITES}:retval=0:when=40`));
});

tried("F11: writes that find no room for a while: the node lives, and goes on by itself", async () => {
  await founded((node) => goesOn(node, `${WRITES}:error=ENOSPC:when=20..21`));
});

test.run();
