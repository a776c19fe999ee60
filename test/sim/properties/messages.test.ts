import { test } from "uvu";
import { DraftError } from "../../../src/base/errors.ts";
import type { Answer } from "../../../src/node/node_api.ts";
import type { Identity } from "../../../src/node/identity.ts";
import type { Message } from "../../../src/raft/message.ts";
import { createProgress } from "../../../src/raft/progress.ts";
import type { LogEntry } from "../../../src/raft/types.ts";
import type { ClientOperation } from "../../../src/sim/property.ts";
import { GENESIS_CHAIN, message, WALL_MS } from "../../raft/helpers.ts";
import { Hand, next, rejects } from "./hand.ts";

const TARGET = "durable-first";
const NOTHING_DURABLE = { snapshot: null, entries: new Map(), damage: null } as const;

function point(entry: LogEntry): { pointIndex: number; pointTerm: number; pointChain: number } {
  return { pointIndex: entry.index, pointTerm: entry.term, pointChain: entry.chain };
}

function durableAt(entry: LogEntry): { durableIndex: number; durableTerm: number; durableChain: number } {
  return { durableIndex: entry.index, durableTerm: entry.term, durableChain: entry.chain };
}

test("durable-first: a term that is not durable is not told", () => {
  const hand = new Hand(TARGET);
  hand.step(2, { term: 2 });
  rejects(TARGET, /n2 sends a voteReply of term 2 to 1 too early: term 0 is durable/, () => {
    hand.sent(2, message("voteReply", { from: 2, to: 1, term: 2, requestTerm: 2 }));
  });
  rejects(TARGET, /sends a voteRequest of term 3 to 1 too early/, () => hand.sent(2, message("voteRequest", { from: 2, to: 1, term: 3, preVote: true })));
  // A pre-vote that is granted bears the asker's term.
  hand.sent(2, message("voteReply", { from: 2, to: 1, term: 3, requestTerm: 3, preVote: true, granted: true }));
  hand.stored(2);
  hand.sent(2, message("voteReply", { from: 2, to: 1, term: 2, requestTerm: 2 }));
  hand.sent(2, message("voteRequest", { from: 2, to: 1, term: 3, preVote: true }));
});

test("durable-first: a vote that is not durable, or another's", () => {
  const grant = message("voteReply", { from: 2, to: 1, term: 2, requestTerm: 2, granted: true });
  const hand = new Hand(TARGET);
  hand.durably(2, { term: 2 });
  hand.step(2, { vote: 1 });
  rejects(TARGET, /n2 tells of its vote for 1 in term 2; durable is one for 0/, () => hand.sent(2, grant));
  hand.stored(2);
  hand.sent(2, grant);
  // A vote of a term that is over may still leave.
  hand.durably(2, { term: 3, vote: 3 });
  hand.sent(2, grant);
  const other = new Hand(TARGET);
  other.durably(2, { term: 2, vote: 3 });
  rejects(TARGET, /durable is one for 3/, () => other.sent(2, grant));
});

test("durable-first: a candidate's own vote, and the last entry that it claims", () => {
  const ask = message("voteRequest", { from: 2, to: 1, term: 2, lastLogIndex: 1, lastLogTerm: 1 });
  const hand = new Hand(TARGET);
  hand.elect(1, 1, [2]);
  hand.step(2, { role: "candidate", term: 2, vote: 2, entries: [next(null, 1)] });
  rejects(TARGET, /term 1 is durable/, () => hand.sent(2, ask));
  hand.stored(2);
  hand.sent(2, ask);
  rejects(TARGET, /2@1 is claimed, nothing is durable there/, () => hand.sent(2, { ...ask, lastLogIndex: 2 } as never));
  rejects(TARGET, /1@2 is claimed, 1@1 .* is durable there/, () => hand.sent(2, { ...ask, lastLogTerm: 2 } as never));
});

