import { test } from "uvu";
import type { Identity } from "../../../src/node/identity.ts";
import { createProgress } from "../../../src/raft/progress.ts";
import type { Effect } from "../../../src/raft/event.ts";
import { message } from "../../raft/helpers.ts";
import { Hand, next, rejects } from "./hand.ts";

const TARGET = "lease";

/** Members whose clocks show the history's time. */
function timed(): Hand {
  const hand = new Hand(TARGET);
  for (const [at, member] of hand.members.entries()) {
    member.clocks = { trueMs: () => hand.nowMs, monotonicMs: () => hand.nowMs, wallMs: () => hand.nowMs };
    hand.open(at + 1);
  }
  return hand;
}

function promise(from: number, to: number, promiseMs: number): Effect {
  return { type: "send", message: message("heartbeatReply", { from, to, term: 1, promiseMs }) };
}

test("lease: a commit of a later term, while an earlier leader would answer from its lease", () => {
  const entry = next(null, 2);
  const hand = timed();
  hand.step(1, { term: 1, role: "leader", event: { type: "deadline" } });
  hand.state(1).ownTermIndex = 0;
  hand.state(1).progress.set(2, { ...createProgress(2, 0), promisedUntilMs: 300, promisedSkewMs: 0 });
  hand.nowMs = 299;
  hand.step(3, { term: 2, role: "leader", entries: [entry] });
  rejects(TARGET, /n3 commits in term 2, while n1 holds a lease of term 1/, () => hand.step(3, { commit: 1 }));
});

test("lease: none is held once the promises are over", () => {
  const entry = next(null, 2);
  const hand = timed();
  hand.step(1, { term: 1, role: "leader" });
  hand.state(1).ownTermIndex = 0;
  hand.state(1).progress.set(2, { ...createProgress(2, 0), promisedUntilMs: 300, promisedSkewMs: 0 });
  hand.nowMs = 300;
  hand.step(3, { term: 2, role: "leader", entries: [entry] });
  hand.step(3, { commit: 1 });
});

test("lease: a vote for another one than whom it was promised to, by this process or the next", () => {
  for (const dies of [false, true]) {
    const hand = timed();
    hand.step(2, { term: 1, effects: [promise(2, 1, 80)] });
    if (dies) {
      hand.crash(2);
      hand.open(2, { term: 1 });
    }
    hand.nowMs = 79;
    rejects(TARGET, /n2 votes for 3, and promised 1 not to for 1 ms more/, () => hand.step(2, { term: 2, vote: 3 }));
  }
  // One that leaves behind what has to be stored before is a promise as well.
  const stored = timed();
  stored.step(2, { term: 1, messages: [message("appendReply", { from: 2, to: 1, term: 1, promiseMs: 80 })] });
  stored.nowMs = 79;
  rejects(TARGET, /n2 votes for 3, and promised 1 not to/, () => stored.step(2, { term: 2, vote: 3 }));
  const hand = timed();
  hand.step(2, { term: 1, effects: [promise(2, 1, 80)] });
  hand.nowMs = 80;
  hand.step(2, { term: 2, vote: 3 });
});

test("lease: a promise for longer than the directory says that the next process would wait", () => {
  const hand = timed();
  hand.member(2).identity = { promiseMaxMs: 50 } as Identity;
  hand.sent(2, message("heartbeatReply", { from: 2, to: 1, term: 1, promiseMs: 50 }));
  rejects(TARGET, /n2 promises 51 ms, its directory says 50/, () => hand.sent(2, message("heartbeatReply", { from: 2, to: 1, term: 1, promiseMs: 51 })));
});

test.run();
