/** What an applier does before the log and beside it: reads, and the check of what is to be proposed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import type { DraftError } from "../../src/base/errors.ts";
import { FAULT_TEXT } from "../../src/machine/machine_calls.ts";
import type { View } from "../../src/machine/machine.ts";
import { isError, rigOf } from "./rig.ts";

test("query() answers at the last entry applied and refuses what is no read", () => {
  const rig = rigOf({
    query([, how], view: View) {
      if (how === "refuse") throw new Error("see wants nothing");
      if (how === "break") throw new TypeError("engine's words");
      return [view.index, view.timeMs];
    },
  });
  rig.entry(EntryKind.noop, 30);
  assert.equal(rig.applier.query(["SEE"]), [1, 30]);
  isError(rig.applier.query(["do"]), "BAD_REQUEST", /is a write/);
  isError(rig.applier.query(["what"]), "UNKNOWN_OPERATION", /what/);
  isError(rig.applier.query(["see", "refuse"]), "BAD_REQUEST", "see wants nothing");
  assert.is(isError(rig.applier.query(["see", "break"]), "MACHINE_FAULT", FAULT_TEXT).outcome, "not-done");
});

test("kindOf() and prepare() match names in any case and refuse unknown ones", () => {
  const { applier } = rigOf({}, (command) => {
    if (command.length > 2) throw new Error("wants one argument");
    return [command[0], Number(command[1])];
  });
  assert.is(applier.operations.kindOf(["Do"]), "write");
  assert.is(applier.operations.kindOf(["SEE"]), "read");
  assert.throws(() => applier.operations.kindOf(["constructor"]), (error: DraftError) => error.code === "UNKNOWN_OPERATION");
  assert.equal(applier.operations.prepare(["DO", "5"]), ["do", 5]);
  assert.throws(() => applier.operations.prepare(["do", 1, 2]), (error: DraftError) => error.code === "BAD_REQUEST" && error.message === "wants one argument");
  assert.throws(() => applier.operations.prepare(["what"]), (error: DraftError) => error.code === "UNKNOWN_OPERATION");
});

test.run();
