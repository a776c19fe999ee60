/**
 * A follower's appends (dissertation 3.5): find where the logs agree, cut what conflicts, take what is new, and
 * acknowledge once it is durable.
 */
import { chainAfter } from "../base/entry.ts";
import { commitTo } from "./commit.ts";
import type { Now } from "./event.ts";
import { askHowFar } from "./edited.ts";
import { adoptConfiguration, rollBackConfigurations } from "./membership.ts";
import type { AppendRequest, Heartbeat } from "./message.ts";
import { ackStatus, send, sendStored } from "./output.ts";
import { failLostReads } from "./reads.ts";
import { drawElectionTimeout, drop, type RaftState } from "./state.ts";
import {
  appendToTrail, chainAt, endOfRunBefore, firstOfTerm, pointAtOrBelow, termAt, truncateTrail,
} from "./trail.ts";
import type { Index, LogEntry, LogPoint, Term } from "./types.ts";

/** The leader of our term was heard. Only one that itself hears a quorum keeps others from being voted for. */
export function noteLeader(state: RaftState, message: { readonly heardQuorum: boolean }, now: Now): void {
  if (message.heardQuorum) {
    state.leaderHeardMs = now.nowMs;
    state.heardFrom = state.leaderId;
  }
  state.electionDeadlineMs = now.nowMs + drawElectionTimeout(state);
  failLostReads(state, now);
}

export function followerHeartbeat(state: RaftState, message: Heartbeat, now: Now): void {
  noteLeader(state, message, now);
  askHowFar(state);
  // Never beyond what was proved to match this leader's log.
  commitTo(state, Math.min(message.leaderCommit, state.matchedIndex));
  send(state, message.from, { type: "heartbeatReply", round: message.round, snapshotIndex: state.snapshotIndex, ...ackStatus(state, now) });
}

export function followerAppendRequest(state: RaftState, message: AppendRequest, now: Now): void {
  noteLeader(state, message, now);
  const { trail } = state;
  if (!isWellFormed(state, message)) return drop(state, "malformed-append");
  if (message.prevLogIndex < trail.base.index) return appendOverBase(state, message, now);
  if (message.prevLogIndex > trail.lastIndex) return reject(state, message, pointAtOrBelow(trail, trail.lastIndex), now);
  if (termAt(trail, message.prevLogIndex) !== message.prevLogTerm) {
    return reject(state, message, endOfRunBefore(trail, message.prevLogIndex), now);
  }
  const chain = chainAt(trail, message.prevLogIndex);
  if (chain === null) return reject(state, message, pointAtOrBelow(trail, message.prevLogIndex), now);
  if (chain !== message.prevLogChain) {
    // The same index and term with another content: an entry that no leader of this cluster sealed.
    if (message.prevLogIndex <= state.commitIndex) return diverged(state, message.prevLogIndex, chain, message.prevLogChain);
    return reject(state, message, endOfRunBefore(trail, message.prevLogIndex), now);
  }
  takeEntries(state, { entries: message.entries, matched: message.prevLogIndex, chainBefore: message.prevLogChain }, message, now);
}

/** What lies below the base is committed and gone here: the entry at the base itself is compared instead. */
function appendOverBase(state: RaftState, message: AppendRequest, now: Now): void {
  const { base } = state.trail;
  if (message.lastIndex < base.index) return reply(state, message, message.lastIndex, now);
  const at = base.index - message.prevLogIndex - 1;
  const atBase = message.entries[at] as LogEntry;
  if (atBase.term !== base.term || atBase.chain !== base.chain) return diverged(state, base.index, base.chain, atBase.chain);
  const entries = message.entries.slice(at + 1);
  takeEntries(state, { entries, matched: base.index, chainBefore: base.chain }, message, now);
}

/** Whether the entries follow one another, in index, term and chain, as a leader's do. */
function isWellFormed(state: RaftState, message: AppendRequest): boolean {
  let { prevLogIndex: index, prevLogTerm: term, prevLogChain: chain } = message;
  for (const entry of message.entries) {
    const follows = entry.index === index + 1 && entry.term >= term && entry.group === state.config.group;
    if (!follows || chainAfter(chain, entry) !== entry.chain) return false;
    ({ index, term, chain } = entry);
  }
  return index === message.lastIndex && term <= message.term;
}

