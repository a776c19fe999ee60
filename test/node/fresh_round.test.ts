import { test } from "uvu";
import * as assert from "uvu/assert";
import { wantedConfiguration } from "../../src/raft/configuration_change.ts";
import { currentConfiguration } from "../../src/raft/state.ts";
import { awaitFreshRound } from "../../src/node/fresh_round.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { message, Single } from "../raft/helpers.ts";

interface Rig {
  readonly core: Single;
  readonly scheduler: Scheduler;
  /** Waits for those who would decide without member 2's vote; when that ended. */
  begin(): number[];
}

function rig(): Rig {
  const core = new Single();
  core.lead();
  for (const from of [2, 3]) core.receive(message("appendReply", { term: 1, from, matchIndex: 1 }));
  const scheduler = new Scheduler();
  const clock = scheduler.clock(0);
  const begin = (): number[] => {
    const ends: number[] = [];
    const wanted = wantedConfiguration(currentConfiguration(core.state), [{ type: "demote", member: 2 }]);
    assert.is.not(wanted, null);
    if (wanted !== null) awaitFreshRound({ clock, state: core.state }, wanted, () => void ends.push(clock.monotonicMs()));
    return ends;
  };
  return { core, scheduler, begin };
}

test("an answer of before counts for nothing, and so does one of who would not decide", () => {
  const { core, scheduler, begin } = rig();
  const ends = begin();
  core.receive(message("heartbeatReply", { term: 1, from: 3, round: core.state.round }));
  core.deadline();
  core.receive(message("heartbeatReply", { term: 1, from: 2, round: core.state.round }));
  scheduler.runUntil(200);
  assert.equal(ends, []);
  core.receive(message("heartbeatReply", { term: 1, from: 3, round: core.state.round }));
  scheduler.runUntil(250);
  assert.is(ends.length, 1);
});

test("nobody is waited for beyond the shortest election timeout, and not at all by who no longer leads", () => {
  const { core, scheduler, begin } = rig();
  const ends = begin();
  scheduler.runUntil(299);
  assert.equal(ends, []);
  scheduler.runUntil(320);
  assert.is(ends.length, 1);
  const later = begin();
  core.receive(message("heartbeatReply", { term: 2, from: 3 }));
  scheduler.runUntil(340);
  assert.is(later.length, 1);
});

test.run();
