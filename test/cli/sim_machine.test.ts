/** `draft sim --machine`, as the author of a plugin meets it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dispatch } from "../../src/cli/dispatch.ts";
import { simLeaf } from "../../src/cli/sim.ts";
import { fakeIo } from "./fake_io.ts";

const directory = mkdtempSync(join(tmpdir(), "draft-sim-"));
test.after(() => rmSync(directory, { recursive: true }));

/** What `draft sim --machine FILE --seed 1` says, with its exit code. */
async function simulate(name: string, source: string | null, more: readonly string[] = []): Promise<{ code: number; out: string; err: string; path: string }> {
  const path = join(directory, name);
  if (source !== null) writeFileSync(path, source);
  const io = fakeIo();
  const code = await dispatch(["sim", "--machine", path, "--seed", "1", "--nodes", "3", ...more], [simLeaf], io);
  return { code, out: io.outText(), err: io.errText(), path };
}

function machine(apply: string, more: string = ""): string {
  return `export default { name: "tried", version: 1, operations: { add: { kind: "write" }, get: { kind: "read" } }, ${more}
    create: () => ({ apply: ${apply}, query: () => 1, snapshot: () => 1, restore: () => {} }) };\n`;
}

test("a plugin that cannot be simulated is refused with what to type next", async () => {
  const cases: readonly (readonly [string, string | null, RegExp])[] = [
    ["missing.mjs", null, /missing\.mjs does not exist: give the path of a file/],
    ["broken.mjs", "export default {", /cannot be loaded: /],
    ["none.mjs", "export const a = 1;", /has no default export that is a plugin/],
    ["reads.mjs", machine("() => 1").replace("write", "read"), /has reads alone, add, get: nothing would go through the log/],
    ["empty.mjs", machine("() => 1").replace(/operations: \{.*?\}, get: \{.*?\} \}/, "operations: {}"), /has no operations: nothing/],
  ];
  for (const [name, source, wanted] of cases) {
    const { code, err, path } = await simulate(name, source);
    assert.is(code, 14, name);
    assert.match(err, wanted);
    assert.ok(err.endsWith(`; then type: draft sim --machine ${path}\n`), err);
  }
});

test("a generate() that gives no command is told with what it gave", async () => {
  const { code, err } = await simulate("generate.mjs", machine("() => 1", 'generate: () => ["put", 1],'));
  assert.is(code, 14);
  assert.match(err, /generate\(\) gave \["put",1\], wanted \[operation, \.\.\.arguments\] with one of add, get; .*draft sim --machine/);
});

test("O06: what a machine does wrong alone is told in a sentence, with the commands that show it, and nothing is simulated", async () => {
  const { code, out, err, path } = await simulate("chance.mjs", machine("() => [Math.random()]"));
  assert.is(code, 1);
  assert.is(out, "");
  const [sentence, step, again, end, ...more] = err.trimEnd().split("\n");
  assert.match(sentence ?? "", /^forbidden-global: apply\(\) of 'add' uses Math\.random\(\) at .*chance\.mjs:\d+:\d+: each replica would draw something else, take entry\.random\(\)$/);
  assert.equal([step, again], ["  1. add", `again: draft sim --seed 1 --nodes 3 --machine ${path}`]);
  assert.equal([end, more], ["1 found in the machine alone, and nothing was simulated: mend that first", []]);
  const all = await simulate("more.mjs", machine("() => { globalThis.tried = (globalThis.tried ?? 0) + 1; return globalThis.tried; }"), ["--json"]);
  assert.match(all.err, /^nondeterminism: 'add' is not deterministic: .* answered \d+ by one copy and \d+ by another/);
  const { violations, seeds } = JSON.parse(all.out) as { violations: { property: string; seed: number }[]; seeds: number };
  assert.equal([seeds, violations.length, violations[0]?.property, violations[0]?.seed], [0, 1, "nondeterminism", 1]);
});

test("what a plugin kept of the globals when it was loaded is guarded, too", async () => {
  const { code, err } = await simulate("kept.mjs", `const { now } = Date;\n${machine("() => [now()]")}`);
  assert.is(code, 1);
  assert.match(err, /^forbidden-global: apply\(\) of 'add' uses Date\.now\(\) at /);
});

test("a clock that shows in the simulator alone breaks a rule there, by its name", async () => {
  const { code, err, path } = await simulate("hidden.mjs", machine("() => 1").replace("create: () => ({ apply: () => 1",
    "create: ({ directory }) => ({ apply: () => /^\\/[a-z]\\//.test(directory) ? [Date.now()] : 1"));
  assert.is(code, 1);
  assert.match(err, /violation of seed 1 at event \d+, .*: forbidden-global: apply\(\) of 'add' uses Date\.now\(\) at .*take entry\.timeMs/);
  assert.ok(err.includes(`again: draft sim --seed 1 --nodes 3 --machine ${path}; smaller:`), err);
});

test("an operation that no command runs is told as not checked", async () => {
  const { code, out, err } = await simulate("untried.mjs", machine("() => 1", 'prepare: (command) => { if (command[0] === "get") throw new Error("no"); return command; },'));
  assert.is(code, 0);
  assert.match(err, /^'get' was not checked, for none of \d+ commands came to its end, the last for "no": give the plugin a generate\(random\) that returns commands which it takes\n$/);
  assert.match(out, /^the machine alone: \d+ commands on copies of 'tried', nothing found\nseed 1: /);
});

test("a machine of a later version runs at that version, with the operations that came with it", async () => {
  const later = machine("(_, entry) => entry.version", "")
    .replace("version: 1", "version: 3").replace('get: { kind: "read" }', 'get: { kind: "read", since: 3 }').replace("query: () => 1", "query: (_, view) => view.version");
  const { code, err } = await simulate("later.mjs", later);
  assert.equal([code, err], [0, ""]);
});

test("a machine that is deterministic passes", async () => {
  const { code, err } = await simulate("good.mjs", machine("(_, entry) => entry.random()"));
  assert.equal([code, err], [0, ""]);
});

test.run();
