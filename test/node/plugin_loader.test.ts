import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { checkPlugin, loadPlugin } from "../../src/node/plugin_loader.ts";

const sound = {
  name: "one", version: 1, operations: { get: { kind: "read" } },
  create: () => ({ apply: () => null, snapshot: () => null, restore: () => {} }),
};

function refusal(value: unknown): string {
  try {
    checkPlugin(value, "p.ts");
  } catch (error) {
    if (error instanceof DraftError && error.code === "BAD_PLUGIN") return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

test("checkPlugin() takes what has the shape, from whichever copy of the library", () => {
  assert.is(checkPlugin(sound, "p.ts"), sound);
});

test("checkPlugin() says what is missing", () => {
  assert.match(refusal(undefined), "no default export");
  assert.match(refusal({ ...sound, name: "" }), "has no name");
  assert.match(refusal({ ...sound, name: "One two" }), "is called 'One two'");
  assert.match(refusal({ ...sound, version: 0 }), "has no version");
  assert.match(refusal({ ...sound, operations: undefined }), "has no operations");
  assert.match(refusal({ ...sound, create: null }), "has no create");
});

test("checkPlugin() looks into the operations", () => {
  assert.match(refusal({ ...sound, operations: { "Get!": { kind: "read" } } }), "operation 'Get!'");
  assert.match(refusal({ ...sound, operations: { get: { kind: "both" } } }), "has the kind 'both'");
  assert.match(refusal({ ...sound, operations: { get: null } }), "operation 'get' must be");
});

test("loadPlugin() knows the shipped ones by name and others by path", async () => {
  const directory = mkdtempSync(join(tmpdir(), "draft-plugin-"));
  try {
    assert.is((await loadPlugin("kv")).name, "kv");
    const path = join(directory, "own.mjs");
    writeFileSync(path, 'export default { name: "own", version: 1, operations: {}, create() {} };\n');
    assert.is((await loadPlugin(path)).name, "own");
    for (const bad of ["nothing", join(directory, "missing.ts")]) {
      const error: unknown = await loadPlugin(bad).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof DraftError && error.code === "BAD_PLUGIN", String(error));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("loadPlugin() names file and line of a syntax error and of what the file throws", async () => {
  const directory = mkdtempSync(join(tmpdir(), "draft-plugin-"));
  const said = async (name: string, text: string): Promise<string> => {
    writeFileSync(join(directory, name), text);
    const error: unknown = await loadPlugin(join(directory, name)).catch((thrown: unknown) => thrown);
    return error instanceof DraftError ? error.message : String(error);
  };
  try {
    assert.match(await said("syntax.ts", 'export default {\n  name: "x", version: 1 operations\n};\n'), /cannot be loaded: .* at \S+syntax\.ts:2(:\d+)?$/);
    assert.match(await said("throws.ts", 'const a = 1;\nthrow new Error("boom");\nexport default a;\n'), /cannot be loaded: boom at \S+throws\.ts:2(:\d+)?$/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.run();
