/** Marks of verdicts: what they said, and whom they stopped. */
import { ENTRY_HEADER_BYTES, EntryKind, sealedBytes } from "../base/entry.ts";
import type { LogEntry } from "../raft/types.ts";
import { decodeVerdict, type Verdict } from "../raft/verdict_entry.ts";

/** What may come of comparing states. */
export const VERDICT_MARKS = [
  "verdict: a majority agrees", "verdict: nothing is known yet", "verdict: no majority, an alarm",
  "verdict stopped a follower", "verdict stopped a leader",
] as const;

/** One of them. */
export type VerdictMark = (typeof VERDICT_MARKS)[number];

const SAID: Readonly<Record<Verdict["outcome"], VerdictMark>> = {
  majority: "verdict: a majority agrees", none: "verdict: nothing is known yet", split: "verdict: no majority, an alarm",
};

/** Entries that a leader sealed, and their bytes. */
export function markVerdicts(entries: readonly LogEntry[], bytes: Uint8Array, note: (mark: VerdictMark) => void): void {
  let at = 0;
  for (const { kind, payloadBytes } of entries) {
    const from = at + ENTRY_HEADER_BYTES;
    at += sealedBytes(payloadBytes);
    if (kind === EntryKind.verdict) note(SAID[decodeVerdict(bytes.subarray(from, from + payloadBytes)).outcome]);
  }
}
