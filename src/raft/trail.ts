/**
 * What the core knows of its log: not the entries, but runs of (first index, term, size, chain), and the chains and
 * sizes of the newest entries one by one. Runs are cut at each change of term and at each index divisible by 256, so
 * that any two nodes know the chain at the same old places and can find where their logs part.
 */
import { assert } from "../base/assert.ts";
import { type EntryHead, sealedBytes } from "../base/entry.ts";
import type { Index, LogPoint, Term } from "./types.ts";

/** Runs are cut at each index that this divides. */
export const RUN_ENTRIES_MAX = 256;

/** The newest entries whose chains are known one by one. */
export const RECENT_ENTRIES = 4096;

/** What is known one by one reaches back to the commit index, but never over more entries than this. */
const RING_ENTRIES_MAX = 1 << 20;

const RING_START = 64;

/** Consecutive entries of one term. */
export interface Run {
  readonly first: Index;
  readonly term: Term;
  /** Sealed bytes from the base to `first`. */
  bytesBefore: number;
  /** The chain at the run's last entry so far. */
  chain: number;
}

export interface Trail {
  /** Use: the log before was compacted away. Invariant: base.index ≤ lastIndex. Index 0 bears the genesis' sum. */
  base: LogPoint;
  /** Invariant: ascending; the first begins at base.index + 1; each is cut as the file's head says. */
  readonly runs: Run[];
  lastIndex: Index;
  lastTerm: Term;
  lastChain: number;
  /** Sealed bytes from the base to the last entry. */
  lastBytes: number;
  /** Use: log time continues from here. Invariant: no entry in the log bears a later one. */
  timeMs: number;
  /** Use: the commit index, from which on chains and sizes are kept one by one even where that is more than usual. */
  keepFrom: Index;
  /** First index whose chain and size the ring holds; lastIndex + 1 if none. */
  recentFirst: Index;
  chains: Uint32Array;
  /** Sealed bytes from the base through the entry. */
  ends: Float64Array;
}

/** An empty log behind `base`. */
export function createTrail(base: LogPoint, timeMs: number): Trail {
  return {
    base,
    runs: [],
    lastIndex: base.index,
    lastTerm: base.term,
    lastChain: base.chain,
    lastBytes: 0,
    timeMs,
    keepFrom: base.index,
    recentFirst: base.index + 1,
    chains: new Uint32Array(RING_START),
    ends: new Float64Array(RING_START),
  };
}

/** Takes the next entry. */
export function appendToTrail(trail: Trail, head: EntryHead): void {
  const { index, term, chain } = head;
  assert(index === trail.lastIndex + 1, "an entry follows the last one", index, trail.lastIndex);
  assert(term >= trail.lastTerm, "terms never fall along the log", term, trail.lastTerm);
  const run = trail.runs.at(-1);
  if (run === undefined || term !== trail.lastTerm || index % RUN_ENTRIES_MAX === 0) {
    trail.runs.push({ first: index, term, bytesBefore: trail.lastBytes, chain });
  } else {
    run.chain = chain;
  }
  trail.lastIndex = index;
  trail.lastTerm = term;
  trail.lastChain = chain;
  trail.lastBytes += sealedBytes(head.payloadBytes);
  if (head.timeMs > trail.timeMs) trail.timeMs = head.timeMs;
  remember(trail);
}

/** Puts the last entry into the ring, which grows to its full size by doubling, and beyond for uncommitted entries. */
function remember(trail: Trail): void {
  const index = trail.lastIndex;
  let capacity = trail.chains.length;
  if (index - trail.recentFirst >= capacity) {
    const wanted = capacity < RECENT_ENTRIES || trail.keepFrom <= index - capacity;
    if (wanted && capacity < RING_ENTRIES_MAX) {
      growRing(trail);
      capacity = trail.chains.length;
    } else {
      trail.recentFirst = index - capacity + 1;
    }
  }
  trail.chains[index & (capacity - 1)] = trail.lastChain;
  trail.ends[index & (capacity - 1)] = trail.lastBytes;
}

function growRing(trail: Trail): void {
  const before = trail.chains.length;
  const capacity = before * 2;
  const chains = new Uint32Array(capacity);
  const ends = new Float64Array(capacity);
  for (let index = trail.recentFirst; index < trail.lastIndex; index++) {
    chains[index & (capacity - 1)] = trail.chains[index & (before - 1)] as number;
    ends[index & (capacity - 1)] = trail.ends[index & (before - 1)] as number;
  }
  trail.chains = chains;
  trail.ends = ends;
}

/**
 * Removes `from` and all after it.
 *
 * @param chainBefore the chain at `from - 1` in the log that replaces ours, which stands in where ours is no longer known
 */
export function truncateTrail(trail: Trail, from: Index, chainBefore: number): void {
  assert(from > trail.base.index, "what was compacted is never truncated", from, trail.base.index);
  assert(from <= trail.lastIndex, "there is something to truncate", from, trail.lastIndex);
  const last = from - 1;
  const chain = chainAt(trail, last) ?? chainBefore;
  const bytes = estimatedBytesThrough(trail, last);
  const term = termAt(trail, last) as Term;
  while ((trail.runs.at(-1)?.first ?? 0) >= from) trail.runs.pop();
  const run = trail.runs.at(-1);
  if (run !== undefined) run.chain = chain;
  trail.lastIndex = last;
  trail.lastTerm = term;
  trail.lastChain = chain;
  trail.lastBytes = bytes;
  trail.recentFirst = Math.min(trail.recentFirst, from);
}

