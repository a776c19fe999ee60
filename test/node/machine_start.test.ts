/** How a machine goes on after a start: every mix of its own state, snapshot and log (P13, P14). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DraftError } from "../../src/base/errors.ts";
import { type MachineFound, machineStart } from "../../src/node/machine_start.ts";

const point = (index: number, chain = index): { index: number; term: number; chain: number } => ({ index, term: 1, chain });
const engine = (index: number, chain?: number): MachineFound["engine"] => ({ index, point: index === 0 ? null : point(index, chain) });

/** State on disk, snapshot, end of the log, whether memos are there behind the snapshot; what is done. */
const TABLE: readonly (readonly [MachineFound["engine"], number, number, boolean, string])[] = [
  [null, 0, 9, true, "fresh"],
  [null, 5, 9, true, "restore"],
  [engine(0), 0, 9, true, "fresh"],
  [engine(0), 5, 9, true, "restore"],
  [engine(3), 5, 9, true, "restore"],
  [engine(5), 5, 9, true, "resume"],
  [engine(5), 5, 5, true, "resume"],
  [engine(7), 5, 9, true, "resume"],
  [engine(7), 5, 9, false, "restore"],
  [engine(7), 0, 9, true, "resume"],
  [engine(7), 0, 9, false, "renew"],
  [engine(9), 5, 9, true, "resume"],
  [engine(10), 5, 9, true, "DAMAGED: applied index 10, and the log ends at 9"],
  [engine(10), 0, 9, true, "DAMAGED: applied index 10, and the log ends at 9"],
  [engine(1), 0, 0, true, "DAMAGED: applied index 1, and the log ends at 0"],
  [engine(5, 77), 5, 9, true, "DAMAGED: is of another log: at index 5 it applied an entry of term 1, chain 77"],
];

for (const [on, snapshot, lastIndex, remembers, wanted] of TABLE) {
  test(`state at ${on?.index ?? "none"}, snapshot at ${snapshot}, log through ${lastIndex}${remembers ? "" : ", memos missing"}: ${wanted}`, () => {
    const found: MachineFound = { engine: on, snapshot: snapshot === 0 ? null : point(snapshot), lastIndex, recalls: (from) => {
      assert.is(from, snapshot + 1);
      return remembers;
    } };
    let done: string;
    try {
      done = machineStart(found, "/data/machines/main");
    } catch (error) {
      done = `${(error as DraftError).code}: ${(error as DraftError).message}`;
    }
    assert.ok(wanted.startsWith("DAMAGED: ") ? done.startsWith("DAMAGED: ") && done.includes(wanted.slice(9)) : done === wanted, done);
  });
}

test.run();
