/** Elections: dissertation 3.4, 3.6.1, 4.2.3, 6.2 and 9.6. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import type { Message, MessageType } from "../../src/raft/message.ts";
import type { Role } from "../../src/raft/types.ts";
import { append, held, membersOf, message, sealed, sent, Single, unstamped } from "./helpers.ts";

test("9.6: an election timeout asks for pre-votes and changes neither term nor vote", () => {
  const core = new Single({ log: sealed([1, 1]) });
  const effects = core.deadline();
  assert.equal(effects, [
    ...[2, 3].map((to) => ({
      type: "send", message: { ...message("voteRequest", { term: 2, from: 1, to, preVote: true, lastLogIndex: 2, lastLogTerm: 1 }) },
    })),
    { type: "roleChanged", role: "pre-candidate", term: 1, leaderId: 0 },
  ]);
  assert.equal([core.state.term, core.state.votedFor], [1, 0]);
});

test("3.4: a candidate raises the term and votes for itself, in one record, before it asks", () => {
  const core = new Single({ log: sealed([1]) });
  core.deadline();
  const effects = core.receive(message("voteReply", { term: 2, preVote: true, requestTerm: 2, granted: true }));
  assert.equal(effects.map((effect) => effect.type), ["store", "roleChanged"]);
  const [store] = effects;
  assert.ok(store?.type === "store");
  assert.equal(store.hardState, { term: 2, votedFor: 1, commitIndex: 0 });
  assert.equal(store.messages.map((m) => [m.type, m.to, m.term]), [["voteRequest", 2, 2], ["voteRequest", 3, 2]]);
});

test("3.4: a candidate's own vote counts only when it is durable", () => {
  const core = new Single({ configuration: membersOf(["voter", "voter"]) });
  core.deadline();
  core.receive(message("voteReply", { term: 1, preVote: true, requestTerm: 1, granted: true }));
  core.receive(message("voteReply", { term: 1, requestTerm: 1, granted: true }));
  assert.is(core.state.role, "candidate");
  core.storeAll();
  assert.is(core.state.role, "leader");
});

test("a sole voter elects itself at once, when its vote is durable", () => {
  const core = new Single({ configuration: membersOf(["voter", "learner"]) });
  assert.is(core.state.role, "candidate");
  core.storeAll();
  assert.is(core.state.role, "leader");
  core.storeAll();
  assert.is(core.state.commitIndex, 1);
});

test("E07, 3.6.1: the later last term wins; in the same term the longer log", () => {
  for (const [ownTerm, ownIndex, term, index] of everyPair()) {
    const log = sealed([...Array.from({ length: ownIndex - 1 }, () => 1), ownTerm]);
    const voter = new Single({ log, term: 5 });
    const effects = voter.receive(message("voteRequest", { term: 6, lastLogTerm: term, lastLogIndex: index }));
    const reply = [...sent(effects), ...held(effects)].find((m) => m.type === "voteReply");
    const expected = term > ownTerm || (term === ownTerm && index >= ownIndex);
    assert.is(reply?.type === "voteReply" && reply.granted, expected, `own ${ownIndex}@${ownTerm}, candidate ${index}@${term}`);
  }
});

function everyPair(): [number, number, number, number][] {
  const pairs: [number, number, number, number][] = [];
  for (let a = 1; a <= 3; a++) for (let b = 1; b <= 3; b++) for (let c = 1; c <= 3; c++) for (let d = 1; d <= 3; d++) pairs.push([a, b, c, d]);
  return pairs;
}

function inRole(role: Role): Single {
  const core = new Single({ log: sealed([1, 1]), term: 5 });
  if (role === "leader") core.lead();
  if (role === "pre-candidate" || role === "candidate") core.deadline();
  if (role === "candidate") core.receive(message("voteReply", { term: 6, preVote: true, requestTerm: 6, granted: true }));
  core.storeAll();
  assert.is(core.state.role, role);
  return core;
}

const TYPES: readonly MessageType[] = [
  "voteRequest", "voteReply", "appendRequest", "appendReply", "heartbeat", "heartbeatReply", "timeoutNow", "readIndexRequest",
  "readIndexReply", "installSnapshot", "installSnapshotReply",
];
const TOLD: Partial<Record<MessageType, MessageType>> = {
  voteRequest: "voteReply", appendRequest: "heartbeatReply", heartbeat: "heartbeatReply", installSnapshot: "heartbeatReply",
  readIndexRequest: "readIndexReply",
};

for (const role of ["follower", "pre-candidate", "candidate", "leader"] as const) {
  for (const type of TYPES) {
    test(`E08 a ${role} that gets a ${type} of an older term changes nothing${TOLD[type] ? " and tells its own term" : ""}`, () => {
      const core = inRole(role);
      const before = JSON.stringify({ ...core.state, effects: 0, dropped: 0, progress: [...core.state.progress] });
      const old = message(type, { term: 4, granted: true, requestTerm: 4, success: true, matchIndex: 2, lastLogIndex: 9, lastLogTerm: 9 } as Partial<Message> & { term: number } as never);
      const effects = core.receive(old);
      assert.equal(effects.map((effect) => effect.type), TOLD[type] === undefined ? [] : ["send"]);
      assert.equal(sent(effects).map((m) => [m.type, m.term]), TOLD[type] === undefined ? [] : [[TOLD[type], core.state.term]]);
      assert.is(JSON.stringify({ ...core.state, effects: 0, dropped: 0, progress: [...core.state.progress] }), before);
    });
  }
}

test("3.3: a higher term makes a follower of any role, by any message but pre-votes", () => {
  for (const role of ["follower", "pre-candidate", "candidate", "leader"] as const) {
    for (const type of TYPES) {
      // TimeoutNow makes a candidate of a later term at once.
      if (type === "timeoutNow") continue;
      const core = inRole(role);
      core.nowMs += 400;
      core.receive(message(type, { term: 9 } as never));
      assert.equal([core.state.role, core.state.term], ["follower", 9], `${role} ${type}`);
    }
  }
});

test("4.2.3: while a leader with a quorum was heard within the least election timeout, votes are refused and no term rises", () => {
  const core = new Single({ log: sealed([1]) });
  core.receive(append({ term: 1 }, []));
  core.storeAll();
  core.nowMs += 299;
  for (const preVote of [true, false]) {
    const [reply] = sent(core.receive(message("voteRequest", { term: 7, from: 3, preVote, lastLogIndex: 9, lastLogTerm: 9 })));
    assert.ok(reply?.type === "voteReply" && !reply.granted && reply.term === 1);
  }
  core.nowMs += 1;
  core.receive(message("voteRequest", { term: 7, from: 3, lastLogIndex: 9, lastLogTerm: 9 }));
  assert.equal([core.state.term, core.state.votedFor], [7, 3]);
});

test("E09 a late refusal of an earlier round, from a voter that has reached our term since, is not counted", () => {
  const core = new Single({ log: sealed([1]), term: 5 });
  core.deadline();
  for (const from of [2, 3]) core.receive(message("voteReply", { term: 5, from, preVote: true, requestTerm: 4, granted: false }));
  assert.is(core.state.role, "pre-candidate");
  assert.is(core.state.dropped["late-vote"], 2);
});

test("E14 stickiness is for a leader, not against it: its own request is granted", () => {
  const core = new Single({ log: sealed([1]) });
  core.receive(append({ term: 1 }, []));
  core.storeAll();
  const [reply] = sent(core.receive(message("voteRequest", { term: 2, preVote: true, lastLogIndex: 1, lastLogTerm: 1 })));
  assert.ok(reply?.type === "voteReply" && reply.granted);
});

test("4.2.3: a leader that hears no quorum does not renew stickiness", () => {
  const core = new Single({ log: sealed([1]) });
  core.receive(append({ term: 1, heardQuorum: false }, []));
  core.receive(message("heartbeat", { term: 1, heardQuorum: false }));
  core.receive(message("voteRequest", { term: 2, from: 3, lastLogIndex: 9, lastLogTerm: 9 }));
  assert.is(core.state.votedFor, 3);
});

test("6.2: a leader steps down when it heard no quorum for an election timeout, and not before", () => {
  const core = new Single();
  core.lead();
  const elected = core.nowMs;
  while (core.state.role === "leader") core.deadline();
  assert.is(core.nowMs, elected + 300);
  const answered = new Single();
  answered.lead();
  for (let i = 0; i < 20; i++) {
    answered.deadline();
    answered.receive(message("heartbeatReply", { term: 1 }));
  }
  assert.is(answered.state.role, "leader");
});

test("E21 learners, witnesses and strangers never campaign; a learner that is asked grants", () => {
  for (const self of [2, 3, 9]) {
    const core = new Single({ config: { self, incarnation: 100 + self }, configuration: membersOf(["voter", "learner", "witness"]) });
    for (let i = 0; i < 10; i++) assert.equal(core.deadline(), []);
    core.receive({ ...message("timeoutNow", { term: 0, from: 1 }), to: self });
    assert.equal([core.state.role, core.state.term], ["follower", 0]);
    const effects = core.receive({ ...message("voteRequest", { term: 1, from: 1 }), to: self });
    assert.ok(held(effects).some((m) => m.type === "voteReply" && m.granted));
  }
});

test("M08, 4.1: a candidate outside of the voter's own configuration is judged by term and log, as any other", () => {
  const voter = (): Single => new Single({ config: { self: 2, incarnation: 102 }, configuration: membersOf(["voter", "voter", "voter"]), log: sealed([1, 2]), term: 2 });
  const asked = (fields: object): { granted: boolean | undefined; term: number } => {
    const core = voter();
    const effects = core.receive({ ...message("voteRequest", { term: 3, from: 9, ...fields }), to: 2 });
    const reply = [...sent(effects), ...held(effects)].find((m) => m.type === "voteReply");
    return { granted: reply?.type === "voteReply" ? reply.granted : undefined, term: core.state.term };
  };
  assert.equal(asked({ lastLogTerm: 2, lastLogIndex: 2 }), { granted: true, term: 3 });
  assert.equal(asked({ lastLogTerm: 2, lastLogIndex: 5 }), { granted: true, term: 3 });
  assert.equal(asked({ lastLogTerm: 2, lastLogIndex: 1 }), { granted: false, term: 3 });
  assert.equal(asked({ lastLogTerm: 1, lastLogIndex: 9 }), { granted: false, term: 3 });
  assert.equal(asked({ preVote: true, lastLogTerm: 2, lastLogIndex: 2 }), { granted: true, term: 2 });
});

test("E21, C05: votes of learners and strangers elect nobody", () => {
  const core = new Single({ configuration: membersOf(["voter", "voter", "voter", "learner"]) });
  core.deadline();
  for (const from of [4, 9]) core.receive(message("voteReply", { term: 1, from, preVote: true, requestTerm: 1, granted: true }));
  assert.is(core.state.role, "pre-candidate");
  assert.is(core.state.dropped["vote-of-no-voter"], 2);
});

test("E22 a disk that stands still campaigns not; one that writes asks for votes behind its appends", () => {
  const core = new Single({ log: sealed([1]) });
  core.receive(append({ term: 1 }, sealed([1], { previous: sealed([1])[0]! }), sealed([1])[0]!));
  core.event({ type: "diskStalled" });
  assert.equal(core.deadline().filter((effect) => effect.type === "send"), []);
  assert.is(core.state.role, "follower");
  core.event({ type: "stored", store: 1 });
  core.receive(append({ term: 1 }, sealed([1], { previous: sealed([1, 1])[1]! }), sealed([1, 1])[1]!));
  core.deadline();
  const effects = core.receive(message("voteReply", { term: 2, from: 3, preVote: true, requestTerm: 2, granted: true }));
  const store = effects.find((effect) => effect.type === "store");
  assert.ok(store?.type === "store" && store.store === 3, "stores are durable in order: entry 3 is when the request leaves");
  assert.ok(store.messages.every((m) => m.type === "voteRequest" && m.lastLogIndex === 3));
});

test("E22 a log that begins anew behind a snapshot is claimed by no request for a vote before its store", () => {
  const core = new Single({ log: sealed([1]) });
  const begun = core.event({ type: "snapshotFetched", point: { index: 9, term: 1, chain: 77 }, timeMs: 0, configuration: { ...membersOf(["voter", "voter", "voter"]), index: 3 } })
    .find((effect) => effect.type === "store");
  assert.ok(begun?.type === "store" && begun.reset?.point.index === 9);
  core.deadline();
  const effects = core.receive(message("voteReply", { term: 2, from: 3, preVote: true, requestTerm: 2, granted: true }));
  assert.equal(sent(effects), [], "nothing leaves at once");
  const store = effects.find((effect) => effect.type === "store");
  assert.ok(store?.type === "store" && store.store > begun.store, "behind the store by which the log begins there");
  assert.equal(store.messages.map((m) => m.type === "voteRequest" && m.lastLogIndex), [9, 9]);
});

test("votes and acknowledgements of another incarnation count for nothing", () => {
  const core = new Single();
  core.deadline();
  core.receive({ ...message("voteReply", { term: 1, preVote: true, requestTerm: 1, granted: true }), fromIncarnation: 7 });
  assert.is(core.state.role, "pre-candidate");
  assert.is(core.state.dropped["wrong-incarnation"], 1);
});

test("acknowledgements of an earlier boot count for nothing once a later one was heard", () => {
  const core = new Single();
  core.lead();
  core.event({ type: "propose", entries: [unstamped()] });
  core.receive(message("heartbeatReply", { term: 1, bootId: 2 }));
  core.receive(message("appendReply", { term: 1, bootId: 1, matchIndex: 2 }));
  assert.is(core.state.commitIndex, 0);
  core.receive(message("appendReply", { term: 1, bootId: 2, matchIndex: 2 }));
  core.storeAll();
  assert.is(core.state.commitIndex, 2);
  core.receive(message("heartbeatReply", { term: 1, bootId: 3 }));
  assert.is(core.state.progress.get(2)!.matchIndex, 0, "what an earlier boot acknowledged is asked for again");
});

test("E10 election timeouts are drawn anew for each round, over the whole range", () => {
  const core = new Single({ config: { electionMinMs: 300, electionMaxMs: 600, seed: nextInRange(seedRandom(1), 1, 99) } });
  const drawn = new Set<number>();
  for (let i = 0; i < 300; i++) {
    const before = core.nowMs;
    core.deadline();
    drawn.add(core.nowMs - before);
  }
  assert.ok(drawn.size > 150, `${drawn.size} different timeouts`);
  assert.ok(Math.min(...drawn) >= 300 && Math.max(...drawn) <= 600);
});

test.run();
