/** Snapshots in the core: what leaves the log, and how a follower takes one in place of entries that are gone. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chainAfter, EntryKind } from "../../src/base/entry.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import type { Effect } from "../../src/raft/event.ts";
import type { Configuration, LogEntry, LogPoint } from "../../src/raft/types.ts";
import { chainAt } from "../../src/raft/trail.ts";
import { Cores } from "./cores.ts";
import { append, held, membersOf, message, sealed, sent, Single, WALL_MS } from "./helpers.ts";

const CONFIGURATION = membersOf(["voter", "voter", "voter"]);
const LOG = sealed([1, 1, 1, 2, 2, 2]);

/** The entry of a configuration behind `previous`, sealed as a leader would. */
function sealedChange(term: number, configuration: Configuration, previous: LogEntry): LogEntry {
  const [plain] = sealed([term], { previous });
  const entry = { ...plain!, kind: EntryKind.config, configuration };
  return { ...entry, chain: chainAfter(previous.chain, entry) };
}

function pointOf({ index, term, chain }: LogPoint): LogPoint {
  return { index, term, chain };
}

function effect<T extends Effect["type"]>(effects: readonly Effect[], type: T): Extract<Effect, { type: T }> | undefined {
  return effects.find((each) => each.type === type) as Extract<Effect, { type: T }> | undefined;
}

/** A follower of member 2 in term 2 that has applied its log of six through the fourth entry. */
function follower(): Single {
  const core = new Single({ log: LOG, term: 2, commitIndex: 4 });
  core.event({ type: "applied", index: 4, wakeAtMs: null });
  core.receive(message("heartbeat", { term: 2, leaderCommit: 4 }));
  return core;
}

/** A leader of term 3 whose log begins behind index 4, of a cluster that has applied everything. */
function compactedLeader(): Single {
  const core = new Single({ log: LOG, term: 2, commitIndex: 6 });
  core.event({ type: "applied", index: 6, wakeAtMs: null });
  core.lead([2]);
  core.event({ type: "snapshotStored", point: pointOf(LOG[3]!), timeMs: 0 });
  return core;
}

test("a durable snapshot lets the log begin behind it, and keeps the configuration in force there", () => {
  const core = follower();
  const effects = core.event({ type: "snapshotStored", point: pointOf(LOG[2]!), timeMs: 9 });
  assert.equal(effect(effects, "compact")?.start, { point: pointOf(LOG[2]!), configuration: CONFIGURATION, timeMs: 9 });
  const { trail } = core.state;
  assert.equal([trail.base, trail.lastIndex, trail.lastBytes], [pointOf(LOG[2]!), 6, 3 * (56 + 8)]);
  assert.is(core.state.snapshotIndex, 3);
  // The one before it brings nothing.
  assert.equal(core.event({ type: "snapshotStored", point: pointOf(LOG[1]!), timeMs: 9 }), []);
});

test("so many bytes of log as asked for stay behind a snapshot", () => {
  const log = sealed(Array.from({ length: 1000 }, () => 1));
  for (const retainBytes of [0, 1, 64 * 300, 64 * 700, 64 * 2000]) {
    const core = new Single({ log, term: 1, commitIndex: 1000, config: { retainBytes } });
    core.event({ type: "applied", index: 1000, wakeAtMs: null });
    core.event({ type: "snapshotStored", point: pointOf(log[899]!), timeMs: 9 });
    const { base, lastBytes } = core.state.trail;
    assert.ok(base.index <= 900);
    if (base.index > 0) assert.ok(lastBytes >= retainBytes, `${lastBytes} of ${retainBytes} bytes stay`);
    // Runs are cut at each index that 256 divides, and end one before.
    assert.is(base.index, retainBytes <= 64 * 100 ? 900 : retainBytes === 64 * 300 ? 511 : retainBytes === 64 * 700 ? 255 : 0);
  }
});

test("P14: a start from a snapshot counts what it holds as committed and applied, whatever the hard state knew", () => {
  const core = new Single({ log: LOG, term: 2, commitIndex: 1 });
  assert.is(core.state.commitIndex, 1);
  const later = new Single({ log: LOG, term: 2, commitIndex: 1, snapshotIndex: 4 });
  assert.equal([later.state.commitIndex, later.state.lastApplied, later.state.applyRequested], [4, 4, 4]);
});

