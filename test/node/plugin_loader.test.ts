/** Plugins by name and by path, with what they import: files and packages beside them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkPlugin } from "../../src/machine/check_plugin.ts";
import { loadPlugin } from "../../src/node/plugin_loader.ts";
import { WITH_PACKAGES } from "./packages.ts";

const directory = mkdtempSync(join(tmpdir(), "draft-plugin-"));
test.after(() => rmSync(directory, { recursive: true, force: true }));

function file(path: string, text: string): string {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
  return join(directory, path);
}

test("the shipped machines load by name", async () => {
  assert.is((await loadPlugin("kv")).name, "kv");
  assert.is((await loadPlugin("counter")).name, "counter");
});

test("checkPlugin() takes what has the shape, from whichever copy of the library", () => {
  const sound = { name: "one", version: 1, operations: { get: { kind: "read" } }, create: () => ({}) };
  assert.is(checkPlugin(sound, "p.ts"), sound as never);
});

test("a path to a file whose default export is a plugin loads, in each kind of module", async () => {
  const plugin = "{ name: 'mine', version: 1, operations: {}, create: () => ({ apply() {}, snapshot() {}, restore() {} }) };\n";
  const version: Readonly<Record<string, string>> = { ts: "const version: number = 1;\n", mts: "const version: number = 1;\n" };
  for (const ending of ["ts", "mts", "mjs"]) {
    assert.is((await loadPlugin(file(`mine.${ending}`, `${version[ending] ?? ""}export default ${plugin}`))).name, "mine", ending);
  }
  assert.is((await loadPlugin(file("mine.cjs", `module.exports = ${plugin}`))).name, "mine");
});

test("a plugin imports files and packages beside it, of both kinds", async () => {
  for (const [path, text] of Object.entries(WITH_PACKAGES.files)) file(join("packages", path), text);
  const plugin = await loadPlugin(join(directory, "packages", WITH_PACKAGES.load));
  assert.is(plugin.operations["get"]?.summary, WITH_PACKAGES.summary);
});

test.run();
