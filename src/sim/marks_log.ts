/** Marks of replication, commits and stores. */
import type { AppendRequest } from "../raft/message.ts";
import { termAt } from "../raft/trail.ts";
import type { Step } from "./marks_step.ts";

/** What may happen to a log. */
export const LOG_MARKS = [
  "conflict truncated", "conflict truncated 10 entries or more", "truncated what was not durable yet", "truncated what was durable",
 
  "commit before the own fsync", "follower committed before its own fsync", "commit of several terms at once",
  "commit held back to what matched", "three terms in the uncommitted tail", "50 entries uncommitted",
  "append brought nothing new", "append overlapped what was there", "shorter append after a longer one",
  "append refused, the log is too short", "append refused, another term is there", "append without entries",
  "window full", "stream reopened after lost answers", "probe sent again", "stream began anew with the link",
  "follower restarted, its acks forgotten", "late refusal ignored",
  "follower 50 entries behind", "several stores pending", "entries of an old term were sent on by a new leader",
  "proposal refused, too much is uncommitted", "proposal refused in a transfer",
  "disk stands still", "disk is full", "disk has room again", "entries could not be read back",
] as const;

/** One of them. */
export type LogMark = (typeof LOG_MARKS)[number];

type Note = (mark: LogMark) => void;

/** Notes what this step was. */
export function markLog(step: Step, note: Note): void {
  const { state, event } = step;
  if (event.type === "diskStalled") note("disk stands still");
  else if (event.type === "diskFull") note(event.full ? "disk is full" : "disk has room again");
  else if (event.type === "readFailed") note("entries could not be read back");
  else if (event.type === "receive") {
    const { message } = event;
    if (message.type === "appendRequest") markAppend(step, message, note);
    else if (message.type === "heartbeat" && message.term === state.term && message.leaderCommit > Math.max(state.matchedIndex, state.commitIndex)) note("commit held back to what matched");
  }
  markStores(step, note);
  markCommit(step, note);
  if (state.role === "leader") markStreams(step, note);
}

function markAppend({ before, state, effects }: Step, message: AppendRequest, note: Note): void {
  if (message.term < before.term) return;
  for (const effect of effects) {
    const messages = effect.type === "send" ? [effect.message] : effect.type === "store" ? effect.messages : [];
    for (const reply of messages) {
      if (reply.type !== "appendReply" || reply.success) continue;
      const there = termAt(state.trail, message.prevLogIndex);
      if (message.prevLogIndex > before.lastIndex) note("append refused, the log is too short");
      else if (there !== null && there !== message.prevLogTerm) note("append refused, another term is there");
      return;
    }
  }
  const isCut = effects.some((effect) => effect.type === "store" && effect.truncateFrom > 0);
  if (message.entries.length === 0) note("append without entries");
  else if (state.trail.lastIndex === before.lastIndex && !isCut) note("append brought nothing new");
  else if (message.prevLogIndex < before.lastIndex && !isCut) note("append overlapped what was there");
  if (message.entries.length > 0 && message.lastIndex < before.lastIndex && !isCut) note("shorter append after a longer one");
}

function markStores({ before, state, effects }: Step, note: Note): void {
  for (const effect of effects) {
    if (effect.type === "rejected") {
      if (effect.reason === "busy") note("proposal refused, too much is uncommitted");
      else if (effect.reason === "transferring") note("proposal refused in a transfer");
    }
    if (effect.type !== "store" || effect.truncateFrom === 0) continue;
    note("conflict truncated");
    if (before.lastIndex - effect.truncateFrom >= 9) note("conflict truncated 10 entries or more");
    if (effect.truncateFrom <= before.durableIndex) note("truncated what was durable");
    if (before.durableIndex < before.lastIndex) note("truncated what was not durable yet");
  }
  if (state.pendingStores.length >= 4 && before.pendingStores < 4) note("several stores pending");
}

function markCommit({ before, state }: Step, note: Note): void {
  const { trail, commitIndex } = state;
  if (commitIndex > before.commitIndex) {
    if (commitIndex > state.durableIndex) note(state.role === "leader" ? "commit before the own fsync" : "follower committed before its own fsync");
    if (termAt(trail, before.commitIndex + 1) !== termAt(trail, commitIndex)) note("commit of several terms at once");
  }
  if (trail.lastIndex === before.lastIndex) return;
  if (trail.lastIndex - commitIndex >= 50) note("50 entries uncommitted");
  const runs = trail.runs;
  const third = runs[runs.length - 3];
  if (third !== undefined && third.first > commitIndex && third.term < trail.lastTerm) note("three terms in the uncommitted tail");
}

function markStreams({ before, state, event, effects }: Step, note: Note): void {
  const reply = event.type === "receive" ? event.message : null;
  for (const [number, progress] of state.progress) {
    const was = before.streams?.get(number);
    const isFull = progress.state === "replicate" && progress.inflight.length >= state.config.inflightAppendsMax;
    if (isFull && progress.nextIndex <= state.trail.lastIndex) note("window full");
    if (was === undefined) continue;
    if (was.bootId !== 0 && progress.bootId > was.bootId) note("follower restarted, its acks forgotten");
    if (was.state === "replicate" && progress.state === "probe") {
      if (reply?.type === "heartbeatReply" && reply.from === number && was.bootId === progress.bootId) note("stream reopened after lost answers");
      else if (event.type === "linkUp" || event.type === "linkDown") note("stream began anew with the link");
    }
    if (reply !== null && reply.from === number && "durableIndex" in reply && state.trail.lastIndex - reply.durableIndex >= 50) note("follower 50 entries behind");
  }
  for (const effect of effects) {
    if (effect.type !== "send" || effect.message.type !== "appendRequest") continue;
    if (reply?.type === "heartbeatReply" && before.streams?.get(effect.message.to)?.state === "probe") note("probe sent again");
    const term = termAt(state.trail, Math.min(effect.message.prevLogIndex + 1, state.trail.lastIndex));
    if (term !== null && term < state.term) note("entries of an old term were sent on by a new leader");
  }
  const refusals = state.dropped["late-refusal"] ?? 0;
  if (refusals > before.lateRefusals) note("late refusal ignored");
}