test("durable-first: an append acknowledged before it is durable", () => {
  const hand = new Hand(TARGET);
  const noop = hand.elect(1, 1, [2]);
  const success = message("appendReply", { from: 2, to: 1, term: 1, matchIndex: 1, ...point(noop) });
  hand.step(2, { entries: [noop], messages: [success] });
  rejects(TARGET, /n2 sends a appendReply of term 1 to 1 too early: match 1 is claimed, 0@0 .* is durable/, () => hand.sent(2, success));
  rejects(TARGET, /1@1 .* is claimed, nothing is durable there/, () => hand.sent(2, message("heartbeatReply", { from: 2, to: 1, term: 1, ...durableAt(noop) })));
  hand.stored(2);
  hand.sent(2, success);
  hand.sent(2, message("heartbeatReply", { from: 2, to: 1, term: 1, ...durableAt(noop) }));
});

test("durable-first: a promise that the next process would not know of, or of a boot that may be counted again", () => {
  const hand = new Hand(TARGET);
  const durable = (promiseMaxMs: number, bootCount: number): void => {
    hand.member(2).durableLog = () => ({ ...NOTHING_DURABLE, identity: { promiseMaxMs, bootCount } as Identity });
  };
  const promise = (promiseMs: number): Message => message("heartbeatReply", { from: 2, to: 1, term: 0, promiseMs, bootId: 1 });
  durable(0, 1);
  rejects(TARGET, /n2 sends a heartbeatReply of term 0 to 1 too early: 80 ms are promised, leave for 0 ms is durable/, () => hand.sent(2, promise(80)));
  durable(80, 0);
  rejects(TARGET, /it is boot 1, durable is 0/, () => hand.sent(2, promise(80)));
  durable(80, 1);
  hand.sent(2, promise(80));
  rejects(TARGET, /90 ms are promised/, () => hand.sent(2, promise(90)));
  hand.open(2);
  durable(0, 1);
  rejects(TARGET, /10 ms are promised/, () => hand.sent(2, promise(10)));
});

test("durable-first: a match with another log than the leader's, told with a point or without", () => {
  for (const known of [true, false]) {
    const hand = new Hand(TARGET);
    const first = hand.elect(1, 1, [2]);
    hand.stored(1);
    hand.durably(2, { entries: [first] });
    const second = hand.elect(3, 2, [1]);
    const success = message("appendReply", { from: 2, to: 3, term: 2, matchIndex: 1, ...(known ? point(second) : {}) });
    hand.durably(2, { term: 2, leaderId: 3 });
    rejects(TARGET, known ? /1@2 .* is claimed, 1@1/ : /tells leader 3 of term 2 that 1 matches: it has 1@1 .*, the leader 1@2/, () => hand.sent(2, success));
    hand.durably(2, { truncateFrom: 1, entries: [second] });
    hand.sent(2, success);
    rejects(TARGET, /match 2 is claimed/, () => hand.sent(2, message("appendReply", { from: 2, to: 3, term: 2, matchIndex: 2 })));
  }
});

test("durable-first: a leader calls committed what is not, and starts from an entry that it has not", () => {
  const hand = new Hand(TARGET);
  const noop = hand.elect(1, 1, [2]);
  const append = message("appendRequest", { from: 1, to: 2, term: 1, lastIndex: 1 });
  hand.sent(1, append);
  for (const type of ["appendRequest", "heartbeat", "readIndexReply"] as const) {
    rejects(TARGET, /leaderCommit 1 is claimed, 0 is committed/, () => hand.sent(1, message(type, { from: 1, to: 2, term: 1, leaderCommit: 1 })));
  }
  rejects(TARGET, /sends entries from 1@1 \(chain 5\) to 1; its log has 1@1/, () => {
    hand.sent(1, message("appendRequest", { from: 1, to: 2, term: 1, prevLogIndex: 1, prevLogTerm: 1, prevLogChain: 5, lastIndex: 1 }));
  });
  rejects(TARGET, /to 2; its log has 0@0 .* there and ends with 1@1/, () => hand.sent(1, { ...append, lastIndex: 2 } as never));
  hand.stored(1);
  hand.durably(2, { entries: [noop] });
  hand.step(1, { commit: 1 });
  hand.sent(1, message("heartbeat", { from: 1, to: 2, term: 1, leaderCommit: 1 }));
  hand.sent(1, message("appendRequest", { from: 1, to: 2, term: 1, prevLogIndex: 0, prevLogTerm: 0, prevLogChain: GENESIS_CHAIN, lastIndex: 1, leaderCommit: 1 }));
});

