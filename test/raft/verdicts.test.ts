/** Who judges check points, when, and by whose reports (O05, D14); traces verdict*.txt show whole members. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encode } from "../../src/base/codec.ts";
import { EntryKind, payloadSumOf } from "../../src/base/entry.ts";
import { wantedConfiguration } from "../../src/raft/configuration_change.ts";
import type { Effect } from "../../src/raft/event.ts";
import type { OwnEntry } from "../../src/raft/own_entry.ts";
import { currentConfiguration } from "../../src/raft/state.ts";
import { tally } from "../../src/raft/tally.ts";
import { chainAt } from "../../src/raft/trail.ts";
import type { Configuration } from "../../src/raft/types.ts";
import { decodeVerdict, encodeVerdict, type Verdict } from "../../src/raft/verdict_entry.ts";
import { membersOf, message, sealed, Single, unstamped, WALL_MS } from "./helpers.ts";

const VERDICT_MS = 1000;

/** The verdict among what a step stores; null if there is none. */
function verdictIn(effects: readonly Effect[]): Verdict | null {
  const entries = effects.flatMap((effect) => (effect.type === "store" ? effect.entries : []));
  const verdicts = entries.filter(({ kind }) => kind === EntryKind.verdict) as OwnEntry[];
  assert.ok(verdicts.length <= 1, "one at a time");
  return verdicts[0] === undefined ? null : decodeVerdict(verdicts[0].payload);
}

/** A leader of five whose machine came to 7 at its noop, index 1; something is to be judged since now. */
function leader(configuration: Configuration = membersOf(["voter", "voter", "voter", "voter", "voter"])): Single {
  const core = new Single({ configuration, config: { verdictMs: VERDICT_MS, verdictEntries: 10 } });
  core.lead([2, 3, 4, 5].slice(0, configuration.members.length - 1));
  for (const from of [2, 3, 4]) heard(core, from, 0, 0);
  assert.is(core.state.commitIndex, 1);
  core.event({ type: "applied", index: 1, wakeAtMs: null });
  core.event({ type: "checked", index: 1, digest: 7, unjudgedSinceMs: WALL_MS + core.nowMs });
  return core;
}

/** The follower, which has stored the noop, answers; its machine came to `digest` at `checkIndex`. */
function heard(core: Single, from: number, checkIndex: number, digest: number): Effect[] {
  const durableChain = chainAt(core.state.trail, 1)!;
  return core.receive(message("heartbeatReply", {
    from, term: 1, round: 1, checkIndex, checkDigest: digest, durableIndex: 1, durableTerm: 1, durableChain, wallMs: WALL_MS + core.nowMs,
  }));
}

/** Time passes, under heartbeats that are answered without news. */
function pass(core: Single, ms: number): Verdict | null {
  let found: Verdict | null = null;
  for (const endMs = core.nowMs + ms; core.nowMs < endMs;) {
    core.nowMs = Math.min(endMs, core.state.deadlineMs);
    found ??= verdictIn(core.event({ type: "deadline" }));
    for (const progress of [...core.state.progress.values()]) found ??= verdictIn(heard(core, progress.member, progress.checkIndex, progress.checkDigest));
  }
  return found;
}

test("a verdict has the value of the majority, be it not the leader's", () => {
  const core = leader();
  for (const from of [2, 3, 4]) heard(core, from, 1, 8);
  heard(core, 5, 1, 7);
  assert.equal(pass(core, VERDICT_MS), { outcome: "majority", index: 1, digest: 8 });
});

test("a verdict comes after so much log time, and not before", () => {
  const core = leader();
  for (const from of [2, 3]) heard(core, from, 1, 7);
  assert.is(pass(core, VERDICT_MS - 1), null);
  assert.equal(pass(core, 1), { outcome: "majority", index: 1, digest: 7 });
});

test("a verdict comes after so many entries, whatever the time", () => {
  const core = leader();
  for (const from of [2, 3]) heard(core, from, 1, 7);
  assert.is(verdictIn(core.event({ type: "propose", entries: sealed(Array.from({ length: 9 }, () => 0)) })), null);
  const effects = core.event({ type: "propose", entries: [unstamped()] });
  assert.equal(verdictIn(effects), { outcome: "majority", index: 1, digest: 7 });
  assert.is(verdictIn(core.event({ type: "propose", entries: sealed(Array.from({ length: 30 }, () => 0)) })), null, "the next waits until that one is applied");
});

