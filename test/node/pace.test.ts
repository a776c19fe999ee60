import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask } from "../../src/base/task.ts";
import { Pace } from "../../src/node/pace.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";

/** How long a rest is, in simulated milliseconds. */
function restOf(workedMs: number, haste: number): number {
  const scheduler = new Scheduler();
  let endedMs = -1;
  runTask(new Pace(scheduler.clock(0)).rest(workedMs, haste), () => (endedMs = scheduler.nowMs));
  scheduler.runUntil(1000);
  return endedMs;
}

test("a piece is paid for with four times its own time, less in haste, and at least a millisecond", () => {
  assert.equal([restOf(5, 0), restOf(5, 0.5), restOf(0, 0), restOf(5, 0.999)], [20, 10, 1, 1]);
});

test("there is no rest where the log grows as fast, and none is longer than a fifth of a second", () => {
  assert.equal([restOf(5, 1), restOf(5, 7), restOf(10_000, 0)], [0, 0, 200]);
});

test("who rests when it ends goes on at once, and never rests again", () => {
  const scheduler = new Scheduler();
  const pace = new Pace(scheduler.clock(0));
  const ended: number[] = [];
  runTask(pace.rest(50, 0), () => ended.push(scheduler.nowMs));
  scheduler.runUntil(10);
  pace.end();
  runTask(pace.rest(50, 0), () => ended.push(scheduler.nowMs));
  assert.equal(ended, [10, 10]);
  scheduler.runUntil(1000);
  assert.is(ended.length, 2);
});

test.run();