test("queues: bytes for a peer, beyond the bound and beyond its longest message", () => {
  const hand = new Hand("queues");
  const queue = { bytes: 2000, bytesMax: 2000 };
  const noop = hand.elect(1, 1, [2]);
  hand.member(1).queuesTo = (to) => (to === 2 ? [{ bytes: 0, bytesMax: 10 }, queue] : []);
  const beat = message("heartbeat", { from: 1, to: 2, term: 1 });
  hand.sent(1, beat);
  queue.bytes = 3000;
  rejects("queues", /n1 holds 3000 bytes for member 2: at most 2512/, () => hand.sent(1, beat));
  hand.sent(1, message("heartbeat", { from: 1, to: 3, term: 1 }));
  queue.bytes = 0;
  const long = { ...next(noop, 1), payloadBytes: 5000 };
  hand.step(1, { entries: [long] });
  hand.sent(1, message("appendRequest", { from: 1, to: 2, term: 1, prevLogIndex: 1, lastIndex: 2 }));
  queue.bytes = 5500;
  hand.sent(1, beat);
  queue.bytes = 6000;
  rejects("queues", /n1 holds 6000 bytes for member 2: at most 5\d\d\d/, () => hand.sent(1, beat));
  hand.open(1);
  hand.member(1).queuesTo = () => [queue];
  rejects("queues", /n1 holds 6000 bytes for member 2: at most 2512/, () => hand.sent(1, beat));
});

test("queues: windows, reads, progress of a follower, stores of answers, quota, effects, entries of a message", () => {
  const hand = new Hand("queues");
  const state = hand.state(1);
  const { config } = state;
  const noop = hand.elect(1, 1, [2]);
  const progress = createProgress(2, 0);
  state.progress.set(2, progress);
  for (let i = 0; i < config.inflightAppendsMax; i++) progress.inflight.push({ prevIndex: i, lastIndex: i + 1, bytes: 1, sentMs: 0 });
  hand.step(1, {});
  progress.inflight.push({ prevIndex: 8, lastIndex: 9, bytes: 1, sentMs: 0 });
  rejects("queues", /n1 holds 9 appends in flight: at most 8/, () => hand.step(1, {}));
  progress.inflight.length = 0;
  progress.inflightBytes = 4 << 20;
  rejects("queues", /bytes in flight/, () => hand.step(1, {}));
  progress.inflightBytes = 0;
  for (const queue of [state.reads.waiting, state.reads.confirming, state.reads.confirmed]) {
    for (let i = 0; i < 34; i++) queue.push({ readId: i, from: 1, fromIncarnation: 101, bootId: 1, index: 0 });
  }
  rejects("queues", /102 reads: at most 100/, () => hand.step(1, {}));
  state.reads.waiting.length = 0;
  for (let i = 0; i < 101; i++) state.forwardedReads.set(i, 0);
  rejects("queues", /101 forwarded reads/, () => hand.step(1, {}));
  state.forwardedReads.clear();
  rejects("queues", /1 progress of one that does not lead/, () => hand.step(1, { role: "follower" }));
  state.role = "leader";
  for (let i = 0; i < 1025; i++) state.pendingStores.push({ store: 10 + i, term: 1, lastIndex: 1 });
  rejects("queues", /1025 stores that only hold answers/, () => hand.step(1, { messages: [message("heartbeat", { from: 1, to: 2, term: 1 })] }));
  hand.step(1, { entries: [next(noop, 1)] });
  state.trail.lastBytes += 2 << 20;
  rejects("queues", /uncommitted bytes/, () => hand.step(1, { event: { type: "propose", entries: [] }, entries: [next(next(noop, 1), 1)] }));
  rejects("queues", /effects of one step/, () => hand.step(1, { effects: Array.from({ length: 400 }, () => ({ type: "rejected", reason: "busy" } as const)) }));
  hand.sent(1, message("appendRequest", { from: 1, to: 2, term: 1, lastIndex: 500 }));
  rejects("queues", /577 entries in one append/, () => hand.sent(1, message("appendRequest", { from: 1, to: 2, term: 1, lastIndex: 577 })));
});