interface Incoming {
  readonly entries: readonly LogEntry[];
  /** The last position that is known to be equal. */
  readonly matched: Index;
  /** The leader's chain there. */
  readonly chainBefore: number;
}

function takeEntries(state: RaftState, incoming: Incoming, message: AppendRequest, now: Now): void {
  const { trail } = state;
  let { matched } = incoming;
  let at = 0;
  for (; at < incoming.entries.length; at++) {
    const entry = incoming.entries[at] as LogEntry;
    if (entry.index > trail.lastIndex) break;
    const chain = chainAt(trail, entry.index);
    if (termAt(trail, entry.index) !== entry.term || (chain !== null && chain !== entry.chain)) {
      if (entry.index <= state.commitIndex) return diverged(state, entry.index, chain ?? 0, entry.chain);
      // Where our chains are not known, the logs may have parted before: what is neither proved nor committed goes.
      const from = Math.max(matched, state.commitIndex) + 1;
      at -= entry.index - from;
      truncate(state, from, at === 0 ? incoming.chainBefore : (incoming.entries[at - 1] as LogEntry).chain);
      break;
    }
    // Without our own chain here nothing is proved yet: a later known point proves all before it.
    if (chain !== null) matched = entry.index;
  }
  for (; at < incoming.entries.length; at++) {
    matched = append(state, incoming.entries[at] as LogEntry);
  }
  if (matched > state.matchedIndex) state.matchedIndex = matched;
  commitTo(state, Math.min(message.leaderCommit, state.matchedIndex));
  reply(state, message, matched, now);
}

function append(state: RaftState, entry: LogEntry): Index {
  appendToTrail(state.trail, entry);
  state.step.entries.push(entry);
  if (entry.configuration !== null) adoptConfiguration(state, entry.configuration);
  return entry.index;
}

/** Cuts `from` and all after it: another leader's entries, never committed ones (dissertation 3.5). */
function truncate(state: RaftState, from: Index, chainBefore: number): void {
  truncateTrail(state.trail, from, chainBefore);
  rollBackConfigurations(state, from);
  state.step.truncateFrom = from;
  if (state.matchedIndex >= from) state.matchedIndex = from - 1;
  if (state.durableIndex >= from) state.durableIndex = from - 1;
  for (const pending of state.pendingStores) pending.lastIndex = Math.min(pending.lastIndex, from - 1);
}

/**
 * Acknowledges `matched`, once that is durable. A message that brought nothing new is answered at once with what is:
 * the rest is promised by the store that holds it, and a disk that stands still gathers no further stores.
 */
function reply(state: RaftState, message: AppendRequest, matched: Index, now: Now): void {
  const bringsNew = state.step.entries.length > 0;
  const matchIndex = bringsNew ? matched : Math.min(matched, state.durableIndex);
  const pointChain = chainAt(state.trail, matchIndex);
  const body = {
    type: "appendReply", success: true, matchIndex,
    rejectedIndex: 0, conflictTerm: 0, conflictIndex: 0,
    pointIndex: pointChain === null ? 0 : matchIndex,
    pointTerm: pointChain === null ? 0 : (termAt(state.trail, matchIndex) as Term),
    pointChain: pointChain ?? 0,
    round: message.round, ...ackStatus(state, now),
  } as const;
  if (bringsNew) sendStored(state, message.from, body);
  else send(state, message.from, body);
}

/** Refuses, with where the leader may look next: the conflicting term and its first index, and a point known here. */
function reject(state: RaftState, message: AppendRequest, point: LogPoint, now: Now): void {
  const { trail } = state;
  const at = Math.min(message.prevLogIndex, trail.lastIndex);
  send(state, message.from, {
    type: "appendReply", success: false, matchIndex: 0,
    rejectedIndex: message.prevLogIndex,
    conflictTerm: termAt(trail, at) as Term,
    conflictIndex: Math.max(firstOfTerm(trail, at), 1),
    pointIndex: point.index, pointTerm: point.term, pointChain: point.chain,
    round: message.round, ...ackStatus(state, now),
  });
}

function diverged(state: RaftState, index: Index, ownChain: number, leaderChain: number): void {
  state.effects.push({ type: "diverged", index, ownChain, leaderChain });
}
