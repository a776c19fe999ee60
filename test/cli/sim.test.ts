import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dispatch } from "../../src/cli/dispatch.ts";
import { simLeaf } from "../../src/cli/sim.ts";
import type { Script } from "../../src/sim/script.ts";
import { fakeIo } from "./fake_io.ts";

const test = suite("draft sim");

const ODD = fileURLToPath(new URL("odd_machine.ts", import.meta.url));

let directory = "";
test.before(() => void (directory = mkdtempSync(join(tmpdir(), "draft-sim-"))));
test.after(() => rmSync(directory, { recursive: true }));

async function sim(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo();
  const code = await dispatch(["sim", ...args], [simLeaf], io);
  return { code, out: io.outText(), err: io.errText() };
}

function fileOf(content: string): string {
  const file = join(directory, "my script.json");
  writeFileSync(file, content);
  return file;
}

test("--script with a wrong file says what is wrong in one line", async () => {
  for (const [content, what] of [["{", /JSON/], ["[]", /the script \[\]: wants an object/], ['{"seed":1}', /settings is missing/]] as const) {
    const { code, out, err } = await sim("--script", fileOf(content));
    assert.is(code, 2);
    assert.is(out, "");
    assert.match(err, what);
    assert.match(err, /^draft sim: --script ".*": .*: draft sim --help\n$/);
  }
  assert.is((await sim("--script", join(directory, "none.json"))).code, 2);
  assert.match((await sim("--script", fileOf("{}"), "--nodes", "3")).err, /--nodes with --script/);
});

test("a machine that keeps its state on disk is checked alone: the simulator's disks are not there for it", async () => {
  const { code, out, err } = await sim("--seed", "1", "--machine", "sql");
  assert.is(code, 0);
  assert.match(out, /^the machine alone: \d+ commands on copies of 'sql', nothing found\n?$/);
  assert.match(err, /'sql' keeps its state on disk, and the simulator's disks are not there for it: it was checked alone/);
});

test("--shrink over seeds makes the first failure small; its script names the machine", async () => {
  const small = await sim("--seeds", "5", "--shrink", "--machine", ODD);
  assert.is(small.code, 1);
  const script = JSON.parse(small.out) as Script;
  assert.is(script.machine, ODD);
  assert.match(small.err, /equal-states.*\nleft after \d+ runs: 0 of \d+ faults/);
  const again = await sim("--script", fileOf(small.out));
  assert.is(again.code, 1);
  assert.match(again.err, /violation of seed .*equal-states/);
  assert.match(again.err, /again: draft sim --script "[^"]*my script\.json"; smaller/);
  assert.is((await sim("--script", fileOf(small.out), "--machine", "kv")).code, 0, "what is typed is meant");
});

test("--shrink says that nothing failed, and prints no script", async () => {
  for (const args of [["--seed", "3"], ["--seed", "3", "--seeds", "1"]]) {
    const { code, err } = await sim(...args, "--shrink");
    assert.is(code, 0);
    assert.match(err, /nothing failed/);
  }
  assert.is((await sim("--seed", "3", "--shrink")).out, "");
});

test.run();
