/** What this node measured of writes, for their answers: by the flights of its groups. */
import { DraftError } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";
import type { WriteTiming } from "../net/write_timing.ts";
import type { Answer } from "../node/node_api.ts";
import type { EntryTimes } from "../node/write_flights.ts";

/** When the entry at `index` of `group` came where it is; null if nobody here remembers. */
export type TimesOf = (group: string, index: number) => EntryTimes | null;

/** The timing of an entry that is answered at `nowMs`. */
export function timingOf({ proposedMs, durableMs, committedMs, appliedMs }: EntryTimes, nowMs: number): WriteTiming {
  return { fsyncMs: Number.isNaN(durableMs) ? null : durableMs - proposedMs, replicateMs: committedMs - proposedMs, applyMs: appliedMs - committedMs, sinceMs: nowMs - proposedMs };
}

/** What answers are timed by. */
export interface TimingPorts {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly timesOf: TimesOf;
}

/** An answer to a write to `group`, with what it took. */
export function timedAnswer({ clock, timesOf }: TimingPorts, group: string, result: Answer | DraftError): Answer | DraftError {
  if (result instanceof DraftError) return result;
  const times = timesOf(group, result.index);
  return times === null ? result : { ...result, timing: timingOf(times, clock.monotonicMs()) };
}
