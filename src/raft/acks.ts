/**
 * What a leader learns from answers: who is alive, how far each log matches, which round was heard.
 */
import type { Now } from "./event.ts";
import { sendAppend } from "./leader.ts";
import { notePromise } from "./lease.ts";
import { ofBoot, progressOf } from "./membership.ts";
import type { AckStatus, AppendReply, HeartbeatReply } from "./message.ts";
import { becomeProbe, becomeReplicate, beginPinRound, nextPinRound, noteMatch, type Progress } from "./progress.ts";
import { remindOfSnapshot } from "./snapshot_sender.ts";
import { drop, type RaftState } from "./state.ts";
import { chainAt, lastAtOrBelowTerm, termAt } from "./trail.ts";
import type { Index, MemberNumber } from "./types.ts";

/** Unanswered appends are sent again after at most so many of the shortest election timeouts. */
const REOPEN_TIMEOUTS_MAX = 16;

/** Leaders: a follower answers an append. */
export function leaderAppendReply(state: RaftState, message: AppendReply, now: Now): void {
  const progress = noteHeard(state, message, now);
  if (progress === null) return;
  if (message.success) {
    const { matchIndex, pointIndex, pointChain } = message;
    noteMatched(state, progress, { matchIndex, chain: pointIndex === matchIndex ? pointChain : null }, now);
    progress.provenIndex = Math.max(progress.provenIndex, Math.min(matchIndex, progress.matchIndex));
  } else noteRejected(state, progress, message);
  noteDurable(state, progress, message, now);
}

/** Leaders: a follower answers a heartbeat. Its own durable position recovers what lost answers would have said. */
export function leaderHeartbeatReply(state: RaftState, message: HeartbeatReply, now: Now): void {
  const progress = noteHeard(state, message, now);
  if (progress === null) return;
  progress.snapshotIndex = message.snapshotIndex;
  noteDurable(state, progress, message, now);
  if (progress.state === "snapshot") remindOfSnapshot(state, progress, now);
  else reopen(state, progress, now);
}

/** Notes a sign of life; null if it does not count. */
export function noteHeard(state: RaftState, message: AckStatus & { readonly from: MemberNumber; readonly round: number }, now: Now): Progress | null {
  let progress = progressOf(state, message.from);
  if (progress === null) {
    drop(state, "ack-of-no-member");
    return null;
  }
  if (message.bootId < progress.bootId) {
    drop(state, "ack-of-earlier-boot");
    return null;
  }
  progress = ofBoot(state, progress, message.bootId);
  progress.lastHeardMs = now.nowMs;
  progress.ackedRound = Math.max(progress.ackedRound, message.round);
  notePromise(state, progress, message.round, message.promiseMs);
  progress.wallMs = message.wallMs;
  progress.wallHeardMs = now.nowMs;
  // An ack that was late tells of an earlier point.
  if (message.checkIndex >= progress.checkIndex) {
    progress.checkIndex = message.checkIndex;
    progress.checkDigest = message.checkDigest;
  }
  return progress;
}

/** What a follower is known to hold of this leader's log. */
export interface Match {
  readonly matchIndex: Index;
  /** Null if the follower did not tell it. */
  readonly chain: number | null;
}

export function noteMatched(state: RaftState, progress: Progress, { matchIndex, chain }: Match, now: Now): void {
  if (matchIndex > state.trail.lastIndex) return drop(state, "match-behind-the-end");
  if (chain !== null && (chainAt(state.trail, matchIndex) ?? chain) !== chain) return drop(state, "match-of-another-log");
  const raised = noteMatch(progress, matchIndex, chain, now.nowMs);
  // A match below where the probe began: the follower has more than it has made durable. The stream waits for its disk.
  const found = !progress.probeSent || matchIndex >= progress.probeIndex;
  if (progress.state === "probe" && found && (raised || matchIndex === progress.matchIndex)) becomeReplicate(progress);
  else if (progress.state === "snapshot" && raised && matchIndex >= state.trail.base.index) {
    becomeReplicate(progress);
    beginPinRound(progress, state.trail.lastIndex);
  } else if (raised && progress.pinRoundIndex > 0 && matchIndex >= progress.pinRoundIndex) nextPinRound(progress, state.trail.lastIndex);
}

