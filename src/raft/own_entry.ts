/**
 * Entries that the core makes by itself. Of clients' entries it knows the heads alone; its own bring along what they
 * say, so that whoever stores them finds it.
 */
import { payloadSumOf } from "../base/entry.ts";
import type { EntryKindNumber } from "../base/entry.ts";
import type { Configuration, LogEntry } from "./types.ts";

/** An entry of the core's own that says something. */
export interface OwnEntry extends LogEntry {
  readonly payload: Uint8Array;
}

/**
 * An entry of the core's own, not stamped yet.
 *
 * @param payload its to keep
 */
export function ownEntry(kind: EntryKindNumber, payload: Uint8Array, configuration: Configuration | null): OwnEntry {
  return {
    kind, group: 0, index: 0, term: 0, timeMs: 0, chain: 0, configuration,
    payloadBytes: payload.length, payloadSum: payloadSumOf(payload), payload,
  };
}

/** What an entry brings along; null for a client's, and for one of the core's own that says nothing. */
export function ownPayload(entry: LogEntry): Uint8Array | null {
  return (entry as Partial<OwnEntry>).payload ?? null;
}
