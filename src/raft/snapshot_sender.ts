/**
 * What a leader says to a follower whose entries are gone from its log: which snapshot would do, and where to fetch it.
 */
import type { Now } from "./event.ts";
import { witnessEnd } from "./in_step.ts";
import { send } from "./output.ts";
import type { Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";
import { hasSameState } from "./tally.ts";
import type { Configuration, MemberNumber } from "./types.ts";

/** What the follower needs next is gone from the log; it is to fetch a snapshot. */
export function beginSnapshot(state: RaftState, progress: Progress, now: Now): void {
  progress.state = "snapshot";
  progress.inflight.length = 0;
  progress.inflightBytes = 0;
  progress.pinnedIndex = state.trail.base.index;
  progress.snapshotSource = 0;
  progress.snapshotTries = 0;
  sendInstall(state, progress, now);
}

/** Says again what a follower needs, since either message may be lost. */
export function remindOfSnapshot(state: RaftState, progress: Progress, now: Now): void {
  if (now.nowMs - progress.probeSentMs >= state.config.electionMinMs) sendInstall(state, progress, now);
}

function sendInstall(state: RaftState, progress: Progress, now: Now): void {
  const { base } = state.trail;
  if (progress.witness) return sendStart(state, progress, now);
  if (progress.snapshotSource === 0) {
    progress.snapshotTries += 1;
    progress.snapshotSource = sourceFor(state, progress, now);
  }
  progress.probeSentMs = now.nowMs;
  send(state, progress.member, {
    type: "installSnapshot",
    lastIncludedIndex: base.index, lastIncludedTerm: base.term, lastIncludedChain: base.chain,
    source: progress.snapshotSource, round: state.round, start: null,
  });
}

/** A witness needs no snapshot: it is told where the log begins, and who is a member there. Never ahead of the data. */
function sendStart(state: RaftState, progress: Progress, now: Now): void {
  const { base, timeMs } = state.trail;
  const isHeld = base.index <= witnessEnd(state, now);
  // What is held back is looked at again with the next answer.
  progress.probeSentMs = isHeld ? now.nowMs : Number.NEGATIVE_INFINITY;
  if (!isHeld) return;
  // The oldest configuration that is kept is the one in force at the base.
  const start = { point: base, configuration: state.configurations[0] as Configuration, timeMs };
  send(state, progress.member, {
    type: "installSnapshot",
    lastIncludedIndex: base.index, lastIncludedTerm: base.term, lastIncludedChain: base.chain, source: 0, round: state.round, start,
  });
}

/**
 * Who serves the snapshot: of the followers that have one that this log continues, the one that serves the fewest; so
 * that the leader has its disk and line for writes; and of these only one whose machine has come to the same as the
 * leader's since, for a state that differs must not spread. Each second try is the leader's own, which surely has one.
 */
function sourceFor(state: RaftState, progress: Progress, now: Now): MemberNumber {
  const { base } = state.trail;
  let best: MemberNumber = state.config.self;
  if (progress.snapshotTries % 2 === 0) return best;
  let fewest = Number.POSITIVE_INFINITY;
  for (const other of state.progress.values()) {
    const isThere = now.nowMs - other.lastHeardMs <= state.config.electionMinMs && other.state !== "snapshot";
    if (!isThere || other.witness || other.snapshotIndex < base.index || other.snapshotIndex === 0) continue;
    if (!hasSameState(state, other.member, other.snapshotIndex)) continue;
    const serves = servedBy(state, other.member);
    if (serves >= fewest) continue;
    fewest = serves;
    best = other.member;
  }
  return best;
}

function servedBy(state: RaftState, source: MemberNumber): number {
  let count = 0;
  for (const progress of state.progress.values()) {
    if (progress.state === "snapshot" && progress.snapshotSource === source) count += 1;
  }
  return count;
}