test("R12 a follower whose next entry left the log is told to fetch a snapshot, though its window is full", () => {
  const core = compactedLeader();
  assert.is(core.state.trail.base.index, 4);
  const refusal = message("appendReply", {
    from: 3, term: 3, success: false, rejectedIndex: 6, conflictTerm: 1, conflictIndex: 1, pointIndex: 2, pointTerm: 1, pointChain: LOG[1]!.chain,
  });
  const [told] = sent(core.receive(refusal)).filter(({ to }) => to === 3);
  assert.equal([told?.type, (told as { lastIncludedIndex?: number }).lastIncludedIndex], ["installSnapshot", 4]);
  assert.is(core.state.progress.get(3)?.state, "snapshot");
  // Nobody else is known to have one.
  assert.is((told as { source?: number }).source, 1);
});

test("S11 the reminder comes again until the follower matches, and the follower's ack ends it", () => {
  const core = compactedLeader();
  core.receive(message("appendReply", { from: 3, term: 3, success: false, rejectedIndex: 6, conflictTerm: 1, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1 }));
  core.nowMs += core.state.config.electionMinMs;
  const again = sent(core.receive(message("heartbeatReply", { from: 3, term: 3, round: 1 })));
  assert.equal(again.map(({ type }) => type), ["installSnapshot"]);
  const soon = sent(core.receive(message("heartbeatReply", { from: 3, term: 3, round: 1 })));
  assert.equal(soon, []);
  core.receive(message("installSnapshotReply", { from: 3, term: 3, success: true, lastIncludedIndex: 5, durableIndex: 5, durableTerm: 2, durableChain: LOG[4]!.chain }));
  const progress = core.state.progress.get(3)!;
  assert.equal([progress.state, progress.matchIndex], ["replicate", 5]);
});

test("the log is kept for a follower that fetches, until it is silent for long", () => {
  const core = compactedLeader();
  core.receive(message("appendReply", { from: 3, term: 3, success: false, rejectedIndex: 6, conflictTerm: 1, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1 }));
  core.receive(message("installSnapshotReply", { from: 3, term: 3, success: false, lastIncludedIndex: 5 }));
  core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1, durableIndex: 7, durableTerm: 3, durableChain: core.state.trail.lastChain }));
  core.event({ type: "applied", index: 7, wakeAtMs: null });
  const point = { index: 7, term: 3, chain: core.state.trail.lastChain };
  core.event({ type: "snapshotStored", point, timeMs: 0 });
  assert.is(core.state.trail.base.index, 4, "nothing known ends at 5, so the log begins where it did");
  core.nowMs += 20 * core.state.config.electionMaxMs;
  core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1 }));
  core.event({ type: "propose", entries: sealed([0]) });
  core.storeAll();
  core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1, durableIndex: 8, durableTerm: 3, durableChain: core.state.trail.lastChain }));
  core.event({ type: "applied", index: 8, wakeAtMs: null });
  core.event({ type: "snapshotStored", point: { index: 8, term: 3, chain: core.state.trail.lastChain }, timeMs: 0 });
  assert.is(core.state.trail.base.index, 8);
});

/** Member 3 has its snapshot, of index 5 of 7; 6 and 7 were written while it fetched. */
function behindItsSnapshot(): ReturnType<typeof compactedLeader> {
  const core = compactedLeader();
  core.receive(message("appendReply", { from: 3, term: 3, success: false, rejectedIndex: 6, conflictTerm: 1, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1 }));
  core.receive(message("installSnapshotReply", { from: 3, term: 3, success: true, lastIncludedIndex: 5, durableIndex: 5, durableTerm: 2, durableChain: LOG[4]!.chain }));
  return core;
}

/** Writes one more entry, which the other follower has as well, and takes a snapshot of it. */
function writeAndTake(core: ReturnType<typeof compactedLeader>): void {
  core.event({ type: "propose", entries: sealed([0]) });
  core.storeAll();
  const { lastIndex: index, lastChain: chain } = core.state.trail;
  core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1, durableIndex: index, durableTerm: 3, durableChain: chain }));
  core.event({ type: "applied", index, wakeAtMs: null });
  core.event({ type: "snapshotStored", point: { index, term: 3, chain }, timeMs: 0 });
}

