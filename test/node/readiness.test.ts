import { test } from "uvu";
import * as assert from "uvu/assert";
import { Readiness } from "../../src/node/readiness.ts";
import type { Event } from "../../src/raft/event.ts";
import type { RaftState } from "../../src/raft/state.ts";

/** A replica that is told what the core is told. */
class Rig {
  readonly lines: string[] = [];
  readonly readiness: Readiness = new Readiness({ enabled: () => true, write: (_level, text) => this.lines.push(text) });
  readonly state: { role: string; term: number; leaderId: number; lastApplied: number; ownTermIndex: number; config: { electionMaxMs: number } } =
    { role: "follower", term: 3, leaderId: 2, lastApplied: 0, ownTermIndex: 0, config: { electionMaxMs: 600 } };
  nowMs = 0;

  constructor() {
    this.readiness.opened(this.state as unknown as RaftState);
  }

  step(event: object): void {
    this.readiness.stepped(this.state as unknown as RaftState, { ...event, nowMs: this.nowMs } as Event);
  }

  hear(leaderCommit: number, { from = 2, term = 3, type = "appendRequest" } = {}): void {
    this.step({ type: "receive", message: { type, from, term, leaderCommit } });
  }

  apply(index: number, afterMs = 0): void {
    this.nowMs += afterMs;
    this.state.lastApplied = index;
    this.step({ type: "applied", index });
  }
}

test("a follower has caught up when it has applied what its leader said was committed, not before it heard any", () => {
  const rig = new Rig();
  rig.apply(10);
  assert.is(rig.readiness.waitsFor, "no leader has said yet what is committed");
  rig.hear(12);
  assert.is(rig.readiness.waitsFor, "10 of 12 entries applied");
  rig.apply(11, 10);
  assert.not.ok(rig.readiness.isCaughtUp);
  rig.apply(12, 10);
  assert.equal([rig.readiness.isCaughtUp, rig.readiness.waitsFor, rig.lines], [true, "", []]);
});

test("heartbeats, which tell no more than what is here, and leaders of other terms count for nothing", () => {
  const rig = new Rig();
  rig.hear(7, { type: "heartbeat" });
  rig.hear(7, { from: 1 });
  rig.hear(7, { term: 2 });
  rig.apply(7);
  assert.not.ok(rig.readiness.isCaughtUp);
  rig.hear(7);
  assert.ok(rig.readiness.isCaughtUp);
});

test("what came while it caught up is another round, until one took no longer than an election timeout", () => {
  const rig = new Rig();
  rig.hear(1000);
  rig.hear(1500);
  rig.apply(1000, 601);
  assert.is(rig.readiness.waitsFor, "1000 of 1500 entries applied");
  rig.hear(1600);
  rig.apply(1500, 700);
  assert.is(rig.readiness.waitsFor, "1500 of 1600 entries applied");
  rig.apply(1600, 600);
  assert.ok(rig.readiness.isCaughtUp);
  rig.hear(9000);
  assert.ok(rig.readiness.isCaughtUp, "a node that serves does not cease to be ready whenever it is some entries behind");
});

test("a leader has caught up when it has applied the entry that its term begins with", () => {
  const rig = new Rig();
  Object.assign(rig.state, { role: "leader", leaderId: 1, ownTermIndex: 500 });
  rig.apply(100);
  assert.is(rig.readiness.waitsFor, "100 of 500 entries applied");
  rig.apply(500, 5000);
  assert.ok(rig.readiness.isCaughtUp);
});

test("a machine that was restored from another member's snapshot catches up anew", () => {
  const rig = new Rig();
  rig.hear(10);
  rig.apply(10);
  assert.ok(rig.readiness.isCaughtUp);
  rig.hear(5000);
  rig.state.lastApplied = 4000;
  rig.step({ type: "restored", index: 4000 });
  assert.is(rig.readiness.waitsFor, "4000 of 5000 entries applied");
  rig.apply(5000, 1);
  assert.ok(rig.readiness.isCaughtUp);
});

test("it says each second how far it is, and that it is done, if that takes longer", () => {
  const rig = new Rig();
  rig.hear(9000);
  for (let index = 0; index <= 9000; index += 1000) rig.apply(index, 250);
  assert.equal(rig.lines, ["3000 of 9000 entries applied", "7000 of 9000 entries applied", "caught up: 9000 of 9000 entries applied"]);
});

test.run();