test("read-index: an answer covers what anybody had committed when the read came", () => {
  const hand = new Hand("read-index");
  const noop = hand.elect(1, 1, [2]);
  hand.stored(1);
  hand.durably(2, { entries: [noop] });
  const asks = (readId: number) => hand.step(3, { event: { type: "read", readId, lease: false } });
  asks(1);
  hand.step(1, { commit: 1 });
  hand.step(3, { effects: [{ type: "answerRead", readId: 1, index: 0, timeMs: 0 }] });
  asks(2);
  rejects("read-index", /n3 answers read 2 with index 0; 1 was committed when it came/, () => hand.step(3, { effects: [{ type: "answerRead", readId: 2, index: 0, timeMs: 0 }] }));
  asks(3);
  hand.step(3, { effects: [{ type: "answerRead", readId: 3, index: 1, timeMs: 0 }] });
  rejects("read-index", /answers read 3, which does not wait/, () => {
    asks(4);
    hand.step(3, { effects: [{ type: "answerRead", readId: 3, index: 1, timeMs: 0 }] });
  });
  hand.step(3, { effects: [{ type: "failPending", readIds: [4], reason: "not-leader" }] });
});

const READ = { level: "linearizable", minIndex: 0, timeoutMs: 1 } as const;

function operation(id: number, read: ClientOperation["read"], answer: Answer | DraftError | null): ClientOperation {
  return { id, client: 1, member: "n1", command: [read === null ? "set" : "get", "k"], read, calledAtMs: 0, answeredAtMs: 0, answer };
}

test("real-time: indexes agree with the order of answers and calls", () => {
  const hand = new Hand("real-time");
  const call = (id: number, read: ClientOperation["read"] = null) => hand.tell((property) => property.called?.(operation(id, read, null)));
  const answer = (id: number, read: ClientOperation["read"], index: number) => {
    hand.tell((property) => property.answered?.(operation(id, read, { index, reply: "OK" })));
  };
  call(1);
  call(2);
  answer(2, null, 6);
  answer(1, null, 5);
  call(3, READ);
  call(4, READ);
  call(5);
  call(6, { ...READ, level: "stale" });
  call(7, { ...READ, level: "stale", minIndex: 4 });
  answer(3, READ, 6);
  answer(6, { ...READ, level: "stale" }, 0);
  rejects("real-time", /operation 4 \(get\) is answered from index 5; 6 had been answered when it was called/, () => answer(4, READ, 5));
  rejects("real-time", /operation 5 \(set\) is answered from index 6/, () => answer(5, null, 6));
  rejects("real-time", /stale read 7 asked for index 4 and is answered from 3/, () => answer(7, { ...READ, level: "stale", minIndex: 4 }, 3));
  call(8);
  hand.tell((property) => property.answered?.(operation(8, null, new DraftError("TIMEOUT", "late"))));
});

test("log-time: never falls along a log, and is not ahead of true time", () => {
  const falls = new Hand("log-time");
  const noop = falls.elect(1, 1, [2]);
  const later = next(noop, 1, 1, 50);
  falls.step(1, { entries: [later] });
  rejects("log-time", /log time falls/, () => falls.step(1, { entries: [next(later, 1, 2, 49)] }));
  const clocks = { wallMs: WALL_MS };
  const ahead = new Hand("log-time", { trueTime: { wallMs: () => clocks.wallMs, skewMaxMs: 100 } });
  const first = ahead.elect(1, 1, [2]);
  const second = next(first, 1, 1, WALL_MS + 100);
  ahead.step(1, { entries: [second] });
  const third = next(second, 1, 2, WALL_MS + 101);
  rejects("log-time", /101 ms ahead of true time: at most 100/, () => ahead.step(1, { entries: [third] }));
  // Whoever takes it from the leader is not to blame.
  ahead.step(2, { entries: [first, second, third] });
});

test.run();
