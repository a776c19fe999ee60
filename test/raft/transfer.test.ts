/** Leadership transfer: dissertation 3.10. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/raft/event.ts";
import { Cores } from "./cores.ts";
import { append, held, membersOf, message, sealed, sent, Single, unstamped } from "./helpers.ts";

function ended(effects: readonly Effect[]): Effect[] {
  return effects.filter((effect) => effect.type === "transferEnded");
}

/** A leader of three to which member 2 is up to date and member 3 is not. */
function leading(): Single {
  const core = new Single();
  core.lead();
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  core.receive(message("heartbeatReply", { term: 1, from: 3 }));
  return core;
}

test("3.10, T01: an up-to-date target is told at once, campaigns without pre-vote and wins against stickiness", () => {
  const core = leading();
  assert.equal(sent(core.event({ type: "transfer", to: 2 })).map((m) => [m.type, m.to, m.term]), [["timeoutNow", 2, 1]]);
  const request = message("voteRequest", { term: 2, lastLogIndex: 1, lastLogTerm: 1, forcedLeader: 1, forcedTerm: 1 });
  const granted = core.receive(request);
  assert.is(core.state.role, "follower");
  assert.is(core.state.votedFor, 2);
  assert.equal(ended(granted), []);
  const heard = core.receive(append({ term: 2 }, []));
  assert.equal(ended(heard), [{ type: "transferEnded", to: 2, refusal: null }]);
});

test("3.10, T02: a lagging target is brought up to date first; one that stays silent is given up within a timeout", () => {
  const core = leading();
  assert.equal(sent(core.event({ type: "transfer", to: 3 })).filter((m) => m.type === "timeoutNow"), []);
  const caughtUp = sent(core.receive(message("appendReply", { term: 1, from: 3, matchIndex: 1 })));
  assert.equal(caughtUp.map((m) => m.type), ["timeoutNow"]);

  const silent = leading();
  silent.event({ type: "transfer", to: 3 });
  silent.nowMs += 299;
  assert.equal(silent.event({ type: "propose", entries: [unstamped()] }).filter((e) => e.type !== "send"), [{ type: "rejected", reason: "transferring" }]);
  silent.nowMs += 1;
  silent.receive(message("heartbeatReply", { term: 1 }));
  silent.nowMs += 1;
  const entry = unstamped();
  silent.event({ type: "propose", entries: [entry] });
  assert.is(entry.index, 2);
});

test("T03 a lost TimeoutNow and a target that refuses end the same way, and the caller is told", () => {
  const core = leading();
  core.event({ type: "transfer", to: 2 });
  core.nowMs += 250;
  core.receive(message("heartbeatReply", { term: 1 }));
  core.nowMs += 50;
  const effects = core.event({ type: "deadline" });
  assert.equal(ended(effects), [{ type: "transferEnded", to: 2, refusal: "in-doubt" }]);
  assert.is(core.state.role, "leader");
});

test("T03 when another member wins instead, or this one again, the transfer is over at once", () => {
  const other = leading();
  other.event({ type: "transfer", to: 2 });
  const lost = other.receive(append({ term: 2, from: 3 }, []));
  assert.equal(ended(lost), [{ type: "transferEnded", to: 2, refusal: "not-leader" }]);

  const again = leading();
  again.event({ type: "transfer", to: 2 });
  again.receive(message("voteReply", { term: 2, requestTerm: 2 }));
  again.state.electionDeadlineMs = again.nowMs;
  again.lead();
  assert.is(again.state.role, "leader");
  assert.is(again.state.transfer, null);
  const entry = unstamped();
  again.event({ type: "propose", entries: [entry] });
  assert.ok(entry.index > 0, "proposals are not held for a transfer of an earlier term");
});

test("T05 to itself it is done; to learners, witnesses and strangers refused; a second one replaces the first", () => {
  const core = new Single({ configuration: membersOf(["voter", "voter", "voter", "learner", "witness"]) });
  core.lead([2, 3]);
  const outcome = (to: number): Effect[] => ended(core.event({ type: "transfer", to }));
  assert.equal(outcome(1), [{ type: "transferEnded", to: 1, refusal: null }]);
  assert.equal(outcome(4), [{ type: "transferEnded", to: 4, refusal: "not-a-voter" }]);
  assert.equal(outcome(5), [{ type: "transferEnded", to: 5, refusal: "not-a-voter" }]);
  assert.equal(outcome(9), [{ type: "transferEnded", to: 9, refusal: "unknown-member" }]);
  assert.equal(outcome(2), []);
  assert.equal(outcome(2), []);
  assert.equal(outcome(3), [{ type: "transferEnded", to: 2, refusal: "replaced" }]);
  const follower = new Single();
  assert.equal(ended(follower.event({ type: "transfer", to: 2 })), [{ type: "transferEnded", to: 2, refusal: "not-leader" }]);
});

test("T06 proposals during a transfer are refused, none is swallowed", () => {
  const core = leading();
  core.event({ type: "transfer", to: 3 });
  const entry = unstamped();
  const effects = core.event({ type: "propose", entries: [entry] });
  assert.ok(effects.some((effect) => effect.type === "rejected" && effect.reason === "transferring"));
  assert.is(entry.index, 0);
});

test("T07 the forced flag serves one candidacy, in the term after its leader's", () => {
  const target = new Single({ log: sealed([1]) });
  target.receive(message("heartbeat", { term: 1 }));
  target.storeAll();
  const requests = held(target.receive(message("timeoutNow", { term: 1 })));
  assert.equal(requests.map((m) => m.type === "voteRequest" && [m.term, m.forcedLeader, m.forcedTerm]), [[2, 2, 1], [2, 2, 1]]);
  target.storeAll();
  const retry = sent(target.deadline());
  assert.equal(retry.map((m) => m.type === "voteRequest" && [m.preVote, m.forcedLeader]), [[true, 0], [true, 0]]);

  const voter = new Single({ log: sealed([1]) });
  voter.receive(message("heartbeat", { term: 1, from: 3 }));
  const request = { from: 2, lastLogIndex: 1, lastLogTerm: 1, forcedLeader: 3 };
  voter.receive(message("voteRequest", { ...request, term: 3, forcedTerm: 1 }));
  assert.is(voter.state.term, 1, "two terms later the flag is spent");
  voter.receive(message("voteRequest", { ...request, term: 2, forcedTerm: 1, forcedLeader: 2 }));
  assert.is(voter.state.term, 1, "another than this voter's leader made no transfer");
  voter.receive(message("voteRequest", { ...request, term: 2, forcedTerm: 1 }));
  assert.equal([voter.state.term, voter.state.votedFor], [2, 2]);
});

test("T04 a TimeoutNow that arrives late, of an older term, starts nothing", () => {
  const core = new Single();
  core.receive(message("heartbeat", { term: 2 }));
  core.storeAll();
  core.receive(message("timeoutNow", { term: 1, from: 3 }));
  assert.equal([core.state.role, core.state.term], ["follower", 2]);
});

test("T01, T02 in a cluster: done in a few round trips, without an election timeout", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const cores = new Cores({ members: 3, seed });
    const leader = cores.awaitLeader();
    cores.run(100);
    cores.propose(leader, 10);
    const to = (leader.number % 3) + 1;
    cores.event(leader, { type: "transfer", to });
    cores.run(50);
    assert.is(cores.leader()?.number, to, `seed ${seed}`);
    cores.run(1000);
    assert.ok(cores.converged());
  }
});

test.run();
