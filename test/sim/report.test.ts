import { test } from "uvu";
import * as assert from "uvu/assert";
import { MARKS } from "../../src/sim/marks.ts";
import { MARKED_RUNS, Report } from "../../src/sim/report.ts";
import type { Outcome } from "../../src/sim/run_seed.ts";

function outcome(marks: Readonly<Record<string, number>>): Outcome {
  return { seed: 1, events: 1, simulatedMs: 1, operations: 1, faults: {}, marks, traceHash: "", violation: null };
}

test("a mark is missing while it never occurred, and of many runs while it occurred in fewer than three", () => {
  const report = new Report();
  const others = Object.fromEntries(MARKS.slice(1).map((mark) => [mark, 1]));
  const first = MARKS[0] as string;
  report.add(outcome({ ...others, [first]: 0 }));
  assert.equal(report.missing, [first]);
  report.add(outcome({ ...others, [first]: 50 }));
  assert.equal(report.missing, []);
  while (report.seeds < MARKED_RUNS - 1) report.add(outcome({ ...others, [first]: 0 }));
  assert.equal(report.missing, []);
  report.add(outcome({ ...others, [first]: 50 }));
  assert.equal(report.missing, [`${first} (in 2 only)`]);
  assert.is(report.marksMet, MARKS.length - 1);
  report.add(outcome({ ...others, [first]: 1 }));
  assert.equal(report.missing, []);
});

test.run();
