import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { loadPlugin } from "../../src/node/plugin_loader.ts";

const test = suite("plugin loader");
const directory = mkdtempSync(join(tmpdir(), "draft-plugins-"));
test.after(() => rmSync(directory, { recursive: true }));

let files = 0;

/** What is said of a plugin with this text. */
async function said(text: string): Promise<string> {
  const path = join(directory, `plugin_${files++}.ts`);
  writeFileSync(path, text);
  try {
    await loadPlugin(path);
    return "";
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    assert.is(error.code, "BAD_PLUGIN");
    return error.message.replaceAll(directory, "DIR");
  }
}

test("loadPlugin() names file and line of a syntax error and of what the file throws", async () => {
  assert.match(await said('export default {\n  name: "x", version: 1 operations\n};\n'), /^plugin DIR\/plugin_\d\.ts cannot be loaded: .* at DIR\/plugin_\d\.ts:2(:\d+)?$/);
  assert.match(await said('const a = 1;\nthrow new Error("boom");\nexport default a;\n'), /cannot be loaded: boom at DIR\/plugin_\d\.ts:2(:\d+)?$/);
});

test("loadPlugin() says what to change where the shape is wrong", async () => {
  assert.match(await said("export const x = 1;"), /has no default export that is a plugin: add 'export default'$/);
  assert.match(await said('export default { name: "x", version: 1, operations: {} };'), /has no create: add create\(\)/);
  const operations = (row: string): string => `export default { name: "x", version: 1, operations: { ${row} }, create() { return {}; } };`;
  assert.match(await said(operations('"BAD NAME": { kind: "read" }')), /operation 'BAD NAME' must be named like/);
  assert.match(await said(operations('add: { kind: "maybe" }')), /operation 'add' has the kind 'maybe': must be read or write/);
  assert.is(await said(operations('add: { kind: "write" }')), "");
});

test.run();
