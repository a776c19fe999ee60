/** What a leader sends to a witness, and when; what a witness does with it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/raft/event.ts";
import { calledOffConfiguration, isCallOff, isViable, reachedConfiguration, wantedConfiguration } from "../../src/raft/configuration_change.ts";
import { isWitness } from "../../src/raft/configuration.ts";
import type { AppendRequest, InstallSnapshot, Message } from "../../src/raft/message.ts";
import { currentConfiguration } from "../../src/raft/state.ts";
import { chainAt } from "../../src/raft/trail.ts";
import type { Configuration, LogStart, MemberRole } from "../../src/raft/types.ts";
import { append, held, membersOf, message, sealed, sent, Single, unstamped } from "./helpers.ts";

/** A leader of term 1 whose noop, at 1, is durable on its own disk; every answer is of a boot that was heard. */
function leading(roles: readonly MemberRole[], configuration: Configuration = membersOf(roles)): Single {
  const core = new Single({ configuration });
  core.lead(roles.flatMap((role, at) => (at > 0 && role !== "learner" ? [at + 1] : [])));
  return core;
}

/** Follower `from` has everything up to `matchIndex`. */
function ack(core: Single, from: number, matchIndex: number): Effect[] {
  return core.receive(message("appendReply", { from, term: core.state.term, matchIndex, pointIndex: matchIndex, pointTerm: core.state.term, pointChain: chainAt(core.state.trail, matchIndex)! }));
}

function heard(core: Single, from: number): Effect[] {
  return core.receive(message("heartbeatReply", { from, term: core.state.term }));
}

/** Ranges that `effects` bring to `to`. */
function appendsTo(effects: readonly Effect[], to: number): string[] {
  return sent(effects).filter((each): each is AppendRequest => each.type === "appendRequest" && each.to === to)
    .map(({ prevLogIndex, lastIndex }) => `${prevLogIndex + 1}..${lastIndex}`);
}

function proposed(core: Single, count: number = 1): Effect[] {
  return [...core.event({ type: "propose", entries: Array.from({ length: count }, () => unstamped(1)) }), ...core.storeAll()];
}

/** Time passes in steps of a heartbeat while these answer. */
function pass(core: Single, ms: number, answering: readonly number[]): Effect[] {
  const effects: Effect[] = [];
  const end = core.nowMs + ms;
  while (core.nowMs < end) {
    effects.push(...core.deadline());
    for (const from of answering) effects.push(...heard(core, from));
  }
  return effects;
}

test("D11: a new leader sends a witness nothing before each data voter and its own disk have it", () => {
  const core = new Single({ configuration: membersOf(["voter", "voter", "voter", "witness"]) });
  assert.equal(appendsTo(core.lead([2, 4]), 4), []);
  assert.equal(appendsTo(ack(core, 2, 1), 4), []);
  assert.equal(appendsTo(ack(core, 3, 1), 4), ["1..1"]);
  ack(core, 4, 1);
  const effects = core.event({ type: "propose", entries: [unstamped(1)] });
  assert.equal([...appendsTo(effects, 2), ...appendsTo(effects, 4)], ["2..2"]);
  assert.equal([...appendsTo(ack(core, 2, 2), 4), ...appendsTo(ack(core, 3, 2), 4)], [], "the leader's own disk is not done");
  assert.equal(appendsTo(core.storeAll(), 4), ["2..2"]);
});

test("D11: a data voter that is silent, or leaves a position unacknowledged, for an election timeout holds nobody up", () => {
  for (const answering of [[3], [2, 3]]) {
    const core = leading(["voter", "voter", "witness"]);
    ack(core, 2, 1);
    ack(core, 3, 1);
    proposed(core);
    assert.equal(appendsTo(pass(core, 250, answering), 3), [], "in step until 300 ms have passed");
    assert.equal(appendsTo(pass(core, 50, answering), 3), ["2..2"]);
    assert.equal(appendsTo(proposed(core), 3), ["3..3"], "it is out of step");
    ack(core, 3, 3);
    assert.is(core.state.commitIndex, 3);
    // Back in step by a round that took less than an election timeout.
    ack(core, 2, 3);
    pass(core, 50, [2, 3]);
    ack(core, 2, 3);
    assert.equal(appendsTo(proposed(core), 3), [], "it is in step again");
    assert.equal(appendsTo(ack(core, 2, 4), 3), ["4..4"]);
  }
});

test("D11: a data voter that starts anew counts as in step for as long as if it had fallen silent; a learner never does", () => {
  const core = leading(["voter", "voter", "witness", "learner"]);
  ack(core, 2, 1);
  ack(core, 3, 1);
  proposed(core);
  core.receive(message("heartbeatReply", { from: 2, term: 1, bootId: 2 }));
  assert.equal(appendsTo(pass(core, 250, [3]), 3), []);
  assert.equal(appendsTo(pass(core, 50, [3]), 3), ["2..2"]);
});

