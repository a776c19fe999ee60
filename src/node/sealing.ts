/**
 * Gives the entries of a store their bytes, in the room that the WAL reserved. The core hands back the very objects that
 * were put in; their bytes, which it never sees, lie in the same order elsewhere.
 */
import { assert } from "../base/assert.ts";
import { viewOf } from "../base/bytes.ts";
import { endOf, ENTRY_HEADER_BYTES, sealedBytes, writeHeader } from "../base/entry.ts";
import type { ReceivedAppend } from "../net/message_codec.ts";
import { ownPayload } from "../raft/own_entry.ts";
import type { LogEntry } from "../raft/types.ts";
import type { Proposals } from "./proposals.ts";

/** The bytes of `entries`, consecutive ones of those that a leader sealed and sent: a view. */
export function receivedBytes(entries: readonly LogEntry[], { entries: all, run }: ReceivedAppend): Uint8Array {
  const first = all.indexOf(entries[0] as LogEntry);
  assert(first >= 0 && first + entries.length <= all.length, "what is stored was received", entries[0]?.index, entries.length, all.length);
  const view = viewOf(run);
  let from = 0;
  for (let i = 0; i < first; i++) from = endOf(view, from);
  let end = from;
  for (let i = 0; i < entries.length; i++) end = endOf(view, end);
  assert(end <= run.length, "the bytes of all that is stored were received", end, run.length);
  return run.subarray(from, end);
}

/**
 * Seals this leader's own entries: those gathered from clients, whose payloads lie ready in one piece, and before or
 * behind them entries of the core's own, which have no payload or bring it along.
 */
export function sealOwn(run: Uint8Array, entries: readonly LogEntry[], gathered: Proposals): void {
  const view = viewOf(run);
  const first = gathered.list[0];
  let at = 0;
  for (const entry of entries) {
    const end = at + sealedBytes(entry.payloadBytes);
    const payload = ownPayload(entry);
    if (entry === first) gathered.copyTo(run.subarray(at), clientBytes(entries));
    else if (payload !== null) place(run, at + ENTRY_HEADER_BYTES, end, payload);
    writeHeader(run, view, at, entry);
    at = end;
  }
}

function place(run: Uint8Array, at: number, end: number, payload: Uint8Array): void {
  run.set(payload, at);
  // The room may hold what was written there before.
  run.fill(0, at + payload.length, end);
}

function clientBytes(entries: readonly LogEntry[]): number {
  let bytes = 0;
  for (const entry of entries) if (entry.payloadBytes > 0 && ownPayload(entry) === null) bytes += sealedBytes(entry.payloadBytes);
  return bytes;
}
