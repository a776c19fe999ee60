/** How a machine's version rises within the log, and what a build that is too old does (D13). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encode } from "../../src/base/codec.ts";
import { EntryKind } from "../../src/base/entry.ts";
import { DraftError, type ErrorCode } from "../../src/base/errors.ts";
import { checkPlugin } from "../../src/machine/check_plugin.ts";
import { defineMachine } from "../../src/machine/define.ts";
import type { AnyPlugin, Base, Command, Entry, Plugin } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import { machineOn } from "../../src/machine/table_machine.ts";
import { decodeMachineVersion, encodeMachineVersion } from "../../src/machine/version_entry.ts";
import { isError, type Rig, rigOfPlugin } from "./rig.ts";

/** What `do` and `see` saw of the version, entry by entry. */
function watching(version: number, upgrade?: Base["upgrade"]): { plugin: Plugin<null>; seen: string[] } {
  const seen: string[] = [];
  const plugin: Plugin<null> = {
    name: "tried", version,
    operations: { do: { kind: "write" }, see: { kind: "read" } },
    create: () => ({
      apply: (_, entry) => void seen.push(`do at ${entry.index} in ${entry.version}`),
      query: (_, view) => view.version,
      upgrade: (from, entry) => {
        seen.push(`from ${from} to ${entry.version} at ${entry.index}`);
        return upgrade?.(from, entry);
      },
      snapshot: () => null,
      restore: (_, at) => void seen.push(`restored in ${at}`),
    }),
  };
  return { plugin, seen };
}

function raise(rig: Rig, version: number): unknown {
  return rig.entry(EntryKind.version, 0, encodeMachineVersion(version));
}

function thrownBy(act: () => unknown, code: ErrorCode, message: RegExp): void {
  assert.throws(act, (error: unknown) => {
    assert.instance(error, DraftError);
    assert.is((error as DraftError).code, code);
    assert.match((error as DraftError).message, message);
    return true;
  });
}

test("the version rises at its entry, and upgrade() runs there, once", () => {
  const { plugin, seen } = watching(3);
  const rig = rigOfPlugin(plugin);
  rig.run("do");
  assert.is(raise(rig, 2), 2);
  rig.run("do");
  assert.is(raise(rig, 3), 3);
  rig.run("do");
  assert.equal(seen, ["do at 1 in 1", "from 1 to 2 at 2", "do at 3 in 2", "from 2 to 3 at 4", "do at 5 in 3"]);
  assert.is(rig.applier.query(["see"]), 3);
  assert.is(rig.applier.view().version, 3);
});

test("a version is never lowered, and an equal one changes nothing", () => {
  const { plugin, seen } = watching(3);
  const rig = rigOfPlugin(plugin);
  raise(rig, 3);
  assert.equal([raise(rig, 2), raise(rig, 3)], [3, 3]);
  assert.equal(seen, ["from 1 to 3 at 1"]);
});

test("a machine without upgrade() is raised all the same", () => {
  const rig = rigOfPlugin({ ...watching(2).plugin, create: () => ({ apply: (_, { version }) => version, query: () => null, snapshot: () => null, restore: () => {} }) });
  raise(rig, 2);
  assert.is(rig.run("do"), 2);
});

test("a machine begins with the version of the genesis, without upgrade()", () => {
  const { plugin, seen } = watching(4);
  const rig = rigOfPlugin(plugin);
  rig.applier.begin(3);
  rig.run("do");
  raise(rig, 4);
  assert.equal(seen, ["do at 1 in 3", "from 3 to 4 at 2"]);
  assert.throws(() => rig.applier.begin(2), /before its first entry/);
});

test("D13: a build that is too old stops at the entry, naming both versions and what to do", () => {
  const { plugin, seen } = watching(1);
  const rig = rigOfPlugin(plugin);
  thrownBy(() => raise(rig, 2), "BAD_PLUGIN", /'tried' of this node has version 1, and entry 1 of the log wants version 2: start .*: draft serve --machine FILE$/);
  assert.is(rig.applier.view().version, 1);
  assert.equal(seen, []);
});

test("D13: a version entry that says something else stops the replica", () => {
  for (const payload of [new Uint8Array(0), encode([2, 2]), encode([1, 0]), encode([1, "2"]), encode([1, 2, 3]), encode(7), Uint8Array.of(0xff)]) {
    thrownBy(() => rigOfPlugin(watching(2).plugin).entry(EntryKind.version, 0, payload), "BAD_CONFIG", /version entry 1 says what this release of draft does not know: start this node with the one that the others run/);
  }
  assert.is(decodeMachineVersion(encodeMachineVersion(70_000), 1), 70_000);
});

