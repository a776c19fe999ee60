/** Tested as its author would: by calling the machine, with nothing of draft but types. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Entry, Machine } from "../../../src/machine/machine.ts";
import counter from "../counter.ts";

const entry: Entry = {
  index: 1,
  term: 1,
  timeMs: 0,
  version: 1,
  session: null,
  random: () => 0,
  emit: () => {},
  reject: (message) => new Error(message),
};

function create(): Machine<{ total: number }> {
  return counter.create({ directory: "" });
}

test("add returns the total, 1 more unless told", () => {
  const machine = create();
  assert.equal([machine.apply(["add"], entry), machine.apply(["add", "5"], entry), machine.apply(["add", -2], entry)], [1, 6, 4]);
  assert.is(machine.query!(["total"], entry), 4);
});

test("add refuses what is no whole number, and changes nothing", () => {
  const machine = create();
  assert.throws(() => machine.apply(["add", "x"], entry), "add wants a whole number, not x");
  assert.is(machine.query!(["total"], entry), 0);
});

test("a restored counter goes on where the other was", () => {
  const [machine, restored] = [create(), create()];
  machine.apply(["add", 41], entry);
  restored.restore(machine.snapshot(), 1);
  assert.is(restored.apply(["add"], entry), 42);
});

test.run();
