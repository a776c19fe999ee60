/** Leases (dissertation 6.4.1) and the promises that they rest on. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/raft/event.ts";
import type { HeartbeatReply } from "../../src/raft/message.ts";
import type { MemberRole } from "../../src/raft/types.ts";
import { append, membersOf, message, sealed, sent, Single, WALL_MS } from "./helpers.ts";

const LEASE_MS = 270;

/** A leader whose noop is committed and applied, which has just sent a round. */
function leading(roles: readonly MemberRole[] = ["voter", "voter", "voter"]): Single {
  const configuration = membersOf(roles);
  const core = new Single({ configuration });
  core.lead([2, 3]);
  const voters = configuration.members.filter(({ number, role }) => number !== 1 && role !== "learner");
  for (const { number: from } of voters) core.receive(message("appendReply", { term: 1, from, matchIndex: 1 }));
  core.event({ type: "applied", index: 1, wakeAtMs: null });
  assert.is(core.state.commitIndex, 1);
  beat(core);
  return core;
}

function beat(core: Single): void {
  core.nowMs = Math.max(core.nowMs, core.state.heartbeatDeadlineMs);
  core.event({ type: "deadline" });
}

/** Member `from` answers the last round, and promises. */
function promise(core: Single, fields: Partial<HeartbeatReply> = {}): Effect[] {
  return core.receive(message("heartbeatReply", { term: core.state.term, round: core.state.round, promiseMs: 300, ...fields }));
}

let reads = 100;

/** Whether a lease read is answered without asking anybody. */
function isLeased(core: Single, wallMs: number = WALL_MS + core.nowMs): boolean {
  reads += 1;
  return core.eventAt({ type: "read", readId: reads, lease: true }, wallMs).some((each) => each.type === "answerRead" && each.readId === reads);
}

test("6.4.1: a quorum's promises answer lease reads without a round, until a tenth before they end", () => {
  const core = leading();
  const sentMs = core.nowMs;
  assert.not.ok(isLeased(core));
  core.nowMs += 40;
  promise(core);
  const effects = core.event({ type: "read", readId: 2, lease: true });
  assert.equal(effects, [{ type: "answerRead", readId: 2, index: 1, timeMs: effects.find((each) => each.type === "answerRead")?.timeMs ?? 0 }]);
  assert.equal(sent(core.event({ type: "read", readId: 3, lease: false })).map(({ type }) => type), ["heartbeat", "heartbeat"], "the others still ask");
  core.nowMs = sentMs + LEASE_MS - 1;
  assert.ok(isLeased(core));
  core.nowMs = sentMs + LEASE_MS;
  assert.not.ok(isLeased(core));
});

test("L06: a promise counts from when its round was sent, however late its answer comes, and not by an answer to no round of this term", () => {
  const core = leading();
  const sentMs = core.nowMs;
  core.nowMs = sentMs + LEASE_MS - 5;
  promise(core);
  assert.ok(isLeased(core));
  core.nowMs += 5;
  assert.not.ok(isLeased(core));
  promise(core, { round: 0 });
  assert.not.ok(isLeased(core));
});

test("L06, D08: a wall clock that goes on while the monotonic one stands still ends the lease; one that is set back does not lengthen it", () => {
  const core = leading();
  promise(core);
  const at = (nowMs: number, wallMs: number): boolean => {
    core.nowMs = nowMs;
    return isLeased(core, WALL_MS + wallMs);
  };
  const { nowMs } = core;
  assert.ok(at(nowMs + 1, nowMs + 200));
  assert.not.ok(at(nowMs + 1, nowMs + LEASE_MS));
  assert.ok(at(nowMs + 1, nowMs - 10_000));
  assert.not.ok(at(nowMs + LEASE_MS, nowMs - 10_000));
});

test("L05: promises of learners do not count, those of witnesses do; a majority of each half of a joint configuration is needed", () => {
  const core = leading(["voter", "voter", "voter", "learner", "learner"]);
  for (const from of [4, 5]) promise(core, { from });
  assert.not.ok(isLeased(core));
  const witnessed = leading(["voter", "voter", "witness"]);
  promise(witnessed, { from: 3 });
  assert.ok(isLeased(witnessed));
  const core2 = leading(["voter", "voter", "voter", "voter", "voter"]);
  core2.state.voters = { incoming: [1, 2, 3], outgoing: [1, 4, 5] };
  promise(core2, { from: 2 });
  assert.not.ok(isLeased(core2));
  promise(core2, { from: 5 });
  assert.ok(isLeased(core2));
});

test("L14: a leader that steps down takes no promise along, and one that restarted has to be promised anew", () => {
  const core = leading();
  promise(core);
  promise(core, { from: 3, bootId: 1 });
  assert.ok(isLeased(core));
  promise(core, { from: 3, bootId: 2, promiseMs: 0 });
  promise(core, { bootId: 2, promiseMs: 0 });
  assert.not.ok(isLeased(core));
  promise(core, { bootId: 2 });
  assert.ok(isLeased(core));
  core.receive(message("heartbeatReply", { term: 5, round: 0 }));
  assert.is(core.state.role, "follower");
  assert.equal(core.event({ type: "read", readId: 1, lease: true }), [{ type: "failPending", readIds: [1], reason: "not-leader" }]);
});

