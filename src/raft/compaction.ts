/** How the log that the core knows comes to begin later: behind a point that it holds, or behind one that replaces it. */
import { assert } from "../base/assert.ts";
import { bytesAfter, bytesBetween, lastOfRun, type Run, termAt, type Trail } from "./trail.ts";
import type { Index, LogPoint } from "./types.ts";

/**
 * Where the log may begin instead, so that `retainBytes` of it stay: the last point at or before `limit` whose chain is
 * known. Null if there is none behind the base.
 *
 * @param snapshot the point of a durable snapshot, at or behind which nothing leaves the log
 */
export function compactionPoint(trail: Trail, snapshot: LogPoint, limit: Index, retainBytes: number): LogPoint | null {
  if (snapshot.index <= limit && bytesAfter(trail, snapshot.index) >= retainBytes) return snapshot;
  for (let at = trail.runs.length - 1; at >= 0; at--) {
    const index = lastOfRun(trail, at);
    if (index > Math.min(limit, snapshot.index) || bytesAfter(trail, index) < retainBytes) continue;
    const { term, chain } = trail.runs[at] as Run;
    return { index, term, chain };
  }
  return null;
}

/** Lets the log begin behind `base`, which it holds. */
export function compactTrail(trail: Trail, base: LogPoint): void {
  assert(base.index > trail.base.index && base.index <= trail.lastIndex, "a log is cut within", base.index, trail.lastIndex);
  assert(termAt(trail, base.index) === base.term, "the log holds its new base", base.index, base.term);
  const bytes = bytesBetween(trail, trail.base.index + 1, base.index);
  let gone = 0;
  while (gone < trail.runs.length && lastOfRun(trail, gone) <= base.index) gone += 1;
  trail.runs.splice(0, gone);
  for (const run of trail.runs) run.bytesBefore -= bytes;
  const first = trail.runs[0];
  if (first !== undefined && first.first <= base.index) trail.runs[0] = { ...first, first: base.index + 1, bytesBefore: 0 };
  trail.recentFirst = Math.max(trail.recentFirst, base.index + 1);
  const mask = trail.ends.length - 1;
  for (let index = trail.recentFirst; index <= trail.lastIndex; index++) {
    trail.ends[index & mask] = (trail.ends[index & mask] as number) - bytes;
  }
  trail.lastBytes = base.index === trail.lastIndex ? 0 : trail.lastBytes - bytes;
  trail.keepFrom = Math.max(trail.keepFrom, base.index);
  trail.base = base;
}

/** Empties the log: it begins anew behind `base`. */
export function resetTrail(trail: Trail, base: LogPoint, timeMs: number): void {
  trail.base = base;
  trail.runs.length = 0;
  trail.lastIndex = base.index;
  trail.lastTerm = base.term;
  trail.lastChain = base.chain;
  trail.lastBytes = 0;
  trail.timeMs = Math.max(trail.timeMs, timeMs);
  trail.keepFrom = base.index;
  trail.recentFirst = base.index + 1;
}
