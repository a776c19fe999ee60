/**
 * Gets entries again that this node's log lost, from one member, whoever leads. They come from the last to the first: so
 * each piece is proved, as it comes, by the entry behind it, and nothing is stored that is not what was lost.
 */
import { bareRun, chainAfter, type EntryHead, hasBare, readRun } from "../base/entry.ts";
import { DraftError, type ErrorCode } from "../base/errors.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import type { Interview } from "../net/interview.ts";
import type { Peer } from "../net/link.ts";
import type { GroupId, Index, LogPoint } from "../raft/types.ts";
import { questionTuple, readEntriesHere } from "./snapshot_questions.ts";

/** What is no fault of this node: another member is asked. */
const FAULTS_OF_MEMBER: readonly ErrorCode[] = ["UNREACHABLE", "FORBIDDEN", "BAD_REQUEST"];

/** Entries that are asked for at a time, at most. */
const COUNT_MAX = 512;

/** What is missing, and what proves it. */
export interface Missing {
  from: Index;
  /** Falls as entries come. */
  to: Index;
  /** The entry behind `to`; or, where the log ends with `to`, what that one is known to be. */
  above: EntryHead | LogPoint;
  /** The entry before `from`, or the point where the log begins; null if what is missing needs not be told from what is there. */
  readonly below: LogPoint | null;
}

/**
 * How it ended: all is here again; the member never had it; it has no payloads; it has it in a snapshot only; what is here
 * below it is another log's.
 */
export type Fetched = "whole" | "lacking" | "positions" | "compacted" | "other below";

export interface EntryFetchParts {
  readonly group: GroupId;
  readonly witness: boolean;
  readonly dial: (peer: Peer, done: Done<Interview>) => void;
  /** Stores entries, durably; or keeps them, as views that last for the call. */
  readonly store: (first: Index, count: number, run: Uint8Array) => Task<void> | undefined;
  /** The line that is open, to be closed when the node ends; null when there is none any more. */
  readonly line: (interview: Interview | null) => void;
}

/**
 * Gets what is missing from the member, and keeps in `missing` what is left of it.
 *
 * @throws DraftError UNREACHABLE, FORBIDDEN, BAD_REQUEST: it could not be asked to the end
 */
export function* fetchEntries(parts: EntryFetchParts, peer: Peer, missing: Missing): Task<Fetched> {
  const interview = yield* wait<Interview>((done) => parts.dial(peer, done));
  parts.line(interview);
  try {
    return yield* fetchOver(parts, interview, missing);
  } finally {
    parts.line(null);
    interview.close();
  }
}

function* fetchOver({ group, witness, store }: EntryFetchParts, interview: Interview, missing: Missing): Task<Fetched> {
  let count = COUNT_MAX;
  let begin = 0;
  while (missing.to >= missing.from) {
    const { to } = missing;
    const from = Math.max(missing.from, to - count + 1, begin + 1);
    if (from > to) return "compacted";
    interview.ask(questionTuple({ type: "entries", group, from, to }));
    const here = readEntriesHere(yield* wait<readonly unknown[]>((done) => interview.next(done)));
    if (here.run.length === 0) {
      if (here.last < to) return "lacking";
      if (here.begin < from) throw new DraftError("BAD_REQUEST", `entries ${from} to ${to} are said to be there, and do not come`);
      begin = here.begin;
      continue;
    }
    const { entries, fault } = readRun(here.run);
    const [first] = entries;
    if (fault !== null || first === undefined || first.index !== from) throw new DraftError("BAD_REQUEST", `entries ${from} to ${to} do not fit their sums`);
    if (from + entries.length - 1 < to) {
      count = Math.max(1, Math.min(entries.length, count >> 1));
      continue;
    }
    if (!isProved(entries, group, missing)) return "lacking";
    if (hasBare(here.run) && !witness) return "positions";
    if (from === missing.from && missing.below !== null && chainAfter(missing.below.chain, first) !== first.chain) return "other below";
    const storing = store(from, entries.length, witness ? bareRun([here.run]) : here.run);
    if (storing !== undefined) yield* storing;
    missing.to = from - 1;
    missing.above = first;
  }
  return "whole";
}

/** Whether the member could not be asked to the end, and another one may be. */
export function isFaultOfMember({ code }: DraftError): boolean {
  return FAULTS_OF_MEMBER.includes(code);
}

/** Whether the entries are those that the one behind them was sealed on. */
function isProved(entries: readonly EntryHead[], group: GroupId, { to, above }: Missing): boolean {
  const last = entries.at(-1) as EntryHead;
  const isLast = "kind" in above ? chainAfter(last.chain, above) === above.chain : last.chain === above.chain && last.term === above.term;
  return isLast && last.index === to && entries.every((entry, at) => {
    const before = entries[at - 1];
    return entry.group === group && entry.index === to - entries.length + 1 + at && (before === undefined || chainAfter(before.chain, entry) === entry.chain);
  });
}