test("D11: both halves of a joint configuration hold a witness back", () => {
  const joint = membersOf(["voter", "voter", "voter", "witness"]);
  const members = joint.members.map((member) => {
    if (member.number === 2) return { ...member, role: null, outgoingRole: "voter" as const, targetRole: null };
    if (member.number === 3) return { ...member, outgoingRole: "learner" as const };
    return { ...member, outgoingRole: member.role };
  });
  const core = leading(["voter", "voter", "voter", "witness"], { ...joint, joint: true, members });
  assert.equal(appendsTo(ack(core, 3, 1), 4), []);
  assert.equal(appendsTo(ack(core, 2, 1), 4), ["1..1"]);
});

test("S18: a witness whose entries are gone is told where the log begins, and is no source of snapshots", () => {
  const log = sealed([1, 1, 1, 1]);
  const core = new Single({ configuration: membersOf(["voter", "voter", "witness", "learner"]), log, commitIndex: 4, snapshotIndex: 4, term: 1 });
  core.lead();
  core.event({ type: "applied", index: 4, wakeAtMs: null });
  ack(core, 2, 5);
  core.event({ type: "snapshotStored", point: { index: 5, term: 2, chain: chainAt(core.state.trail, 5)! }, timeMs: 7 });
  assert.is(core.state.trail.base.index, 5);
  proposed(core);
  const refused = (from: number): InstallSnapshot => {
    const effects = core.receive(message("appendReply", {
      from, term: 2, success: false, rejectedIndex: core.state.progress.get(from)!.nextIndex - 1, conflictIndex: 1, pointChain: 77,
    }));
    return sent(effects).find((each): each is InstallSnapshot => each.type === "installSnapshot" && each.to === from)!;
  };
  // A witness that says it has a snapshot is not believed.
  core.receive(message("heartbeatReply", { from: 3, term: 2, snapshotIndex: 6 }));
  const install = refused(3);
  assert.equal([install.source, install.start?.point.index, install.start?.configuration], [0, 5, membersOf(["voter", "voter", "witness", "learner"])]);
  assert.is(refused(4).start, null);
  assert.is(refused(4)?.source ?? 1, 1);
});

test("S18: a start is not sent ahead of the data", () => {
  const log = sealed([1, 1, 1, 1]);
  const core = new Single({ configuration: membersOf(["voter", "voter", "voter", "witness"]), log, commitIndex: 4, snapshotIndex: 4, term: 1 });
  // As when the process before had taken no snapshot yet.
  core.state.snapshotIndex = 0;
  core.event({ type: "snapshotStored", point: { index: 4, term: 1, chain: log[3]!.chain }, timeMs: 7 });
  assert.is(core.state.trail.base.index, 4);
  core.lead([2, 3]);
  const starts = (effects: readonly Effect[]): number[] =>
    sent(effects).flatMap((each) => (each.type === "installSnapshot" && each.to === 4 ? [each.lastIncludedIndex] : []));
  assert.equal(starts(heard(core, 4)), []);
  const empty = message("appendReply", { from: 4, term: 2, success: false, rejectedIndex: 4, conflictIndex: 1, pointChain: 77 });
  assert.equal(starts(core.receive(empty)), [], "its log is behind, but so may be that of 3");
  ack(core, 2, 5);
  assert.equal(starts(heard(core, 4)), []);
  ack(core, 3, 4);
  pass(core, 50, [2, 3]);
  assert.equal(starts(heard(core, 4)), [4]);
});

const START: LogStart = { point: { index: 9, term: 2, chain: 5 }, configuration: { ...membersOf(["voter", "voter", "voter"]), index: 4 }, timeMs: 99 };

function install(fields: Partial<InstallSnapshot> = {}): Message {
  return message("installSnapshot", { term: 2, lastIncludedIndex: 9, lastIncludedTerm: 2, lastIncludedChain: 5, source: 0, round: 8, start: START, ...fields });
}

