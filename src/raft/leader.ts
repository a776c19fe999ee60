/**
 * What a leader sends: entries of its own, appends within each follower's window, heartbeats.
 */
import { chainAfter } from "../base/entry.ts";
import type { Now } from "./event.ts";
import { heardQuorum } from "./liveness.ts";
import { logTimeMs } from "./log_time.ts";
import { adoptConfiguration } from "./membership.ts";
import { send } from "./output.ts";
import { mayAppend, noteSent, type Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";
import { appendToTrail, bytesBetween, chainAt, lastWithin, pointAtOrBelow, termAt } from "./trail.ts";
import type { Index, LogEntry, Term } from "./types.ts";

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
  while (progress.nextIndex <= state.trail.lastIndex && mayAppend(progress, state.config)) {
    if (!sendAppend(state, progress, now)) return;
  }
}

/** Sends one append, with entries or, to a follower that is probed and has all, without. False if it cannot be made. */
export function sendAppend(state: RaftState, progress: Progress, now: Now): boolean {
  const { trail, config } = state;
  const previous = previousPoint(state, progress.nextIndex - 1);
  if (previous === null) {
    progress.state = "snapshot";
    state.effects.push({ type: "sendSnapshot", to: progress.member });
    return false;
  }
  const from = previous.index + 1;
  const limits = { entriesMax: config.appendEntriesMax, bytesMax: config.appendBytesMax };
  const lastIndex = from > trail.lastIndex ? previous.index : lastWithin(trail, from, limits);
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

/** Where an append may start: `index` itself, or the nearest point below whose chain is known; null if compacted away. */
function previousPoint(state: RaftState, index: Index): { index: Index; term: Term; chain: number } | null {
  const { trail } = state;
  if (index < trail.base.index) return null;
  const chain = chainAt(trail, index);
  return chain === null ? pointAtOrBelow(trail, index) : { index, term: termAt(trail, index) as Term, chain };
}

/** Sends a heartbeat of a new round to every other member. */
export function broadcastHeartbeat(state: RaftState, now: Now): void {
  state.round += 1;
  const heard = heardQuorum(state, now);
  for (const progress of state.progress.values()) {
    // Never beyond what is known to match: the rest of the follower's log may be another leader's.
    const leaderCommit = Math.min(state.commitIndex, progress.matchIndex);
    send(state, progress.member, { type: "heartbeat", leaderCommit, round: state.round, heardQuorum: heard });
  }
}
