/** Log replication: dissertation 3.5. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/raft/event.ts";
import { append, CONFIG, GENESIS_CHAIN, held, message, sealed, sent, Single, unstamped } from "./helpers.ts";

/** Terms and chains of a core's log, as far as they are known. */
function logOf(core: Single): number[] {
  return core.state.trail.runs.flatMap((run) => [run.first, run.term]);
}

test("3.5: a follower refuses an append whose previous entry it lacks, with where its log ends", () => {
  const log = sealed([1, 1, 2]);
  const core = new Single({ log, term: 2 });
  const [reply] = sent(core.receive(append({ term: 2 }, sealed([2], { previous: sealed([1, 1, 2, 2])[3]! }), sealed([1, 1, 2, 2])[3]!)));
  assert.equal(reply, {
    ...message("appendReply", { term: 2, from: 1, to: 2 }), success: false, rejectedIndex: 4, conflictTerm: 2, conflictIndex: 3,
    pointIndex: 3, pointTerm: 2, pointChain: log[2]!.chain,
    wallMs: (reply as { wallMs: number }).wallMs, durableIndex: 3, durableTerm: 2, durableChain: log[2]!.chain,
  });
  assert.is(core.state.trail.lastIndex, 3);
});

// Dissertation figure 3.6: followers a–f of a leader whose log has the terms 1 1 1 4 4 5 5 6 6 6.
const LEADER_TERMS = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
const FOLLOWERS: readonly (readonly [string, readonly number[]])[] = [
  ["a", [1, 1, 1, 4, 4, 5, 5, 6, 6]], ["b", [1, 1, 1, 4]], ["c", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
  ["d", [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]], ["e", [1, 1, 1, 4, 4, 4, 4]], ["f", [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
];

for (const [name, terms] of FOLLOWERS) {
  test(`3.5 figure 3.6: follower ${name} ends with the leader's log, found in round trips by term`, () => {
    const leader = new Single({ log: sealed(LEADER_TERMS), term: 7 });
    leader.lead();
    const follower = new Single({ config: { self: 2, incarnation: 102 }, log: sealed(terms), term: 7 });
    const log = [...sealed(LEADER_TERMS)];
    log.push({ ...unstamped(), kind: 3, index: 11, term: 8, payloadBytes: 0, payloadSum: 0, chain: leader.state.trail.lastChain });
    let rounds = 0;
    leader.nowMs += 50;
    let queue = [message("heartbeatReply", { term: 8 })];
    for (let i = 0; i < 20 && queue.length > 0; i++) {
      const requests = queue.flatMap((reply) => sent(leader.receive(reply))).filter((m) => m.type === "appendRequest");
      queue = requests.flatMap((request) => {
        if (request.type !== "appendRequest") return [];
        rounds += 1;
        const entries = log.slice(request.prevLogIndex, request.lastIndex).map((entry) => ({ ...entry }));
        const effects = follower.receive({ ...request, entries });
        follower.storeAll();
        return [...sent(effects), ...held(effects)];
      });
    }
    assert.equal(logOf(follower), logOf(leader));
    assert.is(follower.state.trail.lastChain, leader.state.trail.lastChain);
    assert.ok(rounds <= 5, `${rounds} rounds`);
  });
}

test("R06 a late append that holds a shorter prefix cuts nothing", () => {
  const log = sealed([1, 1, 1, 1]);
  const core = new Single();
  core.receive(append({ term: 1 }, log));
  core.storeAll();
  const effects = core.receive(append({ term: 1 }, log.slice(0, 2)));
  assert.is(core.state.trail.lastIndex, 4);
  const [reply] = sent(effects);
  assert.ok(reply?.type === "appendReply" && reply.success && reply.matchIndex === 2);
});

test("R07 a late success with a lower match lowers nothing, a late refusal neither", () => {
  const core = new Single();
  core.lead();
  core.event({ type: "propose", entries: [unstamped(1), unstamped(2), unstamped(3)] });
  core.receive(message("appendReply", { term: 1, matchIndex: 4 }));
  core.receive(message("appendReply", { term: 1, matchIndex: 2 }));
  const progress = core.state.progress.get(2)!;
  assert.equal([progress.matchIndex, progress.nextIndex], [4, 5]);
  core.receive(message("appendReply", { term: 1, success: false, rejectedIndex: 2, pointIndex: 1, conflictIndex: 1 }));
  assert.equal([progress.matchIndex, progress.nextIndex, progress.state], [4, 5, "replicate"]);
  assert.is(core.state.dropped["late-refusal"], 1);
});

test("F16 over a line that is slower than the heartbeats a probe is sent again ever more seldom", () => {
  const core = new Single();
  core.lead();
  let probes = 0;
  for (let i = 0; i < 200; i++) {
    core.nowMs += 50;
    core.deadline();
    const effects = core.receive(message("heartbeatReply", { term: 1, round: core.state.round }));
    probes += sent(effects).filter(({ type }) => type === "appendRequest").length;
  }
  assert.ok(probes >= 5 && probes <= 12, `${probes} in 10 s`);
  // One answer, and patience is short again.
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  assert.is(core.state.progress.get(2)!.reopenAfterMs, 0);
});

test("F16 a stream whose answers come slowly, one by one, is not sent again", () => {
  const core = new Single({ config: { appendEntriesMax: 1 } });
  core.lead();
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  const toSecond = (effects: readonly Effect[]): number[] => sent(effects).flatMap((each) =>
    each.type === "appendRequest" && each.to === 2 ? [each.prevLogIndex] : []);
  const starts = toSecond(core.event({ type: "propose", entries: Array.from({ length: 20 }, (_, i) => unstamped(i)) }));
  for (let matchIndex = 2; matchIndex <= 20; matchIndex++) {
    core.nowMs += 200;
    core.event({ type: "deadline" });
    const ack = core.receive(message("appendReply", { term: 1, matchIndex }));
    const beat = core.receive(message("heartbeatReply", { term: 1, round: core.state.round }));
    starts.push(...toSecond(ack), ...toSecond(beat));
  }
  assert.equal(starts, Array.from({ length: 20 }, (_, i) => i + 1));
});

test("R08 a follower's commit index stops at what was proved to match, and never falls", () => {
  const old = sealed([1, 1, 1]);
  const core = new Single({ log: old, term: 2 });
  core.receive(message("heartbeat", { term: 2, leaderCommit: 3 }));
  assert.is(core.state.commitIndex, 0);
  core.receive(append({ term: 2, leaderCommit: 3 }, old.slice(0, 1)));
  assert.is(core.state.commitIndex, 1);
  core.receive(append({ term: 2, leaderCommit: 0 }, old.slice(0, 2)));
  assert.is(core.state.commitIndex, 1);
});

test("R08 what matched one leader's log is not proved for the next one's", () => {
  const core = new Single();
  core.receive(append({ term: 1, leaderCommit: 0 }, sealed([1, 1, 1])));
  core.receive(message("heartbeat", { term: 2, from: 3, leaderCommit: 3 }));
  assert.is(core.state.commitIndex, 0);
});

test("R10 a completion acknowledges what is durable now: `stored` counts by number, not by index (A-B-A)", () => {
  const core = new Single();
  const a = sealed([1, 1]);
  const b = sealed([1, 2], { sums: [0, 5] });
  const again = [...sealed([1]), ...sealed([3, 3], { previous: sealed([1])[0]! })];
  core.receive(append({ term: 1 }, a));
  core.receive(append({ term: 2 }, b.slice(1), b[0]));
  core.receive(append({ term: 3 }, again.slice(1), again[0]));
  assert.is(core.state.lastStore, 3);
  core.event({ type: "stored", store: 1 });
  assert.is(core.state.durableIndex, 1, "entry 2 of store 1 was cut by store 2");
  core.event({ type: "stored", store: 2 });
  assert.is(core.state.durableIndex, 1);
  core.event({ type: "stored", store: 3 });
  assert.is(core.state.durableIndex, 3);
});

test("F16 a message that brings nothing new gathers no store while the disk stands still", () => {
  const core = new Single();
  const log = sealed([1, 1]);
  core.receive(append({ term: 1 }, log));
  for (let i = 0; i < 100; i++) {
    const [reply] = sent(core.receive(append({ term: 1 }, log)));
    assert.ok(reply === undefined || (reply.type === "appendReply" && reply.matchIndex === 0));
  }
  for (let i = 0; i < 2000; i++) core.receive(message("heartbeat", { term: 1 }));
  assert.is(core.state.pendingStores.length, 1024);
  core.storeAll();
  const before = core.state.lastStore;
  core.receive(append({ term: 1 }, sealed([1], { previous: log[1]! }), log[1]));
  for (let i = 0; i < 100; i++) {
    const [reply] = sent(core.receive(append({ term: 1 }, log)));
    assert.ok(reply?.type === "appendReply" && reply.success && reply.matchIndex === 2);
  }
  assert.is(core.state.lastStore, before + 1);
});

test("a leader does not stream to a follower whose disk is behind where the probe began", () => {
  const core = new Single({ log: sealed([1, 1, 1]) });
  core.lead();
  core.receive(message("appendReply", { term: 2, matchIndex: 2 }));
  assert.is(core.state.progress.get(2)!.state, "probe");
  core.receive(message("heartbeatReply", { term: 2 }));
  core.receive(message("appendReply", { term: 2, matchIndex: 4 }));
  assert.is(core.state.progress.get(2)!.state, "replicate");
});

test("R11 a full window whose answers are all lost is opened again by a probe", () => {
  const core = new Single({ config: { appendEntriesMax: 1, inflightAppendsMax: 2 } });
  core.lead();
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  core.event({ type: "propose", entries: [unstamped(), unstamped(), unstamped()] });
  const progress = core.state.progress.get(2)!;
  assert.equal([progress.inflight.length, progress.nextIndex], [2, 4]);
  core.nowMs += 299;
  assert.equal(sent(core.receive(message("heartbeatReply", { term: 1 }))), []);
  core.nowMs += 1;
  const [probe] = sent(core.receive(message("heartbeatReply", { term: 1 })));
  assert.ok(probe?.type === "appendRequest" && probe.prevLogIndex === 1 && probe.to === 2);
});

test("R11 the durable position in a heartbeat's answer stands in for lost acknowledgements", () => {
  const core = new Single();
  core.lead();
  core.event({ type: "propose", entries: [unstamped()] });
  const { lastChain } = core.state.trail;
  core.storeAll();
  core.receive(message("heartbeatReply", { term: 1, durableIndex: 2, durableTerm: 1, durableChain: lastChain ^ 1 }));
  assert.is(core.state.commitIndex, 0, "another log of the same index and term proves nothing");
  core.receive(message("heartbeatReply", { term: 1, durableIndex: 2, durableTerm: 1, durableChain: lastChain }));
  assert.is(core.state.commitIndex, 2);
});

test("F16 what a follower has and cannot make durable is sent again less and less often", () => {
  const core = new Single();
  core.lead();
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  core.event({ type: "propose", entries: Array.from({ length: 10 }, () => unstamped()) });
  let resent = 0;
  const count = (effects: readonly Effect[]): void => {
    for (const m of sent(effects)) if (m.type === "appendRequest" && m.to === 2) resent += m.lastIndex - m.prevLogIndex;
  };
  // Its disk stands still: it answers all, and is durable as far as ever.
  const { progress } = core.state;
  for (let i = 0; i < 200; i++) {
    core.nowMs += 50;
    count(core.receive(message("heartbeatReply", { term: 1, durableIndex: 1 })));
    if (progress.get(2)!.state === "probe") count(core.receive(message("appendReply", { term: 1, matchIndex: 1 })));
  }
  assert.ok(resent > 0 && resent <= 2 * 10 * 7, `${resent} entries in 10 s, at every timeout it would be 660`);
});

test("R13 a leader that cannot read its own log hands over and leads no more", () => {
  const core = new Single();
  core.lead();
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  const effects = core.event({ type: "readFailed", from: 1, to: 1 });
  assert.equal(sent(effects).map((m) => [m.type, m.to]), [["timeoutNow", 2]]);
  assert.is(core.state.role, "follower");
});

test("R14 uncommitted bytes are capped, and the cap is free again after a change of leader", () => {
  const core = new Single({ config: { uncommittedBytesMax: 640 } });
  core.lead();
  const many = (): ReturnType<typeof unstamped>[] => Array.from({ length: 20 }, () => unstamped());
  const first = many();
  const effects = core.event({ type: "propose", entries: first });
  assert.equal(effects.filter((effect) => effect.type === "rejected"), [{ type: "rejected", reason: "busy" }]);
  const taken = first.filter((entry) => entry.index !== 0).length;
  assert.is(taken, 9, "56 bytes of header and 8 of payload each, and the no-op's 56");
  assert.equal(core.event({ type: "propose", entries: many() }).map((effect) => effect.type), ["rejected"]);
  core.storeAll();
  // Another leader cuts them all; a later term starts with an empty account.
  core.receive(append({ term: 5 }, sealed([5])));
  core.storeAll();
  core.lead();
  const again = many();
  core.event({ type: "propose", entries: again });
  assert.ok(again.filter((entry) => entry.index !== 0).length >= 8);
});

test("3.5: appends go out in messages bounded by count and by bytes, one entry at least", () => {
  const core = new Single({ config: { appendEntriesMax: 4, appendBytesMax: 200 } });
  core.lead();
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  const effects = core.event({ type: "propose", entries: [unstamped(0, 8), unstamped(0, 8), unstamped(0, 8), unstamped(0, 8), unstamped(0, 5000), unstamped(0, 8)] });
  const spans = sent(effects).flatMap((m) => (m.type === "appendRequest" && m.to === 2 ? [[m.prevLogIndex + 1, m.lastIndex]] : []));
  assert.equal(spans, [[2, 4], [5, 5], [6, 6], [7, 7]]);
});

test("3.5: entries that do not follow one another, in index, term, group or chain, are dropped and counted", () => {
  const log = sealed([1, 1]);
  const broken = [
    [{ ...log[0]!, index: 2 }], [log[1]!], [{ ...log[0]!, chain: 1 }], [{ ...log[0]!, group: 2 }], [{ ...log[0]!, term: 9 }],
    [log[0]!, { ...log[1]!, payloadSum: 4 }],
  ];
  for (const entries of broken) {
    const core = new Single();
    core.receive(append({ term: 1 }, entries));
    assert.is(core.state.dropped["malformed-append"], 1);
    assert.is(core.state.trail.lastIndex, 0);
  }
});

test("3.5 Leader Append-Only: a leader of this very term is no other's follower", () => {
  const core = new Single();
  core.lead();
  core.receive(append({ term: 1, from: 3 }, sealed([1, 1])));
  assert.is(core.state.dropped["leader appendRequest"], 1);
  assert.is(core.state.trail.lastIndex, 1);
  assert.is(CONFIG.self, 1);
  assert.is.not(core.state.trail.lastChain, GENESIS_CHAIN);
});

test.run();
