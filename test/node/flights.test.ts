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

test("a batch leaves at once, the next one waits for it, and a turn comes for it, once", () => {
  const { flights, scheduler, turns } = rig();
  assert.is(flights.mayLeave(LEADER, 0), true);
  flights.left(1, 0);
  assert.is(flights.mayLeave(LEADER, 0), false);
  assert.is(flights.mayLeave(LEADER, 1), false);
  scheduler.runUntil(10);
  assert.is(turns(), 1);
  assert.is(flights.mayLeave(LEADER, 2), true, "no longer than that");
});

test("each batch that has to wait gets a turn of its own", () => {
  const { flights, scheduler, turns } = rig();
  for (let batch = 1; batch <= 3; batch++) {
    flights.left(batch, scheduler.nowMs);
    assert.is(flights.mayLeave(LEADER, scheduler.nowMs), false);
    scheduler.runUntil(scheduler.nowMs + 2);
    assert.is(turns(), batch, "at the latest then");
    assert.is(flights.mayLeave(LEADER, scheduler.nowMs), true);
  }
});

test("what is committed is no longer on its way", () => {
  const { flights } = rig();
  flights.left(2, 0);
  assert.is(flights.mayLeave({ ...LEADER, commitIndex: 1 }, 0), false);
  assert.is(flights.mayLeave({ ...LEADER, commitIndex: 2 }, 0), true);
});

test("off the leader nothing waits, and what was on its way is forgotten", () => {
  const { flights } = rig();
  flights.left(2, 0);
  assert.is(flights.mayLeave({ ...LEADER, role: "follower" }, 0), true);
  assert.is(flights.mayLeave(LEADER, 0), true);
});

test.run();
