/** What groups are counted by: latencies of entries, elections, stores. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Buckets } from "../../src/base/buckets.ts";
import { Counted } from "../../src/node/group_counts.ts";
import { WriteFlights } from "../../src/node/write_flights.ts";
import type { Effect, Event, EventBody } from "../../src/raft/event.ts";
import type { RaftState } from "../../src/raft/state.ts";

test("Buckets count up to each bound, what is above the last, and the sum", () => {
  const buckets = new Buckets([1, 10]);
  for (const ms of [0, 1, 1.5, 10, 11]) buckets.add(ms);
  buckets.add(5, 3);
  assert.equal([buckets.counts, buckets.sumMs], [[2, 5, 1], 38.5]);
});

test("WriteFlights tell when an entry came where it is, and nothing of entries that are none of theirs", () => {
  const [flights, committed, applied] = [new WriteFlights(), new Buckets([1, 10]), new Buckets([1, 10])];
  flights.proposed(12, 2, 100);
  flights.proposed(20, 5, 103);
  flights.durable(20, 104);
  flights.committed(12, 105, committed);
  flights.committed(19, 106, committed);
  flights.applied(12, 107, applied);
  assert.equal(flights.timesOf(11), { proposedMs: 100, durableMs: 104, committedMs: 105, appliedMs: 107 });
  const { committedMs, appliedMs, proposedMs } = flights.timesOf(16) ?? { committedMs: 0, appliedMs: 0, proposedMs: 0 };
  assert.equal([proposedMs, Number.isNaN(committedMs), Number.isNaN(appliedMs)], [103, true, true]);
  assert.equal([flights.timesOf(10), flights.timesOf(13), flights.timesOf(21)], [null, null, null]);
  assert.equal([committed.counts, committed.sumMs, applied.counts], [[0, 2, 0], 10, [0, 2, 0]]);
});

test("WriteFlights that are forgotten, by their number or with leadership, are told nothing of", () => {
  const [flights, committed] = [new WriteFlights(), new Buckets([1])];
  for (let index = 1; index <= 5000; index++) flights.proposed(index, 1, index);
  assert.is(flights.timesOf(10), null);
  assert.is(flights.timesOf(4990)?.proposedMs, 4990);
  flights.committed(5000, 5000, committed);
  assert.is(committed.counts.reduce((sum, count) => sum + count), 1024);
  flights.end();
  assert.is(flights.timesOf(5000), null);
  flights.committed(6000, 6000, committed);
  assert.is(committed.counts.reduce((sum, count) => sum + count), 1024);
});

/** A state of a node in as much as it is counted. */
class Steps {
  readonly state = { role: "follower", term: 0, leaderId: 0, commitIndex: 0, durableIndex: 0, lastApplied: 0, trail: { lastIndex: 0 } };
  readonly counted: Counted = new Counted(this.#raft);

  get #raft(): RaftState {
    return this.state as unknown as RaftState;
  }

  step(change: Partial<typeof this.state>, body: EventBody, nowMs: number, effects: readonly Effect[] = []): void {
    Object.assign(this.state, change);
    this.counted.stepped(this.#raft, { ...body, nowMs, wallMs: 0 } as Event, effects);
  }
}

const DEADLINE: EventBody = { type: "deadline" };

test("Counted tells elections, those that were won, and leaders, each once a term", () => {
  const steps = new Steps();
  steps.step({ role: "pre-candidate" }, DEADLINE, 1);
  steps.step({}, DEADLINE, 2);
  steps.step({ role: "candidate", term: 1 }, DEADLINE, 3);
  steps.step({ term: 2 }, DEADLINE, 4);
  steps.step({ role: "leader", leaderId: 1 }, DEADLINE, 5);
  steps.step({}, DEADLINE, 6);
  steps.step({ role: "follower", term: 3, leaderId: 0 }, DEADLINE, 7);
  steps.step({ leaderId: 2 }, DEADLINE, 8);
  steps.step({ role: "leader", term: 4, leaderId: 1 }, DEADLINE, 9);
  const { preElections, elections, wins, leaderChanges } = steps.counted;
  assert.equal({ preElections, elections, wins, leaderChanges }, { preElections: 1, elections: 3, wins: 2, leaderChanges: 3 });
});

test("Counted counts entries that got an index, until committed and applied; a snapshot that is taken over is not applied", () => {
  const steps = new Steps();
  steps.step({ role: "leader", term: 1, leaderId: 1 }, DEADLINE, 0);
  const entries = [{ index: 1 }, { index: 2 }, { index: 0 }] as unknown as Extract<Event, { type: "propose" }>["entries"];
  steps.step({ trail: { lastIndex: 2 } }, { type: "propose", entries }, 10, [{ type: "rejected", reason: "busy" }]);
  steps.step({ commitIndex: 2 }, { type: "stored", store: 1 }, 13);
  steps.step({}, { type: "applied", index: 2, wakeAtMs: null }, 14);
  steps.step({}, { type: "restored", index: 50, wakeAtMs: null }, 20);
  steps.step({ commitIndex: 51 }, { type: "applied", index: 51, wakeAtMs: null }, 21);
  const { proposed, committed, applied, refused, commitLatency, applyLatency, snapshotsRestored } = steps.counted;
  assert.equal({ proposed, committed, applied, refused, snapshotsRestored }, { proposed: 2, committed: 51, applied: 3, refused: { busy: 1 }, snapshotsRestored: 1 });
  assert.equal([commitLatency.sumMs, applyLatency.sumMs], [6, 8]);
});

test("Counted measures a store from when the core asked for it", () => {
  const steps = new Steps();
  const store = (number: number): Effect => ({ type: "store", store: number } as unknown as Effect);
  steps.step({}, DEADLINE, 10, [store(1)]);
  steps.step({}, DEADLINE, 12, [store(2), store(3)]);
  steps.counted.durable(2, 15);
  steps.counted.durable(3, 20);
  assert.is(steps.counted.storeLatency.sumMs, 5 + 3 + 8);
});

test.run();
