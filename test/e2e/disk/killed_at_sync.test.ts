/**
 * A node alone is killed at the k-th fdatasync of one of its threads, by strace, which counts in each thread by itself:
 * while its room is made, while it is founded, between a write and its sync, while segments change. What it acknowledged
 * is there when it is started again. A few k, or with E2E_SYNCS=200 each from 1 to 200.
 */
import { rmSync } from "node:fs";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draftBinary, sleep, temporaryDirectory } from "../processes.ts";
import { Acknowledged } from "./acknowledged.ts";
import { lead, nodeIn } from "./alone.ts";
import { canTry, underStrace, whyNoStrace } from "./file_system.ts";

const test = suite("killed_at_sync");
const SOME = [1, 3, 8, 34];
const LIMIT_MS = 30_000;

const upTo = Number(process.env["E2E_SYNCS"] ?? 0);
const chosen = upTo > 0 ? Array.from({ length: upTo }, (_, i) => i + 1) : SOME;

/** @returns how many writes were acknowledged before it was killed */
async function killedAt(k: number): Promise<number> {
  const directory = temporaryDirectory();
  const node = await nodeIn(directory, underStrace(draftBinary(), `fdatasync:signal=SIGKILL:when=${k}`));
  const running = node.launch();
  await using load = new Acknowledged([node.address], { lanes: 3, valueBytes: 3_000, timeoutMs: 500 });
  const how = await running.end(LIMIT_MS);
  // strace ends as what it ran did.
  assert.ok(how === "SIGKILL" || how === 137, `sync ${k}: ended with ${how}\n${running.err}`);
  await load.stop();
  node.program = [draftBinary()];
  await lead(node);
  await load.check(node.address);
  assert.is(await node.stop(), 0);
  rmSync(directory, { recursive: true });
  return load.keys.length;
}

if (canTry("SIGKILL at a sync", whyNoStrace())) {
  test(`P01 P03: killed at the k-th sync of a thread, ${chosen.length} times, and nothing acknowledged is lost`, async () => {
    const acknowledged: number[] = [];
    for (const k of chosen) {
      acknowledged.push(await killedAt(k));
      await sleep(0);
    }
    const sum = acknowledged.reduce((all, count) => all + count, 0);
    assert.ok(sum > 0, "some were acknowledged");
    console.log(`\nkilled at sync ${chosen[0]} to ${chosen.at(-1)}, ${chosen.length} times: ${sum} writes acknowledged, none lost`);
  });
} else {
  test.skip("killed at the k-th sync");
}

test.run();