test("S18: a witness takes the start in place of its log, and says so once that is durable", () => {
  const core = new Single({ config: { witness: true }, log: sealed([1, 1]), commitIndex: 1 });
  const effects = core.receive(install());
  const store = effects.find((effect) => effect.type === "store");
  assert.equal(store?.type === "store" ? store.reset : null, START);
  assert.not.ok(effects.some(({ type }) => type === "installSnapshot" || type === "fetchSnapshot" || type === "apply"));
  assert.equal(held(effects).map((each) => [each.type, (each as { success?: boolean }).success]), [["installSnapshotReply", true]]);
  const { commitIndex, lastApplied, trail, durableIndex } = core.state;
  assert.equal([commitIndex, lastApplied, trail.base.index, trail.lastIndex, durableIndex], [9, 9, 9, 9, 0]);
  assert.is(currentConfiguration(core.state).index, 4);
  core.storeAll();
  assert.is(core.state.durableIndex, 9);
  // Said again, and late: it has that.
  const again = sent(core.receive(install())).at(-1) as { success?: boolean };
  assert.is(again.success, true);
  assert.is(core.state.trail.lastIndex, 9);
});

test("S18: a start is for witnesses alone, and a witness fetches nothing", () => {
  const data = new Single({ log: sealed([1, 1]) });
  assert.ok(data.receive(install({ source: 2 })).some(({ type }) => type === "fetchSnapshot"));
  const witness = new Single({ config: { witness: true }, log: sealed([1, 1]) });
  const effects = witness.receive(install({ start: null, source: 2 }));
  assert.not.ok(effects.some((effect) => effect.type === "fetchSnapshot" || (effect.type === "store" && effect.reset !== null)));
});

test("E21: a witness counts as applied what is committed, asks for no application, and never campaigns", () => {
  const configuration = membersOf(["witness", "voter", "voter"]);
  const core = new Single({ config: { witness: true }, configuration });
  const effects = [...core.receive(append({ term: 1, leaderCommit: 2 }, sealed([1, 1]))), ...core.storeAll()];
  assert.not.ok(effects.some(({ type }) => type === "apply"));
  assert.equal([core.state.commitIndex, core.state.lastApplied, core.state.applyRequested], [2, 2, 2]);
  for (let i = 0; i < 5; i++) core.deadline();
  assert.is(core.state.role, "follower");
});

test("a witness enters as one that is to be one, and goes if that is called off; a data learner stays", () => {
  const wanted = wantedConfiguration(membersOf(["voter", "voter"]), [
    { type: "add", id: "w", address: "", incarnation: 7, becomes: "witness" }, { type: "add", id: "l", address: "", incarnation: 8, becomes: "voter" },
  ])!;
  assert.equal(wanted.members.map((member) => [member.role, member.targetRole, isWitness(member)]), [
    ["voter", "voter", false], ["voter", "voter", false], ["learner", "witness", true], ["learner", "voter", false],
  ]);
  assert.equal(reachedConfiguration(wanted).members.map(({ role }) => role), ["voter", "voter", "witness", "voter"]);
  const off = calledOffConfiguration(wanted);
  assert.ok(isCallOff(wanted, off));
  assert.equal(reachedConfiguration(off).members.map(({ number, role }) => [number, role]), [[1, "voter"], [2, "voter"], [4, "learner"]]);
});

test("witnesses are fewer than voters that keep payloads, in each half", () => {
  for (const [roles, viable] of [[["voter"], true], [["voter", "witness"], false], [["voter", "voter", "witness"], true], [["voter", "voter", "witness", "witness"], false]] as const) {
    assert.is(isViable(membersOf(roles)), viable, roles.join(" "));
  }
  const core = leading(["voter", "voter", "witness"]);
  ack(core, 2, 1);
  const configuration = wantedConfiguration(currentConfiguration(core.state), [{ type: "remove", member: 2 }])!;
  const effects = core.event({ type: "changeMembership", configuration, promoteWithinMs: 1000, force: true });
  assert.equal(effects.filter(({ type }) => type === "rejected"), [{ type: "rejected", reason: "too-many-witnesses" }]);
});

test("a witness that is ready while the voter beside it is late is let go, if it would be one too many", () => {
  const core = leading(["voter", "voter"]);
  ack(core, 2, 1);
  const configuration = wantedConfiguration(currentConfiguration(core.state), [
    { type: "add", id: "n3", address: "", incarnation: 103, becomes: "voter" },
    { type: "add", id: "n4", address: "", incarnation: 104, becomes: "witness" },
    { type: "add", id: "n5", address: "", incarnation: 105, becomes: "witness" },
  ])!;
  core.event({ type: "changeMembership", configuration, promoteWithinMs: 400, force: false });
  core.storeAll();
  for (let i = 0; i < 12; i++) {
    for (const from of [2, 4, 5]) ack(core, from, core.state.trail.lastIndex);
    core.storeAll();
    pass(core, 50, [2, 4, 5]);
  }
  assert.equal(currentConfiguration(core.state).members.map(({ number, role, targetRole }) => [number, role, targetRole]), [[1, "voter", "voter"], [2, "voter", "voter"], [3, "learner", "learner"]]);
});

test.run();
