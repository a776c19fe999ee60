/** What this node measured of writes, for their answers: by the flights of its groups. */
import { DraftError } from "../base/errors.ts";
import type { WriteTiming } from "../net/write_timing.ts";
import type { Answer } from "../node/node_api.ts";
import type { EntryTimes } from "../node/write_flights.ts";

/** When the entry at `index` of `group` came where it is; null if nobody here remembers. */
export type TimesOf = (group: string, index: number) => EntryTimes | null;

/** The timing of an entry that is answered at `nowMs`. */
export function timingOf({ proposedMs, durableMs, committedMs, appliedMs }: EntryTimes, nowMs: number): WriteTiming {
  return { fsyncMs: Number.isNaN(durableMs) ? null : durableMs - proposedMs, replicateMs: committedMs - proposedMs, applyMs: appliedMs - committedMs, sinceMs: nowMs - proposedMs };
}

/** An answer to a write, with what it took. */
export function timedAnswer(result: Answer | DraftError, times: (index: number) => EntryTimes | null, nowMs: number): Answer | DraftError {
  if (result instanceof DraftError) return result;
  const known = times(result.index);
  return known === null ? result : { ...result, timing: timingOf(known, nowMs) };
}
