/** `Server-Timing` of a write: what this node measured of its entry, if it was this request that made it. */
import type { EntryTimes } from "../../node/write_flights.ts";

/** What is known of a write. */
export interface WriteTiming {
  /** When its request came, and when the answer is made, by the monotonic clock. */
  readonly beganMs: number;
  readonly nowMs: number;
  /** Whether this node leads: another one measures its own entries. */
  readonly leads: boolean;
  /** Of its entry; null if nobody here remembers. */
  readonly times: EntryTimes | null;
}

/**
 * The header's value, durations in milliseconds: `queue` until the entry had its index, from there `fsync` until it was on
 * this node's disk and `replicate` until a majority had it, the two side by side, then `apply` until the machine was given
 * it. Of a write that another node did: `forward`, all that it took. Null of one that an earlier request did.
 */
export function serverTiming({ beganMs, nowMs, leads, times }: WriteTiming): string | null {
  if (times === null) return leads ? null : metric("forward", nowMs - beganMs);
  if (times.proposedMs < beganMs) return null;
  const { proposedMs, durableMs, committedMs, appliedMs } = times;
  // A majority of the others may have it before this node's own disk does.
  const fsync = Number.isNaN(durableMs) ? [] : [metric("fsync", durableMs - proposedMs)];
  return [metric("queue", proposedMs - beganMs), ...fsync, metric("replicate", committedMs - proposedMs), metric("apply", appliedMs - committedMs)].join(", ");
}

function metric(name: string, durationMs: number): string {
  return `${name};dur=${Math.round(Math.max(0, durationMs) * 1000) / 1000}`;
}
