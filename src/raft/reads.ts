/**
 * Linearizable reads by ReadIndex (dissertation 6.4): note the commit index, prove by a round of answers that this node
 * still led after the read came, answer once that index is applied. One round is out at a time; reads that come
 * meanwhile share the next one. For those that ask for no more a lease is proof enough, where there is one.
 */
import { EntryKind } from "../base/entry.ts";
import type { Now, Refusal } from "./event.ts";
import { logTimeMs } from "./log_time.ts";
import type { ReadIndexReply, ReadIndexRequest } from "./message.ts";
import { ofBoot, progressOf } from "./membership.ts";
import { send } from "./output.ts";
import { quorumValue } from "./quorum.ts";
import { holdsLease } from "./lease.ts";
import { appendAsLeader, broadcastHeartbeat, emptyEntry } from "./leader.ts";
import { commitTo } from "./commit.ts";
import { EDITED_READ, noteHowFar } from "./edited.ts";
import { drop, type PendingRead, type RaftState } from "./state.ts";
import type { Index } from "./types.ts";

const WAKE_BACKOFF_MIN_MS = 10;
const WAKE_BACKOFF_MAX_MS = 1000;

/** A read that was asked of the leader is given up after so many election timeouts. */
const FORWARDED_READ_TIMEOUTS = 4;

/** This node wants a read index: its own as leader, the leader's as follower. */
export function read(state: RaftState, { readId, lease }: { readonly readId: number; readonly lease: boolean }, now: Now): void {
  if (state.role === "leader") {
    const { self, incarnation, bootId } = state.config;
    register(state, { readId, from: self, fromIncarnation: incarnation, bootId, index: 0 }, lease && holdsLease(state, now));
  } else if (state.leaderId === 0 || state.forwardedReads.size >= state.config.pendingReadsMax) {
    const reason = state.leaderId === 0 ? "not-leader" : "busy";
    state.effects.push({ type: "failPending", readIds: [readId], reason });
  } else {
    state.forwardedReads.set(readId, now.nowMs);
    send(state, state.leaderId, { type: "readIndexRequest", readId, bootId: state.config.bootId, lease });
  }
}

/** Leaders: a follower wants a read index. */
export function leaderReadIndexRequest(state: RaftState, message: ReadIndexRequest, now: Now): void {
  const { readId, from, fromIncarnation, bootId, lease } = message;
  const progress = progressOf(state, from);
  // Before its index is noted: nothing that an earlier boot acknowledged may commit behind that.
  if (progress !== null && bootId > progress.bootId) ofBoot(state, progress, bootId);
  register(state, { readId, from, fromIncarnation, bootId, index: 0 }, lease && holdsLease(state, now));
}

/** Others cannot tell: the asker tries elsewhere. */
export function refuseReadIndexRequest(state: RaftState, message: ReadIndexRequest): void {
  send(state, message.from, { type: "readIndexReply", readId: message.readId, bootId: message.bootId, index: 0, leaderCommit: 0, timeMs: 0 });
}

/** @param confirmed nothing need be asked: this node leads at this moment, and nobody else */
function register(state: RaftState, pending: PendingRead, confirmed: boolean): void {
  const { reads } = state;
  const held = reads.waiting.length + reads.confirming.length + reads.confirmed.length;
  if (held >= state.config.pendingReadsMax) {
    if (pending.from === state.config.self) {
      state.effects.push({ type: "failPending", readIds: [pending.readId], reason: "busy" });
    } else {
      answer(state, pending, 0, 0);
    }
    return;
  }
  if (!confirmed) return void reads.waiting.push(pending);
  pending.index = state.commitIndex;
  reads.confirmed.push(pending);
}

/**
 * Sends a round for the reads that wait, unless one is out. Thesis 6.4: not before an entry of the leader's own term is
 * committed, for until then the commit index may lag behind what an earlier leader acknowledged.
 */
export function startReadRound(state: RaftState, now: Now): void {
  const { reads } = state;
  if (reads.waiting.length === 0 || reads.confirming.length > 0 || state.commitIndex < state.ownTermIndex) return;
  for (const pending of reads.waiting) pending.index = state.commitIndex;
  reads.confirming = reads.waiting;
  reads.waiting = [];
  broadcastHeartbeat(state, now);
  reads.round = state.round;
}

/** Moves reads on whose round a quorum has answered. Answers to earlier rounds prove nothing about them. */
export function confirmReads(state: RaftState): void {
  const { reads } = state;
  if (reads.confirming.length === 0) return;
  const acked = quorumValue(state.voters, (member) =>
    member === state.config.self ? Number.POSITIVE_INFINITY : (state.progress.get(member)?.ackedRound ?? 0));
  if (acked < reads.round) return;
  // A lease may have confirmed later ones at a later index meanwhile: it will do for these, too.
  const last = reads.confirmed.at(-1)?.index ?? 0;
  for (const pending of reads.confirming) pending.index = Math.max(pending.index, last);
  reads.confirmed.push(...reads.confirming);
  reads.confirming = [];
  reads.round = 0;
}

/**
 * Answers confirmed reads whose index this node has applied, with the log time of now: a read never sees what has
 * expired, wherever and on whatever newer state it is answered. If something in the machine is due by then, they wait
 * for one time entry; so whoever answers at that index has come as far in time.
 */