/** Member 3 has all through `index`, and says so. */
function follow(core: ReturnType<typeof compactedLeader>, index: number): void {
  const chain = chainAt(core.state.trail, index)!;
  core.receive(message("heartbeatReply", { from: 3, term: 3, round: 1, durableIndex: index, durableTerm: 3, durableChain: chain }));
}

test("the log is kept for a follower that has its snapshot, until it caught up with what was written meanwhile", () => {
  const core = behindItsSnapshot();
  writeAndTake(core);
  assert.is(core.state.trail.base.index, 4, "it needs 6 and on: else it would fetch one snapshot after the other");
  follow(core, 7);
  writeAndTake(core);
  assert.is(core.state.trail.base.index, 6, "its next round ends at 8, and 7 it has");
  follow(core, 9);
  writeAndTake(core);
  assert.is(core.state.trail.base.index, 10, "it had all that there was");
});

test("the log is kept no longer for a follower that had its snapshot and falls behind all the same, or stands still", () => {
  const slower = behindItsSnapshot();
  writeAndTake(slower);
  writeAndTake(slower);
  follow(slower, 7);
  writeAndTake(slower);
  assert.is(slower.state.trail.base.index, 10, "two behind when the round began, two when it ended");
  const still = behindItsSnapshot();
  still.nowMs += 20 * still.state.config.electionMaxMs;
  follow(still, 5);
  writeAndTake(still);
  assert.is(still.state.trail.base.index, 8);
});

test("the log is kept no longer for a follower that gives up again and again: its disk may be full for good", () => {
  const core = compactedLeader();
  core.receive(message("appendReply", { from: 3, term: 3, success: false, rejectedIndex: 6, conflictTerm: 1, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1 }));
  for (let give = 0; give < 9; give++) {
    core.receive(message("installSnapshotReply", { from: 3, term: 3, success: false, lastIncludedIndex: 0 }));
    core.nowMs += core.state.config.electionMinMs;
    core.receive(message("heartbeatReply", { from: 3, term: 3, round: 1 }));
  }
  core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1, durableIndex: 7, durableTerm: 3, durableChain: core.state.trail.lastChain }));
  core.event({ type: "applied", index: 7, wakeAtMs: null });
  core.event({ type: "snapshotStored", point: { index: 7, term: 3, chain: core.state.trail.lastChain }, timeMs: 0 });
  assert.is(core.state.trail.base.index, 7);
});

test("the log is kept again for a follower that gave up again and again, once it had a snapshot and needs a later one", () => {
  const keptFor = (durableIndex: number): number => {
    const core = compactedLeader();
    core.receive(message("appendReply", { from: 3, term: 3, success: false, rejectedIndex: 6, conflictTerm: 1, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1 }));
    for (let give = 0; give < 9; give++) {
      core.receive(message("installSnapshotReply", { from: 3, term: 3, success: false, lastIncludedIndex: 0 }));
      core.nowMs += core.state.config.electionMinMs;
      core.receive(message("heartbeatReply", { from: 3, term: 3, round: 1 }));
    }
    core.receive(message("installSnapshotReply", { from: 3, term: 3, success: false, lastIncludedIndex: 5, durableIndex, durableTerm: 1, durableChain: 1 }));
    core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1, durableIndex: 7, durableTerm: 3, durableChain: core.state.trail.lastChain }));
    core.event({ type: "applied", index: 7, wakeAtMs: null });
    core.event({ type: "snapshotStored", point: { index: 7, term: 3, chain: core.state.trail.lastChain }, timeMs: 0 });
    return core.state.trail.base.index;
  };
  assert.is(keptFor(4), 4, "it had that of 4, and fetches that of 5");
  assert.is(keptFor(0), 7, "it had none");
});

test("what a leader was to fetch before it led takes the place of nothing", () => {
  const core = compactedLeader();
  const { trail } = core.state;
  assert.equal(core.event({ type: "snapshotFetched", point: { index: 9, term: 2, chain: 5 }, configuration: CONFIGURATION, timeMs: 0 }), []);
  assert.equal([core.state.role, trail.lastIndex, core.state.dropped["snapshot-of-another-leader"]], ["leader", 7, 1]);
});

