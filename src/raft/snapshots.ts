/**
 * Snapshots (dissertation 5): what leaves the log once one is durable; and how a follower takes one in place of entries
 * that are gone from the leader's log. The content never passes the core: the follower fetches it, from whichever member
 * has one and least to do, and the core hears of it when it is a file there.
 */
import { assert } from "../base/assert.ts";
import { noteHeard, noteMatched } from "./acks.ts";
import { commitTo } from "./commit.ts";
import { compactionPoint, compactTrail, resetTrail } from "./compaction.ts";
import type { Now } from "./event.ts";
import { noteLeader } from "./follower.ts";
import { dropConfigurationsBefore, resetConfigurations } from "./membership.ts";
import type { InstallSnapshot, InstallSnapshotReply } from "./message.ts";
import { ackStatus, send, sendStored } from "./output.ts";
import type { Progress } from "./progress.ts";
import { noteApplied } from "./reads.ts";
import { becomeFollower } from "./roles.ts";
import { drop, type RaftState } from "./state.ts";
import { chainAt, termAt } from "./trail.ts";
import type { Configuration, Index, LogPoint, LogStart } from "./types.ts";

/**
 * The log is kept for a follower that fetches a snapshot until it was silent for so many election timeouts, or gave up on
 * so many sources: one whose own disk is full must not fill ours. Then, while it catches up with what was written in the
 * meantime, until its log stood still for so long.
 */
const PINNED_TIMEOUTS = 10;
const PINNED_TRIES = 8;

/** A snapshot of this node's machine is durable: what it holds may leave the log. */
export function snapshotStored(state: RaftState, { point, timeMs }: { point: LogPoint; timeMs: number }, now: Now): void {
  assert(point.index <= state.applyRequested, "a snapshot holds what was applied", point.index, state.applyRequested);
  if (point.index <= state.snapshotIndex) return drop(state, "late-snapshot");
  state.snapshotIndex = point.index;
  const { trail } = state;
  const limit = Math.min(point.index, pinnedIndex(state, now));
  // On a full disk followers that lag cost more than they are worth.
  const start = compactionPoint(trail, point, limit, state.diskFull ? 0 : state.config.retainBytes);
  if (start !== null) leave(state, start, timeMs);
}

/** What is lost cannot be kept for anybody: whoever needs it gets the snapshot. */
export function entriesLost(state: RaftState, { point, timeMs }: { point: LogPoint; timeMs: number }): void {
  assert(point.index <= state.snapshotIndex, "a snapshot holds what was lost", point.index, state.snapshotIndex);
  if (point.index <= state.trail.base.index) return drop(state, "late-snapshot");
  leave(state, point, timeMs);
}

/** All through `point` leaves the log. */
function leave(state: RaftState, point: LogPoint, timeMs: number): void {
  compactTrail(state.trail, point);
  dropConfigurationsBefore(state, point.index);
  const configuration = state.configurations[0] as Configuration;
  state.effects.push({ type: "compact", start: { point, configuration, timeMs } });
}

/** Leaders: the lowest index behind which a follower will need the log once it has its snapshot, or since it had one. */
function pinnedIndex(state: RaftState, now: Now): Index {
  let lowest = Number.POSITIVE_INFINITY;
  for (const progress of state.progress.values()) lowest = Math.min(lowest, pinnedFor(state, progress, now));
  return lowest;
}

function pinnedFor(state: RaftState, progress: Progress, now: Now): Index {
  const oldestMs = now.nowMs - PINNED_TIMEOUTS * state.config.electionMaxMs;
  if (progress.state === "snapshot") {
    const isAlive = progress.lastHeardMs >= oldestMs && progress.snapshotTries <= PINNED_TRIES;
    return isAlive ? progress.pinnedIndex : Number.POSITIVE_INFINITY;
  }
  return progress.pinRoundIndex > 0 && progress.raisedMs >= oldestMs ? progress.matchIndex : Number.POSITIVE_INFINITY;
}

/** Leaders: how far the follower is with its snapshot. */
export function leaderInstallSnapshotReply(state: RaftState, message: InstallSnapshotReply, now: Now): void {
  const progress = noteHeard(state, message, now);
  if (progress === null) return;
  const { success, lastIncludedIndex: index } = message;
  if (success) {
    const chain = message.durableIndex === index ? message.durableChain : null;
    noteMatched(state, progress, { matchIndex: index, chain }, now);
    return;
  }
  if (progress.state !== "snapshot") return;
  if (index > 0) {
    // It has what it fetched before, and the log went on: nobody is given up who gets on.
    if (index > progress.pinnedIndex && message.durableIndex >= progress.pinnedIndex) progress.snapshotTries = 1;
    progress.pinnedIndex = Math.max(progress.pinnedIndex, index);
  } else progress.snapshotSource = 0; // It has given up on that source; the next reminder names another.
}

