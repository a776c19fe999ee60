/** What becomes of a snapshot that cannot be fetched from whom the leader named. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { InstallSnapshot, InstallSnapshotReply } from "../../src/raft/message.ts";
import { membersOf, message, sealed, sent, Single } from "./helpers.ts";

const LOG = sealed([1, 1, 1, 2, 2, 2]);

test("S11 snapshotFetching(0) tells the leader, whose next reminder names another source", () => {
  const core = new Single({ log: LOG, term: 2, commitIndex: 4 });
  core.receive(message("heartbeat", { term: 2, leaderCommit: 4 }));
  const install = message("installSnapshot", { term: 2, lastIncludedIndex: 9, lastIncludedTerm: 2, lastIncludedChain: 5, source: 3, round: 8 });
  core.receive(install);
  assert.equal(sent(core.event({ type: "snapshotFetching", index: 12 })), [], "what is fetched is told when the leader asks");
  const [told] = sent(core.event({ type: "snapshotFetching", index: 0 })) as InstallSnapshotReply[];
  assert.equal([told?.type, told?.to, told?.success, told?.lastIncludedIndex], ["installSnapshotReply", 2, false, 0]);
  assert.ok(core.receive(message("installSnapshot", { ...install, source: 2 } as InstallSnapshot)).some((effect) => effect.type === "fetchSnapshot" && effect.from === 2));
});

test("snapshotFetching(0) without a leader tells nobody", () => {
  const core = new Single({ log: LOG, term: 2, commitIndex: 4 });
  assert.equal(core.event({ type: "snapshotFetching", index: 0 }), []);
});

test("a follower that falls behind again is not sent to the source of the last time", () => {
  const core = new Single({ log: LOG, term: 2, commitIndex: 6, configuration: membersOf(["voter", "voter", "voter"]) });
  core.event({ type: "applied", index: 6, wakeAtMs: null });
  core.lead([2]);
  core.event({ type: "snapshotStored", point: { index: 4, term: LOG[3]!.term, chain: LOG[3]!.chain }, timeMs: 0 });
  const lag = (rejectedIndex: number): number => {
    const told = sent(core.receive(message("appendReply", {
      from: 3, term: 3, success: false, rejectedIndex, conflictTerm: 0, conflictIndex: 1, pointIndex: 0, pointTerm: 0, pointChain: 1,
    })));
    return (told.find(({ type }) => type === "installSnapshot") as { source?: number } | undefined)?.source ?? 0;
  };
  core.event({ type: "checked", index: 6, digest: 1, unjudgedSinceMs: null });
  core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1, snapshotIndex: 5, checkIndex: 6, checkDigest: 1 }));
  assert.is(lag(6), 2);
  core.receive(message("installSnapshotReply", { from: 3, term: 3, success: true, lastIncludedIndex: 5 }));
  assert.is(core.state.progress.get(3)?.state, "replicate");
  // Its log stands still for so long that the leader's goes on without it, beyond what the source of the last time has.
  core.nowMs += 20 * core.state.config.electionMaxMs;
  const { lastChain } = core.state.trail;
  core.receive(message("heartbeatReply", { from: 2, term: 3, round: 1, snapshotIndex: 5, durableIndex: 7, durableTerm: 3, durableChain: lastChain }));
  core.event({ type: "applied", index: 7, wakeAtMs: null });
  core.event({ type: "snapshotStored", point: { index: 7, term: 3, chain: lastChain }, timeMs: 0 });
  assert.is(lag(7), 1);
});

test.run();
