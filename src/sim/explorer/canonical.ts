/**
 * What distinguishes two states, as text and as sums, under each renaming of the members: clusters that differ only by
 * which member is called what are one. Numbers of stores are told relative to the newest one.
 */
import type { StoreEffect } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import type { Progress } from "../../raft/progress.ts";
import type { LeaderReads, PendingRead } from "../../raft/state.ts";
import type { HardState, LogEntry, MemberNumber } from "../../raft/types.ts";
import type { Local } from "./local.ts";

/** A renaming: the new number of each member, at the index of its old one; nobody stays nobody. */
export type Renaming = readonly MemberNumber[];

/** All renamings of so many members; the first changes nothing. */
export function renamingsOf(members: number): Renaming[] {
  return permutations(Array.from({ length: members }, (_, i) => i + 1)).map((order) => [0, ...order]);
}

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((first) => permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}

/** All that decides what a member will do. */
export function localText(local: Local, as: Renaming): string {
  const { state } = local;
  const { lastStore } = state;
  return JSON.stringify([
    as[state.config.self], state.config.bootId, state.term, as[state.votedFor], state.role, as[state.leaderId],
    logText(local.log), state.commitIndex, state.matchedIndex, state.applyRequested, state.lastApplied,
    state.durableIndex, state.durableTerm, state.storedCommit, state.leaderHeardMs === 0, as[state.heardFrom],
    state.pendingStores.map((pending) => [lastStore - pending.store, pending.term, pending.lastIndex]),
    byMember([...state.votes].map(([member, vote]) => [as[member], vote])),
    state.ownVoteStore === 0 ? -1 : lastStore - state.ownVoteStore,
    byMember([...state.progress.values()].map((each) => progressFields(each, as))),
    state.round, state.ownTermIndex, state.timeEntryIndex, state.diskStalled, state.diskFull,
    state.transfer === null ? 0 : [as[state.transfer.to], state.transfer.term, state.transfer.sent],
    readsFields(state.reads, as), [...state.forwardedReads.keys()], [...local.reads],
    hardStateFields(local.durable.hardState, as), logText(local.durable.entries),
    local.stores.map((store) => storeFields(store, { as, lastStore })),
  ]);
}

/** All that a message says. */
export function messageText(message: Message, as: Renaming): string {
  return JSON.stringify(message, (key, value: unknown) => {
    if (key === "entries") return logText(value as readonly LogEntry[]);
    if (key === "from" || key === "to" || key === "forcedLeader") return as[value as number];
    if (key === "fromIncarnation") return undefined;
    return value;
  });
}

function byMember<T extends readonly unknown[]>(rows: T[]): T[] {
  return rows.sort((a, b) => Number(a[0]) - Number(b[0]));
}

/** Chains sum up all that lies before them, but two short logs may share one by chance: the terms and values stand beside. */
function logText(entries: readonly LogEntry[]): string {
  return entries.map((entry) => `${entry.index}@${entry.term}:${entry.kind}:${entry.payloadSum}:${entry.chain}`).join(" ");
}

function hardStateFields({ term, votedFor, commitIndex }: HardState, as: Renaming): unknown[] {
  return [term, as[votedFor], commitIndex];
}

function progressFields(each: Progress, as: Renaming): unknown[] {
  return [
    as[each.member], each.state, each.matchIndex, each.matchChain, each.provenIndex, each.nextIndex, each.probeSent, each.probeIndex,
    each.inflight.map((append) => [append.prevIndex, append.lastIndex]), each.lastHeardMs === 0, each.ackedRound, each.bootId,
  ];
}

function readsFields(reads: LeaderReads, as: Renaming): unknown[] {
  const fields = (each: PendingRead): unknown[] => [each.readId, as[each.from], each.bootId, each.index];
  return [reads.waiting.map(fields), reads.confirming.map(fields), reads.round, reads.confirmed.map(fields)];
}

function storeFields(store: StoreEffect, { as, lastStore }: { as: Renaming; lastStore: number }): unknown[] {
  return [
    lastStore - store.store, store.hardState === null ? 0 : hardStateFields(store.hardState, as), store.truncateFrom,
    logText(store.entries), store.messages.map((message) => messageText(message, as)).sort(),
  ];
}

/** Two 32-bit sums of a text, for sets of texts whose sums are added up. */
export function sumsOf(text: string): readonly [number, number] {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul((b << 5) ^ (b >>> 27) ^ unit, 0x85ebca6b);
  }
  return [mix(a ^ text.length), mix(b)];
}

/** Spreads every bit of a number over all bits (the finisher of MurmurHash3, Appleby). */
export function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
