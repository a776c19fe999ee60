/**
 * What a leader sends: entries of its own, appends within each follower's window, heartbeats.
 */
import { chainAfter } from "../base/entry.ts";
import type { Now } from "./event.ts";
import { witnessEnd } from "./in_step.ts";
import { beginRound } from "./lease.ts";
import { heardQuorum } from "./liveness.ts";
import { logTimeMs } from "./log_time.ts";
import { adoptConfiguration } from "./membership.ts";
import { send } from "./output.ts";
import { mayAppend, noteSent, type Progress } from "./progress.ts";
import { beginSnapshot } from "./snapshot_sender.ts";
import type { RaftState } from "./state.ts";
import { appendToTrail, bytesBetween, chainAt, endOfRunBefore, lastWithin, pointAtOrBelow, termAt } from "./trail.ts";
import type { Index, LogEntry, LogPoint, Term } from "./types.ts";

/** An entry without payload, made by the core itself. */
export function emptyEntry(kind: number): LogEntry {
  return {
    kind, group: 0, index: 0, term: 0, timeMs: 0, chain: 0, payloadBytes: 0, payloadSum: 0, configuration: null,
  };
}

/** Stamps `entries` and appends them to the leader's own log; they are sent and stored at the end of the step. */
export function appendAsLeader(state: RaftState, entries: readonly LogEntry[], now: Now): void {
  const { trail, config, step } = state;
  const timeMs = logTimeMs(state, now);
  for (const entry of entries) {
    entry.group = config.group;
    entry.index = trail.lastIndex + 1;
    entry.term = state.term;
    entry.timeMs = timeMs;
    entry.chain = chainAfter(trail.lastChain, entry);
    appendToTrail(trail, entry);
    step.entries.push(entry);
    if (entry.configuration !== null) {
      entry.configuration = { ...entry.configuration, index: entry.index };
      adoptConfiguration(state, entry.configuration);
    }
  }
}

/** Sends every follower what its window has room for. */
export function sendAppends(state: RaftState, now: Now): void {
  for (const progress of state.progress.values()) sendAppendsTo(state, progress, now);
}

function sendAppendsTo(state: RaftState, progress: Progress, now: Now): void {
  const end = endFor(state, progress, now);
  while (progress.nextIndex <= end && mayAppend(progress, state.config)) {
    // Where the chain is no longer known, the next message waits for the answer that tells it.
    if (progress.inflight.length > 0 && chainBefore(state, progress) === null) return;
    if (!sendAppend(state, progress, now)) return;
  }
}

/** The last entry that the follower may be sent. */
function endFor(state: RaftState, progress: Progress, now: Now): Index {
  return progress.witness ? witnessEnd(state, now) : state.trail.lastIndex;
}

/** The chain before the next entry to send; null if neither this node nor the follower's last answer knows it. */
function chainBefore(state: RaftState, progress: Progress): number | null {
  const index = progress.nextIndex - 1;
  return chainAt(state.trail, index) ?? (index === progress.matchIndex ? progress.matchChain : null);
}

/** Sends one append, with entries or, to a follower that is probed and has all, without. False if it cannot be made. */
export function sendAppend(state: RaftState, progress: Progress, now: Now): boolean {
  const { trail } = state;
  const previous = previousPoint(state, progress);
  if (previous === null) {
    beginSnapshot(state, progress, now);
    return false;
  }
  const from = previous.index + 1;
  const end = endFor(state, progress, now);
  const lastIndex = from > end ? previous.index : lastToSend(state, { from, nextIndex: progress.nextIndex, end });
  send(state, progress.member, {
    type: "appendRequest",
    prevLogIndex: previous.index,
    prevLogTerm: previous.term,
    prevLogChain: previous.chain,
    lastIndex,
    entries: [],
    leaderCommit: state.commitIndex,
    round: state.round,
    heardQuorum: heardQuorum(state, now),
  });
  const bytes = lastIndex < from ? 0 : bytesBetween(trail, from, lastIndex);
  noteSent(progress, { prevIndex: previous.index, lastIndex, bytes, sentMs: now.nowMs });
  return true;
}

/**
 * Where a message that starts at `from` ends: at `end` at the latest, and within its limits; where chains are not known one by one, at the end of a
 * run if it reaches one, so that the next message can follow at once; and never before `nextIndex`, so that one that
 * had to start at a lower point brings something new.
 */
function lastToSend(state: RaftState, { from, nextIndex, end }: { readonly from: Index; readonly nextIndex: Index; readonly end: Index }): Index {
  const { trail, config } = state;
  let last = Math.min(end, lastWithin(trail, from, { entriesMax: config.appendEntriesMax, bytesMax: config.appendBytesMax }));
  if (chainAt(trail, last) === null) {
    const known = endOfRunBefore(trail, last).index;
    if (known >= from) last = known;
  }
  return Math.max(last, Math.min(nextIndex, end));
}

/** Where an append may start: before `nextIndex`, or the nearest point below whose chain is known; null if compacted away. */
function previousPoint(state: RaftState, progress: Progress): LogPoint | null {
  const { trail } = state;
  const index = progress.nextIndex - 1;
  if (index < trail.base.index) return null;
  const chain = chainBefore(state, progress);
  return chain === null ? pointAtOrBelow(trail, index) : { index, term: termAt(trail, index) as Term, chain };
}

/** Sends a heartbeat of a new round to every other member. */
export function broadcastHeartbeat(state: RaftState, now: Now): void {
  beginRound(state, now);
  const heard = heardQuorum(state, now);
  for (const progress of state.progress.values()) {
    // Never beyond what is known to match: the rest of the follower's log may be another leader's.
    const leaderCommit = Math.min(state.commitIndex, progress.matchIndex);
    send(state, progress.member, { type: "heartbeat", leaderCommit, round: state.round, heardQuorum: heard });
  }
}
