/** A leader that serves badly hands over in good order. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/raft/event.ts";
import { append, membersOf, message, sent, Single, unstamped } from "./helpers.ts";

/** A leader whose noop is committed, member 2 and 3 up to date unless they are left out. */
function leading(upToDate: readonly number[] = [2, 3]): Single {
  const core = new Single();
  core.lead([2]);
  for (const from of upToDate) core.receive(message("appendReply", { term: 1, from, matchIndex: 1 }));
  return core;
}

function told(effects: readonly Effect[]): number[] {
  return sent(effects).filter(({ type }) => type === "timeoutNow").map(({ to }) => to);
}

function rejection(core: Single): string | undefined {
  const effect = core.event({ type: "propose", entries: [unstamped()] }).find(({ type }) => type === "rejected");
  return effect?.type === "rejected" ? effect.reason : undefined;
}

/** Time passes, heartbeats are answered. */
function beat(core: Single, forMs: number): number[] {
  const asked: number[] = [];
  for (const endMs = core.nowMs + forMs; core.nowMs < endMs;) {
    asked.push(...told(core.deadline()));
    for (const from of [2, 3]) asked.push(...told(core.receive(message("heartbeatReply", { term: 1, from, round: core.state.round }))));
  }
  return asked;
}

test("a leader without room makes another one campaign, and asks the next one if that has none either", () => {
  const core = leading();
  assert.equal(told(core.event({ type: "diskFull", full: true })), [2]);
  assert.is(rejection(core), "transferring");
  beat(core, 300);
  assert.is(core.state.transfer, null);
  assert.is(core.state.role, "leader", "it leads on if nobody takes over");
  assert.equal(beat(core, 1800), [], "and leaves the others in peace for a while");
  assert.equal(beat(core, 600), [3]);
  core.event({ type: "diskFull", full: false });
  beat(core, 300);
  assert.is(rejection(core), undefined);
  assert.equal(beat(core, 4000), []);
});

test("who takes over is up to date first, and whoever is alone, or has nothing committed in its term, goes on", () => {
  const behind = leading([2]);
  behind.event({ type: "propose", entries: [unstamped()] });
  assert.equal(told(behind.event({ type: "diskFull", full: true })), []);
  behind.storeAll();
  assert.equal(told(behind.receive(message("appendReply", { term: 1, from: 2, matchIndex: 2 }))), [2]);
  const young = leading([]);
  assert.equal(told(young.event({ type: "diskFull", full: true })), []);
  assert.equal(told(young.receive(message("appendReply", { term: 1, from: 3, matchIndex: 1 }))), [3]);
  const alone = new Single({ configuration: membersOf(["voter", "learner"]) });
  alone.storeAll();
  assert.is(alone.state.role, "leader");
  alone.event({ type: "diskFull", full: true });
  assert.is(alone.state.transfer, null);
});

test("T03: a member whose disk is full does not take over, and may campaign when nobody leads", () => {
  const core = new Single();
  core.receive(append({ term: 1 }, []));
  core.storeAll();
  core.event({ type: "diskFull", full: true });
  core.receive(message("timeoutNow", { term: 1 }));
  assert.is(core.state.role, "follower");
  core.deadline();
  assert.is(core.state.role, "pre-candidate");
});

test("a leader whose loop stood still for the shortest election timeout hands over; a shorter stall, or a follower's, is none of anybody's business", () => {
  const core = leading();
  assert.equal(told(core.event({ type: "loopStalled", forMs: 299 })), []);
  assert.equal(told(core.event({ type: "loopStalled", forMs: 300 })), [2]);
  const follower = new Single();
  follower.receive(append({ term: 1 }, []));
  assert.equal(follower.event({ type: "loopStalled", forMs: 5000 }), []);
});

test.run();
