import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { checkPlugin, loadPlugin } from "../../src/node/plugin_loader.ts";

const directory = mkdtempSync(join(tmpdir(), "draft-plugin-"));
test.after(() => rmSync(directory, { recursive: true, force: true }));

async function refused(nameOrPath: string): Promise<DraftError> {
  const error: unknown = await loadPlugin(nameOrPath).then(() => null, (reason: unknown) => reason);
  assert.instance(error, DraftError);
  assert.is((error as DraftError).code, "BAD_PLUGIN");
  assert.is((error as DraftError).exitCode, 14);
  return error as DraftError;
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

test("the shipped machines load by name; what every object has is no machine", async () => {
  assert.is((await loadPlugin("kv")).name, "kv");
  assert.is((await loadPlugin("counter")).name, "counter");
  assert.match((await refused("constructor")).message, /no machine is called 'constructor': give one of kv, counter, or a path/);
});

test("a path to a file whose default export is a plugin loads", async () => {
  const text = "export default { name: 'mine', version: 1, operations: {}, create: () => ({ apply() {}, snapshot() {}, restore() {} }) };";
  assert.is((await loadPlugin(file("good.mjs", text))).name, "mine");
});

test("a file that is missing, throws or is no JavaScript is BAD_PLUGIN with its path", async () => {
  const bad = [join(directory, "missing.mjs"), file("throws.mjs", "throw new Error('broken on purpose');"), file("syntax.mjs", "export default {{{")];
  for (const path of bad) assert.ok((await refused(path)).message.includes(path));
  assert.match((await refused(bad[1]!)).message, /broken on purpose/);
});

test("a file without a default export says what to add", async () => {
  assert.match((await refused(file("none.mjs", "export const x = 1;"))).message, /has no default export that is a plugin/);
});

test("checkPlugin() names what is missing", () => {
  const plugin = { name: "n", version: 1, operations: {}, create: () => ({}) };
  assert.is(checkPlugin(plugin, "p"), plugin as never);
  for (const [field, value] of [["name", ""], ["version", 0], ["version", 1.5], ["operations", null], ["create", undefined]] as const) {
    assert.throws(() => checkPlugin({ ...plugin, [field]: value }, "p"), new RegExp(`plugin p has no ${field}`));
  }
});

test.run();
