/** Linearizable reads: dissertation 6.4. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/raft/event.ts";
import { Cores } from "./cores.ts";
import { append, membersOf, message, sealed, sent, Single, unstamped } from "./helpers.ts";

function leading(options: ConstructorParameters<typeof Single>[0] = {}): Single {
  const core = new Single(options);
  core.lead(core.state.config.self === 1 ? [2] : [1]);
  return core;
}

/** Commits and applies everything, acknowledged by member 2. */
function commitAll(core: Single): Effect[] {
  core.storeAll();
  const { trail, term } = core.state;
  core.receive(message("appendReply", { term, matchIndex: trail.lastIndex, round: core.state.round }));
  return core.event({ type: "applied", index: core.state.commitIndex, wakeAtMs: null });
}

function beat(core: Single, fields: { from?: number; round?: number }): Effect[] {
  return core.receive(message("heartbeatReply", { term: core.state.term, round: core.state.round, ...fields }));
}

/** Reads that were answered or failed; log_time.test.ts looks at the time that they are answered for. */
function answers(effects: readonly Effect[]): object[] {
  return effects.filter((effect) => effect.type === "answerRead" || effect.type === "failPending").map((effect) => {
    const { timeMs: _, ...rest } = { timeMs: 0, ...effect };
    return rest;
  });
}

test("6.4 step 1, L01: a read before the leader's no-op commits sends no round and waits", () => {
  const core = leading({ log: sealed([1, 1]) });
  const effects = core.event({ type: "read", readId: 1, lease: false });
  assert.equal(effects, []);
  assert.is(core.state.reads.waiting.length, 1);
  beat(core, {});
  assert.is(core.state.reads.waiting.length, 1);
  const committed = commitAll(core);
  assert.equal(answers(committed), []);
  assert.equal(answers(beat(core, {})), [{ type: "answerRead", readId: 1, index: 3 }]);
});

test("6.4 step 3, L02: only answers to the read's own round confirm it, and a majority of them", () => {
  const core = new Single({ configuration: membersOf(["voter", "voter", "voter", "voter", "voter"]) });
  core.lead([2, 3]);
  core.receive(message("appendReply", { term: 1, from: 3, matchIndex: 1 }));
  commitAll(core);
  const old = core.state.round;
  core.event({ type: "read", readId: 1, lease: false });
  assert.is(core.state.round, old + 1);
  for (const from of [2, 3, 4, 5]) assert.equal(answers(beat(core, { from, round: old })), []);
  assert.equal(answers(beat(core, { from: 2 })), []);
  assert.equal(answers(beat(core, { from: 2 })), [], "one member's answers are one");
  assert.equal(answers(beat(core, { from: 5 })), [{ type: "answerRead", readId: 1, index: 1 }]);
});

test("L02: who answers a leader of an older term counts for none of its rounds: it may lead the newer term after a restart", () => {
  const core = new Single({ term: 5 });
  const [reply] = sent(core.receive(message("heartbeat", { from: 2, term: 4, round: 43 })));
  assert.ok(reply?.type === "heartbeatReply");
  assert.equal([reply.term, reply.round], [5, 0]);
});

test("6.4: reads that come while a round is out share the next one", () => {
  const core = leading();
  commitAll(core);
  core.event({ type: "read", readId: 1, lease: false });
  assert.equal(sent(core.event({ type: "read", readId: 2, lease: false })), []);
  assert.equal(sent(core.event({ type: "read", readId: 3, lease: false })), []);
  const first = beat(core, {});
  assert.equal(answers(first), [{ type: "answerRead", readId: 1, index: 1 }]);
  const second = beat(core, { round: core.state.round });
  assert.equal([...answers(first), ...answers(second)].length, 1, "the next round begins with the next event at the latest");
  const third = beat(core, { round: core.state.round });
  assert.equal(answers(third), [{ type: "answerRead", readId: 2, index: 1 }, { type: "answerRead", readId: 3, index: 1 }]);
});

test("6.4 step 4, L04: a read waits until its index is applied, on the leader and at a follower", () => {
  const core = leading();
  commitAll(core);
  core.event({ type: "propose", entries: [unstamped()] });
  core.storeAll();
  core.receive(message("appendReply", { term: 1, matchIndex: 2 }));
  core.event({ type: "read", readId: 1, lease: false });
  assert.equal(answers(beat(core, {})), []);
  assert.equal(answers(core.event({ type: "applied", index: 2, wakeAtMs: null })), [{ type: "answerRead", readId: 1, index: 2 }]);

  const follower = new Single();
  follower.receive(append({ term: 1 }, []));
  follower.storeAll();
  assert.equal(sent(follower.event({ type: "read", readId: 5, lease: false })).map((m) => m.type), ["readIndexRequest"]);
  const told = follower.receive(message("readIndexReply", { term: 1, readId: 5, index: 7, timeMs: 8 }));
  assert.equal(told, [{ type: "answerRead", readId: 5, index: 7, timeMs: 8 }], "the node waits for its own applier");
});