test("the snapshot is fetched from the follower that serves the fewest; each second try from the leader", () => {
  const core = new Single({ log: LOG, term: 2, commitIndex: 6, configuration: membersOf(["voter", "voter", "voter", "voter", "voter"]) });
  core.event({ type: "applied", index: 6, wakeAtMs: null });
  core.lead([2, 3]);
  core.event({ type: "snapshotStored", point: pointOf(LOG[3]!), timeMs: 0 });
  core.event({ type: "checked", index: 6, digest: 9, unjudgedSinceMs: null });
  for (const [from, snapshotIndex] of [[2, 4], [3, 5], [4, 3]]) core.receive(message("heartbeatReply", { from: from!, term: 3, round: 1, snapshotIndex: snapshotIndex!, checkIndex: 6, checkDigest: 9 }));
  const refused = (from: number): number => {
    const told = sent(core.receive(message("appendReply", { from, term: 3, success: false, rejectedIndex: 6, conflictTerm: 1, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1 })));
    return (told.find(({ type, to }) => type === "installSnapshot" && to === from) as { source?: number } | undefined)?.source ?? 0;
  };
  assert.is(refused(5), 2);
  assert.is(refused(4), 3, "2 serves already, and 4's own would not do");
  core.receive(message("installSnapshotReply", { from: 5, term: 3, success: false, lastIncludedIndex: 0 }));
  core.nowMs += core.state.config.electionMinMs;
  const [next] = sent(core.receive(message("heartbeatReply", { from: 5, term: 3, round: 1 })));
  assert.is((next as { source?: number }).source, 1);
});

test("a follower fetches once, says what it fetches, and then begins its log anew behind the snapshot", () => {
  const core = follower();
  const install = message("installSnapshot", { term: 2, lastIncludedIndex: 9, lastIncludedTerm: 2, lastIncludedChain: 5, source: 3, round: 8 });
  assert.equal(effect(core.receive(install), "fetchSnapshot"), { type: "fetchSnapshot", from: 3, point: { index: 9, term: 2, chain: 5 } });
  assert.is(effect(core.receive(install), "fetchSnapshot"), undefined);
  core.event({ type: "snapshotFetching", index: 12 });
  const [reply] = sent(core.receive(install));
  assert.equal([reply?.type, (reply as { success?: boolean }).success, (reply as { lastIncludedIndex?: number }).lastIncludedIndex], ["installSnapshotReply", false, 12]);

  const start = { point: { index: 12, term: 2, chain: 99 }, configuration: { ...CONFIGURATION, index: 11 }, timeMs: WALL_MS };
  const effects = core.event({ type: "snapshotFetched", ...start });
  assert.equal([effect(effects, "store")?.reset, effect(effects, "store")?.truncateFrom, effect(effects, "installSnapshot")?.point], [start, 0, start.point]);
  const { state } = core;
  assert.equal([state.trail.base, state.trail.lastIndex, state.commitIndex, state.applyRequested, state.lastApplied], [start.point, 12, 12, 12, 4]);
  assert.equal(state.configurations, [start.configuration]);
  // Until the store is durable nothing is said of it.
  const [early] = sent(core.receive(install));
  assert.equal([(early as { success?: boolean }).success, (early as { durableIndex?: number }).durableIndex], [false, 0]);
  core.storeAll();
  const [ack] = sent(core.receive(install));
  assert.equal([(ack as { success?: boolean }).success, (ack as { lastIncludedIndex?: number }).lastIncludedIndex, (ack as { durableChain?: number }).durableChain], [true, 12, 99]);
  core.event({ type: "restored", index: 12, wakeAtMs: 77 });
  assert.equal([state.lastApplied, state.wakeAtMs], [12, 77]);
});

test("a vote while the log is replaced does not store a lower commit index than was stored before", () => {
  const core = follower();
  const known = core.state.commitIndex;
  core.event({ type: "snapshotFetched", point: { index: 12, term: 2, chain: 99 }, configuration: CONFIGURATION, timeMs: 0 });
  core.nowMs += core.state.config.electionMinMs;
  const vote = core.receive(message("voteRequest", { from: 3, term: 3, lastLogIndex: 20, lastLogTerm: 2 }));
  assert.equal(effect(vote, "store")?.hardState, { term: 3, votedFor: 3, commitIndex: known });
  assert.is(known, 4);
});

test("S07 the machine is restored behind the store that names the snapshot, never before", () => {
  const core = follower();
  core.receive(message("installSnapshot", { term: 2, lastIncludedIndex: 9, lastIncludedTerm: 2, lastIncludedChain: 5, source: 3, round: 1 }));
  const effects = core.event({ type: "snapshotFetched", point: { index: 9, term: 2, chain: 5 }, configuration: CONFIGURATION, timeMs: 0 });
  const order = effects.map(({ type }) => type).filter((type) => type === "store" || type === "installSnapshot");
  assert.equal(order, ["store", "installSnapshot"]);
});