test("an upgrade() that throws, refuses, or answers with an error or a promise stops the replica", () => {
  const broken = new Error("there is no such field");
  const upgrades: readonly [Base["upgrade"], RegExp][] = [
    [() => { throw broken; }, /from version 1 to 2 broke at index 1: there is no such field: no entry behind it is applied/],
    [(_, entry) => { throw entry.reject("not today"); }, /not today/],
    [() => broken as never, /no such field/],
    [(() => Promise.resolve()) as never, /returned a promise/],
  ];
  for (const [upgrade, message] of upgrades) thrownBy(() => raise(rigOfPlugin(watching(2, upgrade).plugin), 2), "BAD_PLUGIN", message);
});

test("what an upgrade() did to tables before it broke, or promised, is undone", () => {
  for (const end of [() => { throw new Error("broke"); }, () => Promise.resolve() as never]) {
    const table = new Table<number>();
    const upgrade = (): void => {
      table.set("k", 1);
      return end();
    };
    const plugin = { ...watching(2).plugin, create: () => machineOn({ table }, { apply: () => null, query: () => null, upgrade }) } as unknown as AnyPlugin;
    thrownBy(() => raise(rigOfPlugin(plugin), 2), "BAD_PLUGIN", /broke|promise/);
    assert.is(table.size, 0);
  }
});

test("what upgrade() emits and draws is the entry's", () => {
  const digests = [1, 1, 2].map((value) => {
    const rig = rigOfPlugin(watching(2, (_, entry) => entry.emit("k", value + entry.random())).plugin);
    raise(rig, 2);
    return rig.applier.digest;
  });
  assert.is(digests[0], digests[1]);
  assert.is.not(digests[0], digests[2]);
});

test("a snapshot holds the version in force, and restoring runs no upgrade()", () => {
  const { plugin, seen } = watching(3);
  const rig = rigOfPlugin(plugin);
  raise(rig, 2);
  const begun = rig.applier.snapshot();
  begun.pieces.close();
  begun.sessions.close();
  assert.is(begun.machineVersion, 2);
  const other = rigOfPlugin(plugin);
  const target = other.applier.restore(begun, () => {});
  target.push(encode(null), () => {});
  target.end(() => {});
  other.applier.restored(begun, other.applier);
  assert.is(other.applier.view().version, 2);
  assert.equal(seen, ["from 1 to 2 at 1", "restored in 2"]);
});

const NEWER = defineMachine({
  name: "tried", version: 2,
  state: () => ({ total: 0 }),
  writes: {
    add: { args: [], run: (state) => state.total += 1 },
    double: { args: [], since: 2, run: (state) => state.total *= 2 },
  },
  reads: { half: { args: [], since: 2, run: (state) => state.total / 2 } },
  snapshot: (state) => state,
  restore: (saved) => saved,
});

test("an operation that comes with a later version is unknown until that is in force", () => {
  const rig = rigOfPlugin(NEWER);
  const { operations } = rig.applier;
  rig.run("add");
  const ask = (command: Command): string => operations.prepare(command)[0];
  const words = /operation 'double' comes with version 2 of the machine 'tried', and 1 is in force/;
  thrownBy(() => ask(["DOUBLE"]), "UNKNOWN_OPERATION", words);
  thrownBy(() => operations.kindOf(["double"]), "UNKNOWN_OPERATION", words);
  isError(rig.run("double"), "UNKNOWN_OPERATION", words);
  isError(rig.applier.query(["half"]), "UNKNOWN_OPERATION", /'half' comes with version 2/);
  raise(rig, 2);
  assert.is(ask(["DOUBLE"]), "double");
  assert.is(rig.run("double"), 2);
  assert.is(rig.applier.query(["half"]), 1);
});

test("while version 1 is in force, a build that knows more answers as one that does not", () => {
  const operations = { add: { kind: "write" } } as const;
  const create = (): Plugin<null> => ({
    name: "tried", version: 1, operations,
    create: () => ({ apply: (_: Command, entry: Entry) => entry.index, snapshot: () => null, restore: () => {} }),
  });
  const rigs = [create(), { ...create(), version: 2, operations: { ...operations, double: { kind: "write", since: 2 } } } as Plugin<null>].map(rigOfPlugin);
  for (const rig of rigs) for (const name of ["add", "double", "add"]) rig.run(name);
  assert.is(rigs[0]?.applier.digest, rigs[1]?.applier.digest);
});

test("frees is said of writes, with true or false", () => {
  for (const [kind, frees, why] of [["write", 1, /'do' with frees: 1: must be true or false/], ["read", true, /'do' that reads and frees/]] as const) {
    const { plugin } = watching(1);
    thrownBy(() => checkPlugin({ ...plugin, operations: { do: { kind, frees } } }, "./given.ts"), "BAD_PLUGIN", why);
  }
});

test("since must be a version of the plugin", () => {
  for (const since of [0, 3, 1.5, "2"]) {
    const { plugin } = watching(2);
    const given = { ...plugin, operations: { do: { kind: "write", since } } };
    thrownBy(() => checkPlugin(given, "./given.ts"), "BAD_PLUGIN", /'do' with since: .*: must be a version from 1 to 2/);
  }
});

test.run();
