/** Plugins and the executable: what is none is refused with 14 and a line that says what to change; packages are found. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type BadPlugin, MACHINELESS, SHAPELESS, UNLOADABLE } from "../node/bad_plugins.ts";
import { WITH_PACKAGES } from "../node/packages.ts";
import { draft, temporaryDirectory } from "./processes.ts";

const root = temporaryDirectory();

/** The directory that holds the files now. */
function written(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(root, name);
  mkdirSync(directory);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

async function refused({ name, files, load, says }: BadPlugin, at: number): Promise<void> {
  const directory = written(`bad-${at}`, files);
  const result = await draft(["serve", "--id", "a", "--data", join(directory, "a"), "--listen", "127.0.0.1:0", "--machine", join(directory, load)]);
  assert.is(result.code, 14, `${name}: ${result.err}`);
  assert.is(result.out, "", name);
  const [line = "", ...more] = result.err.trimEnd().split("\n");
  assert.equal(more, [], name);
  const [, message = ""] = /^\(error\) BAD_PLUGIN (.*?)(?:: correct it and start again, or see what draft plugin new NAME writes)?$/.exec(line) ?? [];
  assert.match(message, says, name);
}

test("what is no plugin is BAD_PLUGIN, exit 14, in one line that says what to change", async () => {
  const all = [...UNLOADABLE, ...SHAPELESS, ...MACHINELESS];
  for (const [at, each] of all.entries()) await refused(each, at);
});

test("BAD_PLUGIN ends with what to do next", async () => {
  const result = await draft(["serve", "--id", "a", "--machine", join(root, "none.ts")]);
  assert.match(result.err, /none\.ts does not exist: give the path of a file: correct it and start again, or see what draft plugin new NAME writes\n$/);
  const named = await draft(["serve", "--id", "a", "--machine", "kvv"]);
  assert.match(named.err, /no machine is called 'kvv': give one of kv, .*, or a path like \.\/machine\.ts/);
});

test("the executable finds packages in a node_modules beside the plugin", async () => {
  const directory = written("packages", WITH_PACKAGES.files);
  const result = await draft(["sim", "--seed", "1", "--machine", join(directory, WITH_PACKAGES.load)], { limitMs: 120_000 });
  assert.is(result.code, 0, result.err);
});

test.run();
