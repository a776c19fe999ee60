/** Plugins of several versions, as runs have them in which the machine changes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { EntryKind } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { encodeMachineVersion } from "../../src/machine/version_entry.ts";
import { buildOf, newestBuild, TALLY } from "../../src/sim/builds.ts";
import type { Script } from "../../src/sim/script.ts";
import { drawScript } from "../../src/sim/swarm.ts";
import { type Rig, rigOfPlugin } from "../machine/rig.ts";

const NEWEST = newestBuild(kv, 3);

function raise(rig: Rig, version: number): unknown {
  return rig.entry(EntryKind.version, 0, encodeMachineVersion(version));
}

test("the made-up versions of kv show in its state from where they were upgraded", () => {
  const [stepwise, atOnce] = [rigOfPlugin(NEWEST), rigOfPlugin(NEWEST)];
  raise(stepwise, 2);
  raise(stepwise, 3);
  raise(atOnce, 3);
  assert.equal([stepwise, atOnce].map((rig) => rig.applier.query(["get", "upgrades"])), ["3", "1"]);
});

test("an older build knows nothing of what came later, and answers alike as long as its own version is in force", () => {
  const rigs = [1, 2, 3].map((version) => rigOfPlugin(buildOf(NEWEST, version)));
  for (const rig of rigs) for (const name of ["incr", TALLY, "incr"]) rig.run(name, "n");
  assert.equal(rigs.map((rig) => [rig.applier.plugin.version, rig.applier.query(["get", "n"])]), [[1, "2"], [2, "2"], [3, "2"]]);
  assert.is(new Set(rigs.map(({ applier }) => applier.digest)).size, 1);
  const [old, newer] = rigs as [Rig, Rig];
  assert.throws(() => raise(old, 2), (error: unknown) => error instanceof DraftError && error.code === "BAD_PLUGIN");
  raise(newer, 2);
  assert.is(newer.run(TALLY, "n"), 3);
});

test("an author's plugin is taken as it is", () => {
  const own = { ...kv, name: "own", version: 2 };
  assert.is(newestBuild(own, 2), own);
  assert.is(buildOf(own, 2), own);
});

test("the machine changes in three of ten runs whose members stay, and that shifts nothing else", () => {
  const drawn = Array.from({ length: 300 }, (_, seed) => drawScript(seed, { membership: false }));
  const count = drawn.filter(({ settings }) => settings.versions !== undefined).length;
  assert.ok(count > 65 && count < 115, `${count} of 300`);
  const plain = ({ settings: { versions: _, ...settings }, faults, operations }: Script): unknown => ({
    settings, faults: faults.filter(({ kind }) => kind !== "install" && kind !== "at-raise").map(({ id: _id, ...fault }) => fault),
    operations: operations.map(({ command: [name, ...args], ...rest }) => ({ ...rest, command: [name === TALLY ? "incr" : name, ...args] })),
  });
  const seed = drawn.findIndex(({ settings, faults }) => settings.versions !== undefined && faults.some(({ kind }) => kind === "install"));
  assert.equal(plain(drawn[seed]!), plain(drawScript(seed, { membership: false, versions: false })));
  const own = { ...kv, name: "own" };
  assert.ok(Array.from({ length: 50 }, (_, each) => drawScript(each, { plugin: own })).every(({ settings }) => settings.versions === undefined), "a plugin of one version");
  assert.ok(Array.from({ length: 50 }, (_, each) => drawScript(each, { plugin: { ...own, version: 4 } })).some(({ settings }) => settings.versions?.newest === 4));
});

test.run();