test("a point for which reports are missing waits as long again; then the verdict knows nothing yet", () => {
  const core = leader();
  for (const from of [2, 3, 4, 5]) heard(core, from, 0, 0);
  assert.is(pass(core, 2 * VERDICT_MS - 1), null);
  assert.equal(pass(core, 1), { outcome: "none" });
});

test("a report that comes while the point waits decides it", () => {
  const core = leader();
  heard(core, 2, 1, 7);
  assert.is(pass(core, VERDICT_MS + 1), null);
  assert.equal(verdictIn(heard(core, 3, 1, 7)), { outcome: "majority", index: 1, digest: 7 });
});

test("values that differ without a majority are an alarm: at once if nobody can decide it, else after the wait", () => {
  const all = leader();
  for (const [at, digest] of [7, 8, 8, 9].entries()) heard(all, at + 2, 1, digest);
  assert.equal(pass(all, VERDICT_MS), { outcome: "split", index: 1 });
  const some = leader();
  heard(some, 2, 1, 8);
  assert.is(pass(some, 2 * VERDICT_MS - 1), null);
  assert.equal(pass(some, 1), { outcome: "split", index: 1 });
});

test("no verdict comes when nothing is to be judged, nor from a disk that is full", () => {
  const idle = leader();
  for (const from of [2, 3]) heard(idle, from, 1, 7);
  idle.event({ type: "checked", index: 1, digest: 7, unjudgedSinceMs: null });
  assert.is(pass(idle, 20 * VERDICT_MS), null);
  const full = leader();
  for (const from of [2, 3]) heard(full, from, 1, 7);
  full.event({ type: "diskFull", full: true });
  assert.is(pass(full, 5 * VERDICT_MS), null);
  assert.ok(verdictIn(full.event({ type: "diskFull", full: false })));
});

test("no verdict comes before an entry of the leader's own term is applied", () => {
  const core = new Single({ log: sealed([1, 1]), term: 1, commitIndex: 2, config: { verdictMs: VERDICT_MS } });
  core.event({ type: "applied", index: 2, wakeAtMs: null });
  core.event({ type: "checked", index: 1, digest: 7, unjudgedSinceMs: 0 });
  core.lead([2]);
  core.receive(message("heartbeatReply", { from: 2, term: 2, round: 1, checkIndex: 1, checkDigest: 7 }));
  assert.is(core.state.role, "leader");
  core.nowMs += 100;
  assert.is(verdictIn(core.event({ type: "deadline" })), null);
});

test("a sole voter's own value is the majority", () => {
  const core = new Single({ configuration: membersOf(["voter"]), config: { verdictMs: VERDICT_MS } });
  core.storeAll();
  core.storeAll();
  core.event({ type: "applied", index: 1, wakeAtMs: null });
  core.event({ type: "checked", index: 1, digest: 3, unjudgedSinceMs: WALL_MS + core.nowMs });
  core.nowMs += VERDICT_MS;
  assert.equal(verdictIn(core.event({ type: "deadline" })), { outcome: "majority", index: 1, digest: 3 });
});

test("a verdict passes by quotas and by a transfer that holds proposals back", () => {
  const core = leader(membersOf(["voter", "voter", "voter"]));
  heard(core, 2, 1, 7);
  assert.is(pass(core, VERDICT_MS - 100), null);
  core.event({ type: "transfer", to: 3 });
  assert.ok(core.state.transfer !== null);
  core.nowMs += 100;
  const effects = core.event({ type: "propose", entries: [unstamped()] });
  assert.ok(effects.some((effect) => effect.type === "rejected" && effect.reason === "transferring"));
  assert.equal(verdictIn(effects), { outcome: "majority", index: 1, digest: 7 });
});

/** A leader of five, two of which are about to step back: both halves count, until the followers have stored as much. */
function jointLeader(): Single {
  const core = leader();
  const wanted = wantedConfiguration(currentConfiguration(core.state), [{ type: "demote", member: 4 }, { type: "demote", member: 5 }])!;
  core.event({ type: "changeMembership", configuration: wanted, promoteWithinMs: 1000, force: false });
  assert.ok(currentConfiguration(core.state).joint);
  return core;
}

