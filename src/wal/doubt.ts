/**
 * A group behind damage, while the rest of its log is read. What was lost may have said anything of it, so its hard
 * state and its end are in doubt until a record says them again. An entry says where the log ended before it, and its
 * chain which entries those were: what does not fit it was cut by a record that was lost, and is not believed.
 */
import { chainAfter, type EntryHead } from "../base/entry.ts";
import type { Task } from "../base/task.ts";
import type { GroupId, Index, LogPoint } from "../raft/types.ts";
import type { AbsentEntries } from "./absent_entries.ts";
import type { GroupLoss } from "./damage.ts";
import type { GroupBase } from "./record.ts";
import type { WalGroup } from "./wal_group.ts";
import { learnLast, readHeadAt, type SegmentSource } from "./wal_read.ts";

/** A group, and what is not known of it yet. */
export interface GroupEnd {
  readonly log: WalGroup;
  /** Entries that the log counts and that were not read: a compact prefix or a relocation may say what became of them. */
  readonly absent: AbsentEntries;
  /** Use: the visitor was told that all up to here left the log, though it may not have. Invariant: 0 if it knows the truth. */
  assumed: Index;
  /** Use: nothing is told of the group until its second telling. Invariant: something happened at or before `assumed`, or was lost. */
  isQuiet: boolean;
  /** What may have been said in what was lost, and has not been said again since. */
  readonly doubt: { hardState: boolean; last: boolean; points: boolean };
}

/** Of a group all of which was read. */
export function certain(): GroupEnd["doubt"] {
  return { hardState: false, last: false, points: false };
}

/** Something was lost that may have told of the group. */
export function doubtAll(end: GroupEnd): void {
  Object.assign(end.doubt, { hardState: true, last: true, points: true });
  end.isQuiet = true;
  // A reader that comes from before must not go through what is damaged.
  end.log.index.cut();
}

/**
 * Lets the group end just before the entry `head`, behind which the log goes on.
 *
 * @returns whether it can: false if what is known committed is another one
 */
export function* endBefore(end: GroupEnd, head: EntryHead, source: SegmentSource): Task<boolean> {
  const { log } = end;
  const before = head.index - 1;
  if (before < log.prefix.index) return false;
  if (before > log.lastIndex) countAbsent(end, { index: before, term: 0, chain: 0 });
  else {
    const own = yield* pointIn(end, before, source);
    if (!cutBehind(end, before, own === null || (own.term <= head.term && chainAfter(own.chain, head) === head.chain))) return false;
  }
  end.doubt.last = false;
  return true;
}

/** Takes over what a base says of the group. @returns false if what is known committed is another one */
export function* adoptBase(end: GroupEnd, { prefix, context, snapshot, hardState, last }: GroupBase, source: SegmentSource): Task<boolean> {
  const { log, absent, doubt } = end;
  if (prefix.index > log.prefix.index) {
    log.compact(prefix, context);
    absent.fill(0, prefix.index);
  }
  if (last.index < log.prefix.index) return false;
  if (last.index > log.lastIndex) countAbsent(end, last);
  else {
    const own = yield* pointIn(end, last.index, source);
    if (!cutBehind(end, last.index, own === null || (own.term === last.term && own.chain === last.chain))) return false;
    log.endsWith(last);
  }
  log.snapshot = snapshot;
  log.hardState = hardState;
  Object.assign(doubt, { hardState: false, last: false, points: false });
  return true;
}

/** The log goes on up to `last`, and what lies before was not read. */
export function countAbsent({ log, absent }: GroupEnd, last: LogPoint): void {
  absent.add(log.lastIndex + 1, last.index);
  // What follows is not found from what stands before.
  log.index.cut();
  log.endsWith(last);
}

/** What there is of the group in the end; null if nothing was lost. */
export function* lossOf(end: GroupEnd, source: SegmentSource): Task<GroupLoss | null> {
  const { log, absent, doubt } = end;
  const counted = log.lastIndex;
  if (doubt.last) {
    // Nothing behind them says which they were.
    const from = absent.endingAt(log.lastIndex);
    if (from > 0) {
      log.truncate(from);
      absent.fill(from, Number.POSITIVE_INFINITY);
    }
    if (!log.knowsLast) yield* learnLast(source, log);
  }
  const what = { absent: absent.ranges, counted };
  if (doubt.hardState) return { verdict: "hard state", ...what };
  if (doubt.last) return { verdict: "end", ...what };
  return absent.isEmpty ? null : { verdict: "entries", ...what };
}

/** Term and chain of the group's entry at `index`; null if it is absent itself. */
function* pointIn({ log, absent }: GroupEnd, index: Index, source: SegmentSource): Task<Omit<LogPoint, "index"> | null> {
  if (index === log.prefix.index) return log.prefix;
  if (absent.has(index)) return null;
  if (index === log.lastIndex && log.knowsLast) return { term: log.lastTerm, chain: log.lastChain };
  return yield* readHeadAt(source, log, index);
}

/** Cuts what lies behind `index`; where that entry is not the log's, all that is not known committed is absent from now on. */
function cutBehind(end: GroupEnd, index: Index, fits: boolean): boolean {
  const { log, absent } = end;
  if (index < log.lastIndex) log.truncate(index + 1);
  absent.fill(index + 1, Number.POSITIVE_INFINITY);
  if (fits) return true;
  const known = Math.max(log.prefix.index, Math.min(log.hardState.commitIndex, index));
  if (known === index) return false;
  log.truncate(known + 1);
  absent.fill(known + 1, Number.POSITIVE_INFINITY);
  countAbsent(end, { index, term: 0, chain: 0 });
  return true;
}

/** The losses of all groups, by their ids. */
export function* lossesOf(ends: Iterable<GroupEnd>, source: SegmentSource): Task<Map<GroupId, GroupLoss>> {
  const losses = new Map<GroupId, GroupLoss>();
  for (const end of ends) {
    const loss = yield* lossOf(end, source);
    if (loss !== null) losses.set(end.log.group, loss);
  }
  return losses;
}
