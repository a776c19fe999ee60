/** Each way to get a plugin wrong, on the runtime that runs this: the same words, and the place where there is one. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { importFile } from "../../src/host/node_module.ts";
import { createMachine } from "../../src/machine/create_machine.ts";
import { loadPlugin } from "../../src/node/plugin_loader.ts";
import { type BadPlugin, MACHINELESS, SHAPELESS, UNLOADABLE } from "./bad_plugins.ts";

const root = mkdtempSync(join(tmpdir(), "draft-plugin-"));
test.after(() => rmSync(root, { recursive: true, force: true }));

/** The path of what is loaded, in a directory of its own: a module is loaded once. */
function written({ files, load }: BadPlugin): string {
  const directory = mkdtempSync(join(root, "p-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return join(directory, load);
}

async function refused(of: Promise<unknown>, says: RegExp): Promise<void> {
  const error: unknown = await of.then(() => "it was taken", (thrown: unknown) => thrown);
  assert.instance(error, DraftError, String(error));
  assert.equal([(error as DraftError).code, (error as DraftError).exitCode], ["BAD_PLUGIN", 14]);
  assert.match((error as DraftError).message, says);
}

for (const each of [...UNLOADABLE, ...SHAPELESS]) {
  test(`BAD_PLUGIN: ${each.name}`, async () => {
    const path = written(each);
    await refused(loadPlugin(path), each.says);
    await refused(loadPlugin(path), /^plugin \S+ /);
  });
}

for (const each of MACHINELESS) {
  test(`BAD_PLUGIN: a machine like ${each.name}`, async () => {
    const plugin = await loadPlugin(written(each));
    await refused(Promise.resolve().then(() => createMachine(plugin, root)), each.says);
  });
}

test("BAD_PLUGIN: a name that no machine has", async () => {
  await refused(loadPlugin("kvv"), /^no machine is called 'kvv': give one of kv, .*, or a path like \.\/machine\.ts$/);
  await refused(loadPlugin("constructor"), /^no machine is called 'constructor'/);
});

test("importFile() gives up a module that awaits for ever", async () => {
  const endless = "await new Promise((done) => { globalThis.letGo = done; });\nexport default 1;\n";
  const path = written({ name: "", files: { "p.ts": endless }, load: "p.ts", says: /./ });
  const error: unknown = await importFile(path, { limitMs: 50 }).catch((thrown: unknown) => thrown);
  assert.is((error as Error).message, "has not loaded for 0.05 s: remove the 'await' at its top that never ends");
  // Deno waits for a module that is being loaded before it ends the process.
  const module = globalThis as { letGo?: (value: null) => void };
  while (module.letGo === undefined) await new Promise((done) => void setTimeout(done, 5));
  module.letGo(null);
});

test.run();
