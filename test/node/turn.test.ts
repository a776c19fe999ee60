import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Group } from "../../src/node/group.ts";
import { Turn } from "../../src/node/turn.ts";
import type { EventBody } from "../../src/raft/event.ts";

/** A clock whose phases are run by hand, and one group that notes what it is told. */
class Loop {
  nowMs = 0;
  timers: { atMs: number; fire: () => void; set: boolean }[] = [];
  soons: (() => void)[] = [];
  readonly seen: string[] = [];
  flushes = 0;
  pages = 0;
  onStep: (event: EventBody) => void = () => undefined;
  readonly state = { deadlineMs: Number.POSITIVE_INFINITY, config: { electionMinMs: 1500 } };
  readonly group: Group;
  readonly turn: Turn;

  constructor() {
    const loop = {
      state: this.state,
      step: (event: EventBody) => {
        this.seen.push(event.type);
        this.onStep(event);
      },
      stepGathered: () => undefined,
      runApplies: () => this.pages > 0 && this.pages-- > 0,
    };
    this.group = loop as unknown as Group;
    this.turn = new Turn({
      clock: {
        monotonicMs: () => this.nowMs,
        wallMs: () => this.nowMs,
        setTimer: (delayMs, fire) => {
          const timer = { atMs: this.nowMs + delayMs, fire, set: true };
          this.timers.push(timer);
          return { cancel: () => (timer.set = false) };
        },
        soon: (run) => this.soons.push(run),
      },
      groups: () => [this.group],
      flush: () => this.flushes++,
    });
  }

  fireTimers(): void {
    const due = this.timers.filter((timer) => timer.set && timer.atMs <= this.nowMs);
    this.timers = this.timers.filter((timer) => timer.set && timer.atMs > this.nowMs);
    for (const timer of due) timer.fire();
  }

  runSoons(): void {
    for (const run of this.soons.splice(0)) run();
  }
}

/** A loop whose timer is set for 100 ms. */
function armed(): Loop {
  const loop = new Loop();
  loop.state.deadlineMs = 100;
  loop.turn.wake();
  loop.runSoons();
  return loop;
}

test("events of one poll are one turn, and what they wrote leaves once", () => {
  const loop = new Loop();
  for (const store of [1, 2, 3]) loop.turn.submit(loop.group, { type: "stored", store });
  loop.runSoons();
  assert.equal(loop.seen, ["stored", "stored", "stored"]);
  assert.is(loop.flushes, 1);
});

test("an event that comes up within a turn is taken in the next one", () => {
  const loop = new Loop();
  loop.onStep = () => {
    if (loop.seen.length === 1) loop.turn.submit(loop.group, { type: "stored", store: 2 });
  };
  loop.turn.submit(loop.group, { type: "stored", store: 1 });
  loop.runSoons();
  assert.is(loop.seen.length, 1);
  loop.runSoons();
  assert.is(loop.seen.length, 2);
});

test("a deadline is told after a poll, once", () => {
  const loop = armed();
  loop.onStep = () => (loop.state.deadlineMs = 500);
  loop.nowMs = 100;
  loop.fireTimers();
  assert.equal(loop.seen, []);
  loop.runSoons();
  assert.equal(loop.seen, ["deadline"]);
  loop.runSoons();
  assert.equal(loop.seen, ["deadline"]);
});

test("D17: a deadline that fires late is told only after a whole poll that began later, even if a turn was due before", () => {
  const loop = armed();
  loop.turn.wake();
  loop.nowMs = 2000;
  loop.fireTimers();
  loop.runSoons();
  assert.equal(loop.seen, [], "the turn that was due before the pause");
  // What waited in the sockets comes now, and moves the deadline away.
  loop.onStep = ({ type }) => {
    if (type === "receive") loop.state.deadlineMs = 2300;
  };
  loop.turn.submit(loop.group, { type: "receive", message: {} as never });
  loop.runSoons();
  loop.runSoons();
  assert.equal(loop.seen, ["receive", "loopStalled"], "and that the loop stood still is told behind it");
});

test("a stall shorter than the shortest election timeout is told to nobody", () => {
  const loop = armed();
  loop.nowMs = 1500;
  loop.fireTimers();
  loop.runSoons();
  loop.runSoons();
  assert.equal(loop.seen, ["deadline"]);
});

test("D17: a pause between timer and turn: only what had passed when the timer fired is due", () => {
  const loop = armed();
  loop.state.deadlineMs = 400;
  loop.nowMs = 100;
  loop.fireTimers();
  loop.nowMs = 2000;
  loop.runSoons();
  assert.equal(loop.seen, []);
});

test("a timer that fires early is set anew", () => {
  const loop = armed();
  loop.state.deadlineMs = 400;
  loop.nowMs = 100;
  loop.fireTimers();
  loop.runSoons();
  assert.equal(loop.timers.map(({ atMs }) => atMs), [400]);
});

test("a turn that breaks is the last one: nothing of it leaves, and no timer brings another", () => {
  const loop = armed();
  const flushes = loop.flushes;
  loop.onStep = () => { throw new Error("broken"); };
  loop.turn.submit(loop.group, { type: "start" });
  assert.throws(() => loop.runSoons(), "broken");
  loop.onStep = () => undefined;
  loop.seen.length = 0;
  loop.turn.submit(loop.group, { type: "start" });
  loop.nowMs = 5000;
  loop.fireTimers();
  loop.runSoons();
  assert.equal([loop.seen, loop.flushes], [[], flushes]);
});

test("many pages to apply do not keep a turn from ending", () => {
  const loop = new Loop();
  loop.pages = 10;
  loop.turn.wake();
  loop.runSoons();
  assert.is(loop.pages, 8);
  assert.is(loop.soons.length, 1, "the rest is asked for");
  assert.is(loop.flushes, 1);
});

test("stop() ends it: no event, no timer, nothing kept", () => {
  const loop = armed();
  loop.turn.submit(loop.group, { type: "start" });
  loop.turn.stop();
  loop.turn.submit(loop.group, { type: "start" });
  loop.nowMs = 100;
  loop.fireTimers();
  loop.runSoons();
  assert.equal(loop.seen, []);
  assert.is(loop.soons.length, 0);
});

test.run();