/** The term at `index`; null if it lies before the base or behind the end. */
export function termAt(trail: Trail, index: Index): Term | null {
  if (index === trail.base.index) return trail.base.term;
  if (index < trail.base.index || index > trail.lastIndex) return null;
  if (index === trail.lastIndex) return trail.lastTerm;
  return (trail.runs[runAt(trail, index)] as Run).term;
}

/** The chain at `index`; null if this node does not know it (any more). */
export function chainAt(trail: Trail, index: Index): number | null {
  if (index === trail.base.index) return trail.base.chain;
  if (index < trail.base.index || index > trail.lastIndex) return null;
  if (index >= trail.recentFirst) return trail.chains[index & (trail.chains.length - 1)] as number;
  const at = runAt(trail, index);
  return index === lastOfRun(trail, at) ? (trail.runs[at] as Run).chain : null;
}

/** The nearest point at or below `index` whose chain is known: the base at the least. */
export function pointAtOrBelow(trail: Trail, index: Index): LogPoint {
  const at = Math.min(Math.max(index, trail.base.index), trail.lastIndex);
  const chain = chainAt(trail, at);
  if (chain !== null) return { index: at, term: termAt(trail, at) as Term, chain };
  return endOfRunBefore(trail, at);
}

/** The end of the run before the one that holds `index`; the base if there is none. */
export function endOfRunBefore(trail: Trail, index: Index): LogPoint {
  if (index <= trail.base.index) return trail.base;
  const at = runAt(trail, Math.min(index, trail.lastIndex)) - 1;
  const run = trail.runs[at];
  if (run === undefined) return trail.base;
  return { index: lastOfRun(trail, at), term: run.term, chain: run.chain };
}

/** The first index of the term that `index` lies in, as far back as this node knows. */
export function firstOfTerm(trail: Trail, index: Index): Index {
  const term = termAt(trail, index);
  if (index <= trail.base.index) return index;
  let at = runAt(trail, index);
  while (at > 0 && (trail.runs[at - 1] as Run).term === term) at -= 1;
  return (trail.runs[at] as Run).first;
}

/** The greatest index at or below `index` whose term is at most `term`; the base's if there is none above it. */
export function lastAtOrBelowTerm(trail: Trail, index: Index, term: Term): Index {
  let at = Math.min(index, trail.lastIndex);
  while (at > trail.base.index && (termAt(trail, at) as Term) > term) {
    at = (trail.runs[runAt(trail, at)] as Run).first - 1;
  }
  return Math.max(at, trail.base.index);
}

/**
 * How far a message that starts at `from` may reach: within both limits, but one entry at least. Where sizes are no
 * longer known one by one, the run's average stands in; the sender splits what turns out too large.
 */
export function lastWithin(trail: Trail, from: Index, limits: { entriesMax: number; bytesMax: number }): Index {
  assert(from > trail.base.index && from <= trail.lastIndex, "a message starts within the log", from, trail.lastIndex);
  const furthest = Math.min(trail.lastIndex, from + limits.entriesMax - 1);
  const start = bytesThrough(trail, from - 1) ?? estimatedBytesThrough(trail, from - 1);
  const room = start + limits.bytesMax;
  if (estimatedBytesThrough(trail, furthest) <= room) return furthest;
  let low = from;
  let high = furthest;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (estimatedBytesThrough(trail, middle) <= room) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Sealed bytes of the entries `from`..`to`, estimated where their sizes are not known one by one. */
export function bytesBetween(trail: Trail, from: Index, to: Index): number {
  return estimatedBytesThrough(trail, to) - estimatedBytesThrough(trail, from - 1);
}

/** Sealed bytes behind `index`: exact from `keepFrom` on. */
export function bytesAfter(trail: Trail, index: Index): number {
  return trail.lastBytes - estimatedBytesThrough(trail, index);
}

function bytesThrough(trail: Trail, index: Index): number | null {
  if (index === trail.lastIndex) return trail.lastBytes;
  if (index === trail.base.index) return 0;
  if (index >= trail.recentFirst) return trail.ends[index & (trail.ends.length - 1)] as number;
  const next = trail.runs[runAt(trail, index) + 1];
  return next !== undefined && next.first === index + 1 ? next.bytesBefore : null;
}

function estimatedBytesThrough(trail: Trail, index: Index): number {
  const exact = bytesThrough(trail, index);
  if (exact !== null) return exact;
  const at = runAt(trail, index);
  const run = trail.runs[at] as Run;
  const last = lastOfRun(trail, at);
  const end = bytesThrough(trail, last) ?? trail.lastBytes;
  return run.bytesBefore + ((end - run.bytesBefore) * (index - run.first + 1)) / (last - run.first + 1);
}

/** Position in `runs` of the run that holds `index`. */
function runAt(trail: Trail, index: Index): number {
  let low = 0;
  let high = trail.runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((trail.runs[middle] as Run).first <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The last index of the run at this position in `runs`. */
export function lastOfRun(trail: Trail, at: number): Index {
  const next = trail.runs[at + 1];
  return next === undefined ? trail.lastIndex : next.first - 1;
}
