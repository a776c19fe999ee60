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
async function simulate(name: string, source: string | null): Promise<{ code: number; out: string; err: string; path: string }> {
  const path = join(directory, name);
  if (source !== null) writeFileSync(path, source);
  const io = fakeIo();
  const code = await dispatch(["sim", "--machine", path, "--seed", "1", "--nodes", "3"], [simLeaf], io);
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

test("a machine that asks the chance is told where its replicas went apart, and how to see it again", async () => {
  const { code, err, path } = await simulate("chance.mjs", machine("() => Math.random()"));
  assert.is(code, 1);
  assert.match(err, /equal-states: at index \d+ [abc] has the digest/);
  assert.match(err, /the first entry that differs is \["add"\] at index \d+, answered 0\.\d+ by [abc] and 0\.\d+ by [abc]: .*entry\.random\(\)/);
  assert.ok(err.includes(`again: draft sim --seed 1 --nodes 3 --machine ${path}; smaller:`), err);
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