test("while a change is joint both halves must have a majority, and the same value", () => {
  const core = jointLeader();
  heard(core, 2, 1, 7);
  assert.is(tally(core.state), null, "the old half has not spoken");
  heard(core, 4, 1, 7);
  assert.equal(tally(core.state), { outcome: "majority", index: 1, digest: 7 });
  const apart = jointLeader();
  for (const [from, digest] of [[2, 8], [3, 8], [4, 7], [5, 7]]) heard(apart, from!, 1, digest!);
  assert.equal(tally(apart.state), { outcome: "split", index: 1 });
});

test("witnesses and learners do not count: they hold no state, or are not asked", () => {
  const core = leader(membersOf(["voter", "voter", "witness", "learner", "learner"]));
  heard(core, 2, 1, 7);
  for (const from of [3, 4, 5]) heard(core, from, 1, 8);
  assert.equal(tally(core.state), { outcome: "majority", index: 1, digest: 7 });
});

test("reports of another check point do not count, and a late one does not take the place of a newer", () => {
  const core = leader();
  for (const from of [2, 3, 4]) heard(core, from, 4, 7);
  for (const from of [2, 3, 4]) heard(core, from, 1, 7);
  assert.is(tally(core.state), null);
  assert.is(core.state.progress.get(2)?.checkIndex, 4);
});

test("a node says with every ack what its machine came to", () => {
  const core = new Single({ log: sealed([1]), term: 1, commitIndex: 1 });
  core.event({ type: "applied", index: 1, wakeAtMs: null });
  core.event({ type: "checked", index: 1, digest: 0xffff_ffff, unjudgedSinceMs: null });
  const [reply] = core.receive(message("heartbeat", { term: 1, round: 3 })).flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
  assert.ok(reply?.type === "heartbeatReply");
  assert.equal([reply.checkIndex, reply.checkDigest], [1, 0xffff_ffff]);
});

test("a snapshot is fetched from no follower whose machine differs, or has not been compared since", () => {
  const log = sealed([1, 1, 1, 1]);
  const told = (checkIndex: number, checkDigest: number): number => {
    const core = new Single({ log, term: 1, commitIndex: 4 });
    core.event({ type: "applied", index: 4, wakeAtMs: null });
    core.event({ type: "snapshotStored", point: { index: 3, term: 1, chain: log[2]!.chain }, timeMs: 0 });
    core.lead([2]);
    core.event({ type: "checked", index: 4, digest: 7, unjudgedSinceMs: null });
    core.receive(message("heartbeatReply", { from: 2, term: 2, round: 1, snapshotIndex: 3, checkIndex, checkDigest }));
    const effects = core.receive(message("appendReply", { from: 3, term: 2, success: false, rejectedIndex: 4, conflictTerm: 0, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1 }));
    const install = effects.flatMap((effect) => (effect.type === "send" && effect.message.type === "installSnapshot" ? [effect.message] : []));
    return install[0]?.source ?? 0;
  };
  assert.is(told(4, 7), 2);
  assert.is(told(4, 8), 1, "it differs");
  assert.is(told(2, 7), 1, "it has not come as far");
});

test("a verdict's payload is read as it was written, may grow, and is refused if it says something else", () => {
  const verdicts: readonly Verdict[] = [{ outcome: "none" }, { outcome: "majority", index: 2 ** 40, digest: 0xffff_ffff }, { outcome: "split", index: 9 }];
  for (const verdict of verdicts) assert.equal(decodeVerdict(encodeVerdict(verdict)), verdict);
  assert.equal(decodeVerdict(encode([1, 4, 5, "later"])), { outcome: "majority", index: 4, digest: 5 });
  for (const odd of [[3, 4, 5], [1, 0, 5], [1, 4], ["1", 4, 5], [1, -4, 5], 7, null]) {
    assert.throws(() => decodeVerdict(new Uint8Array(encode(odd))), /says what this release of draft does not know/);
  }
  assert.throws(() => decodeVerdict(new Uint8Array([0xff])), /says what this release of draft does not know/);
  assert.is(payloadSumOf(encodeVerdict(verdicts[1]!)), payloadSumOf(new Uint8Array(encode([1, 2 ** 40, 0xffff_ffff]))));
});

test.run();
