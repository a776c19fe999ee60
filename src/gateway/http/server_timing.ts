/** `Server-Timing` of a write: what the leader measured of its entry, if it was this request that made it. */
import type { WriteTiming } from "../../net/write_timing.ts";

/** What is known of a write. */
export interface TimedWrite {
  /** From when its request came until now, in milliseconds. */
  readonly tookMs: number;
  /** Whether another node did it. */
  readonly isForwarded: boolean;
  /** Null if nobody remembers. */
  readonly timing: WriteTiming | null;
}

/**
 * The header's value, durations in milliseconds: `queue` until the entry had its index, of a write that another node did
 * with the way there and back; from there `fsync` until it was on the leader's disk and `replicate` until a majority had it,
 * the two side by side; then `apply` until the machine was given it. Null of a write that an earlier request did.
 */
export function serverTiming({ tookMs, isForwarded, timing }: TimedWrite): string | null {
  if (timing === null || timing.sinceMs > tookMs) return null;
  const { fsyncMs, replicateMs, applyMs, sinceMs } = timing;
  const queue = metric("queue", tookMs - sinceMs) + (isForwarded ? ';desc="with the way to the leader and back"' : "");
  // A majority of the others may have it before the leader's own disk does.
  return [queue, ...(fsyncMs === null ? [] : [metric("fsync", fsyncMs)]), metric("replicate", replicateMs), metric("apply", applyMs)].join(", ");
}

function metric(name: string, durationMs: number): string {
  return `${name};dur=${Math.round(Math.max(0, durationMs) * 1000) / 1000}`;
}