test("S10 appends that come while the machine is restored are stored, and applied only behind it", () => {
  const core = follower();
  const point = { index: 12, term: 2, chain: 99 };
  core.event({ type: "snapshotFetched", point, configuration: CONFIGURATION, timeMs: 0 });
  const [next] = sealed([2], { previous: { ...LOG[5]!, ...point } });
  const effects = core.receive(append({ term: 2, leaderCommit: 13 }, [next!], { ...LOG[5]!, ...point }));
  assert.equal(held(effects).map(({ type }) => type), ["appendReply"]);
  assert.equal(effect(core.storeAll(), "apply"), { type: "apply", from: 13, to: 13 });
  assert.is(core.state.lastApplied, 4);
});

test("S02 a late snapshot at or below the commit index changes nothing", () => {
  const core = follower();
  for (const entry of LOG.slice(0, 4)) {
    assert.equal(core.event({ type: "snapshotFetched", point: pointOf(entry), configuration: CONFIGURATION, timeMs: 0 }), []);
  }
  assert.is(core.state.trail.lastIndex, 6);
  // Of what has left the log since nothing is known any more, but that it was committed.
  core.event({ type: "snapshotStored", point: pointOf(LOG[3]!), timeMs: 0 });
  assert.equal(core.event({ type: "snapshotFetched", point: pointOf(LOG[1]!), configuration: CONFIGURATION, timeMs: 0 }), []);
  assert.is(core.state.trail.lastIndex, 6);
});

test("a store of before the snapshot says nothing of the log behind it", () => {
  const core = follower();
  const [next] = sealed([2], { previous: LOG[5]! });
  core.receive(append({ term: 2, leaderCommit: 4 }, [next!], LOG[5]!));
  const pending = core.state.lastStore;
  core.event({ type: "snapshotFetched", point: { index: 5, term: 2, chain: 4 }, configuration: CONFIGURATION, timeMs: 0 });
  core.event({ type: "stored", store: pending });
  assert.is(core.state.durableIndex, 0);
  core.storeAll();
  assert.is(core.state.durableIndex, 5);
});

test("S03 a log that holds the snapshot's point keeps what lies behind; one that holds another entry there loses it", () => {
  const holds = follower();
  const effects = holds.event({ type: "snapshotFetched", point: pointOf(LOG[4]!), configuration: CONFIGURATION, timeMs: 0 });
  assert.equal(effects, [{ type: "apply", from: 5, to: 5 }]);
  assert.equal([holds.state.trail.lastIndex, holds.state.commitIndex], [6, 5]);

  const differs = follower();
  const point = { index: 5, term: 3, chain: 4 };
  const store = effect(differs.event({ type: "snapshotFetched", point, configuration: CONFIGURATION, timeMs: 0 }), "store");
  assert.equal([store?.truncateFrom, store?.reset?.point], [5, point]);
  assert.equal([differs.state.trail.lastIndex, differs.state.trail.base], [5, point]);
  // Nobody had told this node of the term that the snapshot's last entry bears.
  assert.equal([differs.state.term, store?.hardState?.term], [3, 3]);
});

test("S05 the snapshot's configuration is in force, not one that stood uncommitted in the log", () => {
  const core = follower();
  const own = { ...membersOf(["voter", "voter"]), index: 7 };
  core.receive(append({ term: 2, leaderCommit: 4 }, [sealedChange(2, own, LOG[5]!)], LOG[5]!));
  assert.is(core.state.voters.incoming.length, 2);
  const wide = { ...membersOf(["voter", "voter", "voter", "voter"]), index: 8 };
  core.event({ type: "snapshotFetched", point: { index: 9, term: 2, chain: 1 }, configuration: wide, timeMs: 0 });
  assert.equal(core.state.configurations, [wide]);
  assert.is(core.state.voters.incoming.length, 4);
});

