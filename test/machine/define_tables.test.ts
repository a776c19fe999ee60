/** defineMachineOn: typed operations on tables, and all that comes with them. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextFloat, seedRandom } from "../../src/base/random.ts";
import { int, text, where } from "../../src/machine/arguments.ts";
import { defineMachineOn } from "../../src/machine/define_tables.ts";
import type { Entry } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import { isBad, PluginRig, refuses } from "./plugin_rig.ts";

const seats = defineMachineOn({
  name: "seats", version: 2,
  tables: () => ({ held: new Table<string>(), calls: new Table<number>() }),
  writes: {
    hold: { args: [text("who"), text("first"), text("second")], run({ held }, entry, who, ...wanted) {
      for (const seat of wanted) {
        if (held.has(seat)) throw entry.reject(`seat ${seat} is taken`);
        held.set(seat, who, entry.timeMs + 60);
      }
      return wanted.length;
    } },
  },
  reads: { holder: { args: [text("seat")], run: ({ held }, _, seat) => held.get(seat) ?? null } },
  wakeAt: ({ calls }) => calls.get("next") ?? null,
  wake: ({ calls }) => void calls.delete("next"),
  upgrade: ({ calls }, from, entry) => calls.set("next", from * 1000 + entry.index),
});

test("an operation that rejects changes nothing, however much it had changed; and what it changed expires", async () => {
  const rig = new PluginRig(seats);
  assert.is(rig.run("hold", "ann", "A1", "A2"), 2);
  refuses(rig, ["hold", "bob", "A3", "A2"], "REJECTED", "seat A2 is taken");
  assert.equal([rig.run("holder", "A1"), rig.run("holder", "A3")], ["ann", null]);
  await rig.restart();
  assert.is(rig.run("holder", "A2"), "ann");
  rig.pass(60, true);
  assert.equal([rig.run("holder", "A1"), rig.applier.wakeAt()], [null, null]);
});

test("wakeAt, wake and upgrade are the author's, given the tables of this machine", () => {
  const [machine, other] = [seats.create({ directory: "" }), seats.create({ directory: "" })];
  const entry = { index: 7, timeMs: 5, emit: () => {} } as unknown as Entry;
  machine.upgrade!(1, entry);
  assert.equal([machine.wakeAt!(), other.wakeAt!()], [1007, null]);
  machine.wake!({ ...entry, timeMs: 1006 });
  assert.is(machine.wakeAt!(), 1007);
  machine.wake!({ ...entry, timeMs: 1007 });
  assert.is(machine.wakeAt!(), null);
});

test("a definition without tables says what to add", () => {
  const definition = { name: "none", version: 1, writes: {} } as unknown as Parameters<typeof defineMachineOn>[0];
  assert.throws(() => defineMachineOn(definition), "defineMachineOn() got no tables: add tables: () => ({ rows: new Table() })");
});

test("where() refuses what does not hold, in words, and draws what does", () => {
  const even = where(int("n"), "an even number", (n) => n % 2 === 0);
  const plugin = defineMachineOn({
    name: "evens", version: 1, tables: () => ({ rows: new Table<number>() }), writes: { add: { args: [even], run: (_, __, n) => n } },
  });
  const rig = new PluginRig(plugin);
  assert.is(rig.run("add", "4"), 4);
  isBad(rig, ["add", 3], "add N: N is 3, wanted an even number");
  isBad(rig, ["add", "x"], 'add N: N is "x", wanted an even number');
  const random = seedRandom(1);
  const drawn = new Set(Array.from({ length: 100 }, () => even.generate(() => nextFloat(random))));
  assert.equal([...drawn].sort((a, b) => a - b), [0, 2, 4, 6]);
  assert.is(where(int("n"), "none", () => false).generate(() => 0.5), 4, "what nothing holds for is drawn all the same, and refused");
});

test.run();