test("L03 an answer to another boot, or to a read that was given up, is not used", () => {
  const follower = new Single({ config: { bootId: 3 } });
  follower.receive(append({ term: 1 }, []));
  follower.storeAll();
  follower.event({ type: "read", readId: 5, lease: false });
  assert.equal(follower.receive(message("readIndexReply", { term: 1, readId: 5, bootId: 2, index: 7 })), []);
  const changed = follower.receive(message("heartbeat", { term: 2, from: 3 }));
  assert.equal(answers(changed), [{ type: "failPending", readIds: [5], reason: "not-leader" }]);
  assert.equal(follower.receive(message("readIndexReply", { term: 1, readId: 5, bootId: 3, index: 7 })), []);
});

test("L05 a learner's answers confirm no read, a witness's do", () => {
  const core = leading({ configuration: membersOf(["voter", "voter", "witness", "learner", "learner"]) });
  commitAll(core);
  core.event({ type: "read", readId: 1, lease: false });
  assert.equal(answers([...beat(core, { from: 4 }), ...beat(core, { from: 5 })]), []);
  assert.equal(answers(beat(core, { from: 3 })), [{ type: "answerRead", readId: 1, index: 1 }]);
});

test("L12, L14: a leader that steps down fails every read that waits and keeps none", () => {
  const core = leading({ config: { pendingReadsMax: 10_000 } });
  commitAll(core);
  for (let readId = 1; readId <= 10_000; readId++) core.event({ type: "read", readId, lease: false });
  const effects = core.receive(message("heartbeat", { term: 2, from: 3 }));
  const failed = effects.flatMap((effect) => (effect.type === "failPending" ? effect.readIds : []));
  assert.is(new Set(failed).size, 10_000);
  const { waiting, confirming, confirmed } = core.state.reads;
  assert.equal([waiting.length, confirming.length, confirmed.length], [0, 0, 0]);
});

test("reads are bounded: beyond pendingReadsMax a leader answers busy, to a follower with index 0", () => {
  const core = leading({ config: { pendingReadsMax: 2 } });
  core.event({ type: "read", readId: 1, lease: false });
  core.event({ type: "read", readId: 2, lease: false });
  assert.equal(core.event({ type: "read", readId: 3, lease: false }), [{ type: "failPending", readIds: [3], reason: "busy" }]);
  const refused = sent(core.receive(message("readIndexRequest", { term: 1, readId: 4 })))[0];
  assert.is(refused?.type === "readIndexReply" && refused.index, 0);
});

test("a follower's reads whose answers are lost are given up and make room", () => {
  const core = new Single({ config: { pendingReadsMax: 2 } });
  core.receive(append({ term: 1 }, []));
  core.storeAll();
  core.event({ type: "read", readId: 1, lease: false });
  core.nowMs += 100;
  core.event({ type: "read", readId: 2, lease: false });
  core.nowMs += 1150;
  const effects = core.receive(message("heartbeat", { term: 1 }));
  assert.equal(answers(effects), [{ type: "failPending", readIds: [1], reason: "timed-out" }]);
  assert.equal([...core.state.forwardedReads.keys()], [2]);
  assert.equal(answers(core.event({ type: "linkDown", peer: 2 })), [{ type: "failPending", readIds: [2], reason: "not-leader" }]);
});

test("a link that breaks between followers fails no read", () => {
  const core = new Single();
  core.receive(append({ term: 1 }, []));
  core.storeAll();
  core.event({ type: "read", readId: 1, lease: false });
  assert.equal(answers(core.event({ type: "linkDown", peer: 3 })), []);
});

test("L03, L04 every read through any node sees all writes acknowledged before it was asked", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const cores = new Cores({ members: 3, seed, lossPercent: 5, duplicatePercent: 5, delayMs: [1, 60] });
    const least = new Map<number, { core: number; index: number }>();
    cores.awaitLeader();
    for (let i = 0; i < 200; i++) {
      const leader = cores.leader();
      if (leader !== null) cores.propose(leader);
      const core = cores.cores[i % 3]!;
      const committed = Math.max(0, ...cores.committed.keys());
      least.set(cores.read(core), { core: core.number, index: committed });
      cores.run(15);
      if (i % 60 === 30) cores.partition([leader?.number ?? 1], [1, 2, 3].filter((n) => n !== (leader?.number ?? 1)));
      if (i % 60 === 55) cores.heal();
    }
    let answered = 0;
    for (const [readId, { core, index }] of least) {
      const got = cores.core(core).answered.get(readId);
      if (got === undefined) continue;
      answered += 1;
      assert.ok(got >= index, `seed ${seed}: read ${readId} got ${got} after ${index} was applied somewhere`);
    }
    assert.ok(answered > 50, `seed ${seed}: ${answered} answered`);
  }
});

test("L04 the index of an answered read says nothing of what is committed: a time entry may stand there", () => {
  const follower = new Single();
  follower.receive(append({ term: 1, leaderCommit: 1 }, sealed([1, 1, 1, 1])));
  follower.storeAll();
  follower.event({ type: "read", readId: 5, lease: false });
  assert.is(follower.state.commitIndex, 1);
  follower.receive(message("readIndexReply", { term: 1, readId: 5, index: 4, leaderCommit: 2 }));
  assert.is(follower.state.commitIndex, 2);
});

test.run();