/** A follower's durable position that bears our term and chain proves that all before is equal and durable there. */
function noteDurable(state: RaftState, progress: Progress, ack: AckStatus, now: Now): void {
  if (ack.durableIndex <= progress.matchIndex) return;
  const equal = termAt(state.trail, ack.durableIndex) === ack.durableTerm &&
    chainAt(state.trail, ack.durableIndex) === ack.durableChain;
  if (equal) noteMatched(state, progress, { matchIndex: ack.durableIndex, chain: ack.durableChain }, now);
}

/** The logs do not agree at `rejectedIndex`: looks for where they do, a term at a time. */
function noteRejected(state: RaftState, progress: Progress, message: AppendReply): void {
  const { rejectedIndex } = message;
  const isLate = progress.state === "snapshot" || rejectedIndex <= progress.matchIndex ||
    (progress.state === "probe" && (!progress.probeSent || rejectedIndex !== progress.probeIndex));
  if (isLate) return drop(state, "late-refusal");
  becomeProbe(progress);
  progress.reopenAfterMs = 0;
  const highest = Math.min(rejectedIndex, state.trail.lastIndex + 1);
  progress.nextIndex = Math.min(Math.max(nextAfterRefusal(state, message), progress.matchIndex + 1), highest);
}

function nextAfterRefusal(state: RaftState, message: AppendReply): Index {
  const { trail } = state;
  const { pointIndex, pointTerm, pointChain, conflictTerm, conflictIndex, rejectedIndex } = message;
  const pointHolds = pointIndex < rejectedIndex && termAt(trail, pointIndex) === pointTerm &&
    (chainAt(trail, pointIndex) ?? pointChain) === pointChain;
  if (pointHolds) return pointIndex + 1;
  const below = Math.min(rejectedIndex - 1, pointIndex);
  const candidate = lastAtOrBelowTerm(trail, below, conflictTerm);
  if (termAt(trail, candidate) === conflictTerm) return candidate + 1;
  return Math.min(conflictIndex, candidate + 1);
}

/** After a heartbeat's answer: what was sent and never answered is taken for lost. */
function reopen(state: RaftState, progress: Progress, now: Now): void {
  if (progress.state === "replicate") {
    const oldest = progress.inflight[0];
    if (oldest === undefined && progress.provenIndex < progress.matchIndex) return void sendAppend(state, progress, now);
    if (oldest === undefined) return;
    const sinceMs = Math.max(oldest.sentMs, progress.raisedMs);
    if (!losesPatience(state, progress, { sinceMs, firstMs: state.config.electionMinMs }, now)) return;
    becomeProbe(progress);
  } else if (progress.state === "probe" && progress.probeSent) {
    const { probeSentMs: sinceMs } = progress;
    if (!losesPatience(state, progress, { sinceMs, firstMs: state.config.heartbeatMs }, now)) return;
  }
  if (progress.state !== "probe") return;
  progress.probeSent = false;
  if (progress.provenIndex < state.trail.lastIndex) sendAppend(state, progress, now);
}

/** Whether what was sent is to be sent again; if so, the next time takes twice as long. */
function losesPatience(state: RaftState, progress: Progress, { sinceMs, firstMs }: { sinceMs: number; firstMs: number }, now: Now): boolean {
  const waitMs = Math.max(progress.reopenAfterMs, firstMs);
  if (now.nowMs - sinceMs < waitMs) return false;
  progress.reopenAfterMs = Math.min(waitMs * 2, REOPEN_TIMEOUTS_MAX * state.config.electionMinMs);
  return true;
}