/** Followers: the leader's log does not reach back to ours. */
export function followerInstallSnapshot(state: RaftState, message: InstallSnapshot, now: Now): void {
  noteLeader(state, { heardQuorum: false }, now);
  const { lastIncludedIndex: index } = message;
  const covered = coveredIndex(state, message);
  if (covered > 0) return reply(state, message, { success: true, index: covered }, now);
  if (state.config.witness) return takeStart(state, message, now);
  if (state.fetchingIndex === 0) {
    state.fetchingIndex = index;
    const { lastIncludedTerm: term, lastIncludedChain: chain } = message;
    state.effects.push({ type: "fetchSnapshot", from: message.source, point: { index, term, chain } });
  }
  reply(state, message, { success: false, index: state.fetchingIndex }, now);
}

/** Up to where this node's log needs no snapshot: durable here, and equal to the leader's; 0 if it does need one. */
function coveredIndex(state: RaftState, { lastIncludedIndex, lastIncludedTerm, lastIncludedChain }: InstallSnapshot): Index {
  const { trail, commitIndex, durableIndex } = state;
  const committed = Math.min(commitIndex, durableIndex);
  if (committed >= lastIncludedIndex) return committed;
  const isEqual = termAt(trail, lastIncludedIndex) === lastIncludedTerm && chainAt(trail, lastIncludedIndex) === lastIncludedChain;
  return isEqual && durableIndex >= lastIncludedIndex ? lastIncludedIndex : 0;
}

/** What is being fetched is of `index`; or it came to nothing, and the leader is told, so that it names another source. */
export function snapshotFetching(state: RaftState, index: Index, now: Now): void {
  state.fetchingIndex = index;
  const from = state.leaderId;
  if (index === 0 && from !== 0 && state.role === "follower") reply(state, { from, round: 0 }, { success: false, index: 0 }, now);
}

function reply(state: RaftState, { from, round }: Pick<InstallSnapshot, "from" | "round">, { success, index }: { success: boolean; index: Index }, now: Now): void {
  send(state, from, { type: "installSnapshotReply", success, lastIncludedIndex: index, round, ...ackStatus(state, now) });
}

/**
 * A snapshot of another member is a durable file here. Where our log holds its point, the log is right and only the
 * commit index is news (dissertation 5: "retain log entries following it"); else the log begins anew behind it.
 */
export function snapshotFetched(state: RaftState, { point, configuration, timeMs }: LogStart, now: Now): void {
  const { trail } = state;
  state.fetchingIndex = 0;
  if (point.index <= state.commitIndex) return drop(state, "late-snapshot");
  const isHeld = termAt(trail, point.index) === point.term && (chainAt(trail, point.index) ?? point.chain) === point.chain;
  if (isHeld) {
    state.matchedIndex = Math.max(state.matchedIndex, point.index);
    return commitTo(state, point.index);
  }
  // Its source may have gone on into a term that this node has not heard of.
  if (point.term > state.term) becomeFollower(state, point.term, 0, now);
  // It leads by late votes a term that is over, and will hear of it: what it was to fetch then is none of its term's.
  if (state.role === "leader") return drop(state, "snapshot-of-another-leader");
  beginBehind(state, { point, configuration, timeMs });
}

/** Witnesses: the log begins where the leader's does. What is there is believed as the leader's appends are. */
function takeStart(state: RaftState, { start, from, round }: InstallSnapshot, now: Now): void {
  if (start === null) return drop(state, "snapshot-for-a-witness");
  const { index, term, chain } = start.point;
  // Held and not covered: it is not durable yet, and the leader says it again.
  if (termAt(state.trail, index) === term && chainAt(state.trail, index) === chain) return;
  beginBehind(state, start);
  state.lastApplied = index;
  sendStored(state, from, { type: "installSnapshotReply", success: true, lastIncludedIndex: index, round, ...ackStatus(state, now) });
}

/** The log begins anew behind the point, all of which is committed. */
function beginBehind(state: RaftState, { point, configuration, timeMs }: LogStart): void {
  const { trail } = state;
  // What stands at its point and behind is another leader's: it was never committed.
  if (trail.lastIndex >= point.index) state.step.truncateFrom = point.index;
  state.step.reset = { point, configuration, timeMs };
  resetTrail(trail, point, timeMs);
  state.commitIndex = point.index;
  state.matchedIndex = point.index;
  state.applyRequested = point.index;
  state.snapshotIndex = point.index;
  // Nothing of the new log is durable before this step's store is: what the disk holds until then may be another one.
  state.durableIndex = 0;
  for (const pending of state.pendingStores) pending.lastIndex = 0;
  resetConfigurations(state, configuration);
}

/** The machine holds what the snapshot held. */
export function restored(state: RaftState, index: Index, wakeAtMs: number | null, now: Now): void {
  // A newer snapshot may have come meanwhile: then this one's state is passed over.
  if (index < state.lastApplied) return drop(state, "late-restore");
  noteApplied(state, index, wakeAtMs, now);
}