test("T04: once somebody was told to campaign no lease holds in that term, also when the transfer was given up", () => {
  const core = leading();
  for (const from of [2, 3]) promise(core, { from });
  core.event({ type: "transfer", to: 2 });
  assert.not.ok(isLeased(core));
  core.nowMs += 300;
  for (const from of [2, 3]) promise(core, { from });
  core.event({ type: "deadline" });
  assert.is(core.state.transfer, null);
  beat(core);
  for (const from of [2, 3]) promise(core, { from });
  assert.not.ok(isLeased(core));
});

/** A follower that heard member 2 with a quorum behind it, and may promise. */
function following(): Single {
  const core = new Single({ log: sealed([1]) });
  core.event({ type: "promiseReady", promiseMs: 300 });
  core.receive(append({ term: 1 }, []));
  core.storeAll();
  return core;
}

function promised(core: Single, heardQuorum: boolean): number {
  const [reply] = sent(core.receive(message("heartbeat", { term: core.state.term, heardQuorum })));
  assert.ok(reply?.type === "heartbeatReply");
  return reply.promiseMs;
}

test("6.4.1: a follower promises an election timeout to a leader that hears a quorum, and only as long as its directory says", () => {
  const core = following();
  assert.is(promised(core, true), 300);
  core.nowMs += 100;
  assert.is(promised(core, false), 200, "it votes as soon as the last promise is over");
  const young = new Single({ log: sealed([1]) });
  assert.is(promised(young, true), 0);
  young.event({ type: "promiseReady", promiseMs: 120 });
  assert.is(promised(young, true), 120);
});

function asks(core: Single, fields: { term: number; from?: number; preVote?: boolean; forcedLeader?: number; forcedTerm?: number }): number {
  core.receive(message("voteRequest", { lastLogIndex: 9, lastLogTerm: 9, ...fields }));
  return core.state.votedFor;
}

test("4.2.3, E09: a promise outlives its term: a higher one that is heard of elsewhere frees no vote", () => {
  const core = following();
  promised(core, true);
  core.receive(message("voteReply", { term: 5, from: 3, granted: false }));
  assert.is(core.state.term, 5);
  assert.is(asks(core, { term: 5, from: 3 }), 0);
  core.nowMs += 299;
  assert.is(asks(core, { term: 6, from: 3 }), 0);
  assert.is(asks(core, { term: 6, from: 2 }), 2, "the leader itself is not refused");
  const later = following();
  promised(later, true);
  later.nowMs += 300;
  assert.is(asks(later, { term: 6, from: 3 }), 3);
});

test("D08: who starts again votes for nobody while what it promised may hold, campaigns for itself no sooner, and lets a transfer pass", () => {
  const restarted = (): Single => new Single({ log: sealed([1]), config: { promisedMs: 500, electionMinMs: 100, electionMaxMs: 150 } });
  const core = restarted();
  core.nowMs = 499;
  core.event({ type: "deadline" });
  assert.is(core.state.role, "follower");
  assert.is(core.state.deadlineMs, 500);
  assert.is(asks(core, { term: 2, from: 3 }), 0);
  const [refusal] = sent(core.receive(message("voteRequest", { term: 2, from: 2, preVote: true, lastLogIndex: 9, lastLogTerm: 9 })));
  assert.ok(refusal?.type === "voteReply" && !refusal.granted);
  assert.is(asks(restarted(), { term: 2, from: 3, forcedLeader: 2, forcedTerm: 1 }), 3);
  core.nowMs = 500;
  assert.is(asks(core, { term: 2, from: 3 }), 3);
  const alone = new Single({ configuration: membersOf(["voter"]), config: { promisedMs: 200 } });
  assert.is(alone.state.role, "follower");
  alone.nowMs = 200;
  alone.event({ type: "deadline" });
  alone.storeAll();
  assert.is(alone.state.role, "leader");
});

test("6.4.1: a follower asks its leader for a lease read, which answers without a round if it holds one", () => {
  const core = leading();
  promise(core);
  const [reply] = sent(core.receive(message("readIndexRequest", { term: 1, from: 3, readId: 4, lease: true })));
  assert.ok(reply?.type === "readIndexReply" && reply.index === 1);
  const follower = following();
  const [request] = sent(follower.event({ type: "read", readId: 7, lease: true }));
  assert.ok(request?.type === "readIndexRequest" && request.lease);
});

test("6.4: a lease read that came behind others' round is answered at once, and they at no earlier index", () => {
  const core = leading();
  promise(core);
  core.event({ type: "read", readId: 1, lease: false });
  assert.ok(core.event({ type: "read", readId: 2, lease: true }).some((each) => each.type === "answerRead" && each.readId === 2));
  assert.ok(promise(core).some((each) => each.type === "answerRead" && each.readId === 1));
});

test.run();