export function answerConfirmed(state: RaftState, now: Now): void {
  const { confirmed } = state.reads;
  // Indexes ascend along the queue.
  let ready = 0;
  while (ready < confirmed.length && (confirmed[ready] as PendingRead).index <= state.lastApplied) ready += 1;
  if (ready === 0) return;
  const timeMs = logTimeMs(state, now);
  const due = state.wakeAtMs !== null && state.wakeAtMs <= timeMs;
  if (due) {
    if (state.timeEntryIndex > state.lastApplied) return;
    appendTime(state, now);
  }
  for (const pending of confirmed.splice(0, ready)) answer(state, pending, due ? state.timeEntryIndex : pending.index, timeMs);
}

function answer(state: RaftState, pending: PendingRead, index: Index, timeMs: number): void {
  const { readId, from, bootId } = pending;
  if (from === state.config.self) state.effects.push({ type: "answerRead", readId, index, timeMs });
  else send(state, from, { type: "readIndexReply", readId, bootId, index, leaderCommit: index === 0 ? 0 : state.commitIndex, timeMs });
}

function appendTime(state: RaftState, now: Now): void {
  state.timeEntryIndex = state.trail.lastIndex + 1;
  appendAsLeader(state, [emptyEntry(EntryKind.time)], now);
}

/** Leaders: lets time pass for the machine when its moment has come, one time entry at a time. */
export function wakeMachine(state: RaftState, now: Now): void {
  const { wakeAtMs, timeEntryIndex, lastApplied, wakeNotBeforeMs } = state;
  if (wakeAtMs === null || timeEntryIndex > lastApplied || now.nowMs < wakeNotBeforeMs) return;
  if (wakeAtMs <= logTimeMs(state, now)) appendTime(state, now);
}

/**
 * The machine applied entries up to `index`. A moment that does not move although a time entry was among them is asked
 * for less and less often.
 */
export function noteApplied(state: RaftState, index: Index, wakeAtMs: number | null, now: Now): void {
  const timeApplied = state.lastApplied < state.timeEntryIndex && state.timeEntryIndex <= index;
  state.lastApplied = Math.max(state.lastApplied, index);
  if (wakeAtMs === null || wakeAtMs !== state.wakeAtMs) {
    state.wakeBackoffMs = 0;
    state.wakeNotBeforeMs = 0;
  } else if (timeApplied && wakeAtMs <= state.trail.timeMs) {
    state.wakeBackoffMs = Math.min(Math.max(state.wakeBackoffMs * 2, WAKE_BACKOFF_MIN_MS), WAKE_BACKOFF_MAX_MS);
    state.wakeNotBeforeMs = now.nowMs + state.wakeBackoffMs;
  }
  state.wakeAtMs = wakeAtMs;
}

/** When the machine's moment comes, by the monotonic clock; Infinity if it has none. */
export function wakeDeadlineMs(state: RaftState, now: Now): number {
  if (state.wakeAtMs === null || state.timeEntryIndex > state.lastApplied) return Number.POSITIVE_INFINITY;
  return Math.max(now.nowMs + (state.wakeAtMs - logTimeMs(state, now)), state.wakeNotBeforeMs);
}

/** Followers: the leader's answer. An index of 0 means that it could not tell. */
export function followerReadIndexReply(state: RaftState, message: ReadIndexReply): void {
  const { readId, index, timeMs } = message;
  if (message.bootId !== state.config.bootId) return drop(state, "late-read");
  if (readId === EDITED_READ) return noteHowFar(state, message);
  if (!state.forwardedReads.delete(readId)) return drop(state, "late-read");
  if (index === 0) {
    state.effects.push({ type: "failPending", readIds: [readId], reason: "not-leader" });
    return;
  }
  // What the leader has committed, as far as it is proved to match, may be applied without waiting for a heartbeat. Not
  // `index`: it may be that of a time entry, and stand behind writes that nobody has committed.
  commitTo(state, Math.min(message.leaderCommit, state.matchedIndex));
  state.effects.push({ type: "answerRead", readId, index, timeMs });
}

/**
 * Followers: fails the reads whose request or answer must be taken for lost, so that they do not fill the table. The
 * leader was heard meanwhile, or they would have failed with it.
 */
export function failLostReads(state: RaftState, now: Now): void {
  const { forwardedReads, config } = state;
  let readIds: number[] | null = null;
  for (const [readId, askedMs] of forwardedReads) {
    if (now.nowMs - askedMs < FORWARDED_READ_TIMEOUTS * config.electionMaxMs) break;
    forwardedReads.delete(readId);
    readIds ??= [];
    readIds.push(readId);
  }
  if (readIds !== null) state.effects.push({ type: "failPending", readIds, reason: "timed-out" });
}

/** Tells every read that waits here that it will not be answered, and forgets it. */
export function failReads(state: RaftState, reason: Refusal): void {
  const { reads, forwardedReads, config } = state;
  const readIds = [...forwardedReads.keys()];
  for (const pending of [...reads.waiting, ...reads.confirming, ...reads.confirmed]) {
    if (pending.from === config.self) readIds.push(pending.readId);
  }
  reads.waiting = [];
  reads.confirming = [];
  reads.confirmed = [];
  reads.round = 0;
  forwardedReads.clear();
  if (readIds.length > 0) state.effects.push({ type: "failPending", readIds, reason });
}
