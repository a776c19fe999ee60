import { test } from "uvu";
import * as assert from "uvu/assert";
import { Flights } from "../../src/node/flights.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";

function rig(): { flights: Flights; scheduler: Scheduler; turns: () => number } {
  const scheduler = new Scheduler();
  let turns = 0;
  return { scheduler, flights: new Flights(scheduler.clock(0), () => turns++), turns: () => turns };
}

const LEADER = { role: "leader", commitIndex: 0 } as const;
const BATCH = { lastIndex: 10, entries: 10 };

test("a batch leaves at once when nothing is on its way", () => {
  assert.is(rig().flights.mayLeave(1, LEADER, 0), true);
});

test("behind a batch that is on its way the next one gathers; a turn comes for it, once, and it leaves all the same", () => {
  const { flights, scheduler, turns } = rig();
  flights.left(BATCH, 0);
  assert.is(flights.mayLeave(1, LEADER, 0), false);
  assert.is(flights.mayLeave(2, LEADER, 1), false);
  scheduler.runUntil(10);
  assert.is(turns(), 1);
  assert.is(flights.mayLeave(2, LEADER, 2), true, "no longer than that");
});

test("what is committed is no longer on its way", () => {
  const { flights } = rig();
  flights.left(BATCH, 0);
  assert.is(flights.mayLeave(1, { ...LEADER, commitIndex: 10 }, 0), true);
});

test("off the leader nothing waits, and what was on its way is forgotten", () => {
  const { flights } = rig();
  flights.left(BATCH, 0);
  assert.is(flights.mayLeave(1, { ...LEADER, role: "follower" }, 0), true);
  assert.is(flights.mayLeave(1, LEADER, 0), true);
});

test.run();