test("S04 a snapshot in the middle of a joint change holds the configuration of its own index, learners and outgoing voters and all", () => {
  const core = follower();
  const plain = membersOf(["voter", "voter", "voter", "voter", "learner"]);
  const joint = {
    ...plain, index: 7, joint: true,
    members: plain.members.map((member, i) => i === 2 ? { ...member, role: null, targetRole: null, outgoingRole: "voter" as const } : i === 3 || i === 4 ? member : { ...member, outgoingRole: "voter" as const }),
  };
  const left = { ...plain, index: 8, members: plain.members.filter((_, i) => i !== 2) };
  const one = sealedChange(2, joint, LOG[5]!);
  core.receive(append({ term: 2, leaderCommit: 8 }, [one, sealedChange(2, left, one)], LOG[5]!));
  core.storeAll();
  core.event({ type: "applied", index: 8, wakeAtMs: null });
  const effects = core.event({ type: "snapshotStored", point: pointOf(one), timeMs: 0 });
  assert.equal(effect(effects, "compact")?.start.configuration, joint);
  assert.equal(core.state.configurations, [joint, left]);
});

test("S06 an uncommitted configuration that is cut behind a snapshot gives way to the snapshot's", () => {
  const core = follower();
  core.event({ type: "snapshotStored", point: pointOf(LOG[3]!), timeMs: 0 });
  const wide = { ...membersOf(["voter", "voter", "voter", "voter", "voter"]), index: 7 };
  core.receive(append({ term: 2, leaderCommit: 4 }, [sealedChange(2, wide, LOG[5]!)], LOG[5]!));
  assert.is(core.state.voters.incoming.length, 5);
  // What is not committed is in no snapshot, however much was stored of it.
  core.storeAll();
  assert.equal(effect(core.event({ type: "snapshotStored", point: pointOf(LOG[3]!), timeMs: 0 }), "compact"), undefined);
  const [later] = sealed([3], { previous: LOG[5]! });
  core.receive(append({ term: 3, from: 3, leaderCommit: 4 }, [later!], LOG[5]!));
  assert.equal([core.state.configurations, core.state.voters.incoming.length, core.state.trail.base.index], [[CONFIGURATION], 3, 4]);
});

test("a fetch that came to nothing is begun again at the next word of the leader", () => {
  const core = follower();
  const install = message("installSnapshot", { term: 2, lastIncludedIndex: 9, lastIncludedTerm: 2, lastIncludedChain: 5, source: 3, round: 8 });
  core.receive(install);
  core.event({ type: "snapshotFetching", index: 0 });
  assert.equal(effect(core.receive({ ...install, source: 2 } as typeof install), "fetchSnapshot"), { type: "fetchSnapshot", from: 2, point: { index: 9, term: 2, chain: 5 } });
});

test("S01 S09: under loss, crashes and partitions all members end with the same state, though logs are cut all the time", () => {
  let installs = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = seedRandom(seed);
    const cores = new Cores({
      members: nextInRange(random, 2, 5), seed, lossPercent: nextInRange(random, 0, 15), duplicatePercent: 5,
      snapshotEntries: nextInRange(random, 3, 30), fetchMs: [5, nextInRange(random, 10, 400)],
      config: { retainBytes: nextInRange(random, 0, 1) * 1000 },
    });
    for (let round = 0; round < 40; round++) {
      const number = nextInRange(random, 1, cores.cores.length);
      const dice = nextInRange(random, 0, 9);
      if (dice === 0 && cores.core(number).up) cores.crash(number);
      else if (dice <= 2 && !cores.core(number).up) cores.start(number);
      else if (dice === 3) cores.partition([number], cores.cores.map((core) => core.number).filter((other) => other !== number));
      else if (dice === 4) cores.heal();
      const leader = cores.leader();
      if (leader !== null) cores.propose(leader, nextInRange(random, 1, 20));
      cores.run(nextInRange(random, 10, 400));
    }
    cores.heal();
    cores.options.lossPercent = 0;
    for (const core of cores.cores) if (!core.up) cores.start(core.number);
    cores.run(8000);
    assert.ok(cores.converged(), `seed ${seed} converges`);
    for (const core of cores.cores) {
      assert.equal(core.applied.map(({ chain }) => chain), cores.committedEntries.slice(0, core.applied.length).map(({ chain }) => chain), `seed ${seed}`);
      assert.is(core.applied.length, core.state.lastApplied, `seed ${seed}`);
    }
    installs += cores.installs;
  }
  assert.ok(installs > 50, `${installs} snapshots were installed`);
});

test.run();
