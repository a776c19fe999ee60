/** `draft plugin new`, `check` and `test`, as their users meet them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dispatch } from "../../src/cli/dispatch.ts";
import { pluginCheckLeaves } from "../../src/cli/plugin_check.ts";
import { pluginNewLeaf } from "../../src/cli/plugin_new.ts";
import { provideModule } from "../../src/host/node_library.ts";
import * as library from "../../src/machine/library.ts";
import * as testing from "../../src/sim/testing.ts";
import { fakeIo } from "./fake_io.ts";

const root = mkdtempSync(join(tmpdir(), "draft-plugin-new-"));
test.after(() => rmSync(root, { recursive: true, force: true }));
// The command line has done so before it runs anything.
provideModule("draft", library);
provideModule("draft/testing", testing);

async function draft(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = fakeIo();
  const code = await dispatch(["plugin", ...args], [pluginNewLeaf, ...pluginCheckLeaves], io);
  return { code, out: io.outText(), err: io.errText() };
}

function at(...names: readonly string[]): string {
  return join(root, ...names);
}

function file(name: string, text: string): string {
  writeFileSync(at(name), text);
  return at(name);
}

test("a new plugin loads, and its test passes, as it was written", async () => {
  const made = await draft("new", at("deep/scores"));
  assert.equal([made.code, made.err], [0, ""]);
  assert.match(made.out, /^made .*scores\n  scores\.ts +the machine: begin here\n(.*\n)+next:\n  cd .*scores\n  draft dev --watch --machine \.\/scores\.ts\n$/);
  const checked = await draft("check", at("deep/scores/scores.ts"));
  assert.equal([checked.code, checked.err], [0, ""]);
  assert.match(checked.out, /^the machine 'scores', version 1\n  write  add WHO \[POINTS\]  gives points/);
  const tested = await draft("test", at("deep/scores/scores.test.ts"));
  assert.equal(tested, { code: 0, out: `${at("deep/scores/scores.test.ts")} passed\n`, err: "" });
});

test("the test of a new plugin fails when the machine is wrong, and says where", async () => {
  await draft("new", at("broken"));
  writeFileSync(at("broken/broken.ts"), readFileSync(at("broken/broken.ts"), "utf8").replace("if (score < 0) throw", "scores.set(who, score); if (score < 0) throw"));
  const { code, out, err } = await draft("test", at("broken/broken.test.ts"), at("deep/scores/scores.test.ts"));
  assert.is(code, 1);
  assert.match(err, /broken\.test\.ts failed: found -1, wanted 6 at \S+broken\.test\.ts:\d+/);
  assert.match(out, /^\S+scores\.test\.ts passed\n$/);
});

test("what every machine must be is checked by the test of a new plugin, with the commands that show what is wrong", async () => {
  await draft("new", at("lossy"));
  writeFileSync(at("lossy/lossy.ts"), readFileSync(at("lossy/lossy.ts"), "utf8").replace("snapshot: (scores) => [...scores]", "snapshot: (scores) => [...scores].slice(1)"));
  const { code, out, err } = await draft("test", at("lossy/lossy.test.ts"));
  assert.equal([code, out], [1, ""]);
  assert.match(err, /lossy\.test\.ts failed: the machine 'lossy': '\w+' shows that a snapshot loses state: .*\n {2}1\. add .*\n[^]*again: checkMachine\(lossy, \{ seed: \d+, runs: 1 \}\)\n$/);
});

test("what is there is never written over, however often it is tried", async () => {
  await draft("new", at("kept"));
  writeFileSync(at("kept/kept.ts"), "mine");
  const before = readdirSync(at("kept"));
  for (let i = 0; i < 2; i++) {
    const { code, out, err } = await draft("new", at("kept"));
    assert.equal([code, out], [1, ""]);
    assert.match(err, /^\(error\) CONFLICT \S+kept is there already, and was left as it is: draft plugin new OTHER-NAME\n$/);
  }
  assert.is(readFileSync(at("kept/kept.ts"), "utf8"), "mine");
  assert.equal(readdirSync(at("kept")), before);
  file("a-file", "mine");
  assert.is((await draft("new", at("a-file"))).code, 1);
  const beneath = await draft("new", at("a-file/x"));
  assert.match(beneath.err, /^\(error\) STORAGE_FAILED \S+a-file[\\/]x cannot be written: .*: draft plugin new PATH\/NAME makes it elsewhere\n$/);
  assert.is(readFileSync(at("a-file"), "utf8"), "mine");
});

test("a name that is none is refused with one that would do, and nothing is made", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["Scores", /NAME "Scores" wants lower-case letters, digits, "_" and "-", a letter first: draft plugin new scores:/],
    ["scores.ts", /: draft plugin new scores:/],
    ["my scores", /: draft plugin new my-scores:/],
    ["x.test", /: draft plugin new x-test:/],
    ["7", /a letter first: draft plugin new --help$/m],
    ["kv", /"kv" is a machine that draft ships/],
    ["draft", /"draft" is what plugins import/],
  ];
  for (const [name, says] of cases) {
    const { code, err } = await draft("new", at(name));
    assert.is(code, 2, name);
    assert.match(err, says);
    assert.not(existsSync(at(name)), name);
  }
});

test("check and test say of a file what is wrong with it", async () => {
  const none = await draft("check", file("none.mjs", "export default 5;\n"));
  assert.is(none.code, 14);
  assert.match(none.err, /BAD_PLUGIN plugin \S+none\.mjs exports 5 by default/);
  const json = await draft("check", "--json", at("none.mjs"));
  assert.equal([json.code, json.err], [14, ""]);
  assert.is((JSON.parse(json.out) as { error: { code: string } }).error.code, "BAD_PLUGIN");
  const broken = 'export default { name: "x", version: 1, operations: {}, create() { throw new Error("no room"); } };\n';
  assert.match((await draft("check", file("create.mjs", broken))).err, /plugin 'x': create\(\) threw: no room/);
  const absent = await draft("test", at("absent.test.ts"));
  assert.equal([absent.code, absent.err], [1, `${at("absent.test.ts")} does not exist: give the path of a file\n`]);
});

test.run();
