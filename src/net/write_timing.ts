/** What a leader measured of a write, told to another node that passed it on and wants to know: the last field of its reply. */
import { tuple, whole } from "./client_fields.ts";

/** Durations in milliseconds. */
export interface WriteTiming {
  /** From when the entry had its index until it was on the leader's disk; null: it is not yet. */
  readonly fsyncMs: number | null;
  /** From there until a majority had it, side by side with `fsyncMs`. */
  readonly replicateMs: number;
  /** From when it was committed until the machine was given it. */
  readonly applyMs: number;
  /** From when it had its index until it was answered. */
  readonly sinceMs: number;
}

const MICROS_A_MS = 1000;

/** The timing as a field of a reply: microseconds, the disk's one higher, 0 if there is none. */
export function encodeTiming({ fsyncMs, replicateMs, applyMs, sinceMs }: WriteTiming): readonly number[] {
  return [fsyncMs === null ? 0 : micros(fsyncMs) + 1, micros(replicateMs), micros(applyMs), micros(sinceMs)];
}

/** Reads the field; null if it is not there. @throws DraftError BAD_REQUEST */
export function timingFrom(value: unknown): WriteTiming | null {
  if (value === undefined || value === null) return null;
  const [fsync, replicate, apply, since] = tuple(value, "timing").map((each) => whole(each, "timing")) as [number, number, number, number];
  return { fsyncMs: fsync === 0 ? null : (fsync - 1) / MICROS_A_MS, replicateMs: replicate / MICROS_A_MS, applyMs: apply / MICROS_A_MS, sinceMs: since / MICROS_A_MS };
}

function micros(ms: number): number {
  return Math.max(0, Math.round(ms * MICROS_A_MS));
}
