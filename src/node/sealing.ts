/**
 * Gives the entries of a store their bytes, in the room that the WAL reserved. The core hands back the very objects that
 * were put in; here they get the sealed bytes that the core never sees.
 */
import { viewOf } from "../base/bytes.ts";
import { sealedBytes, type SealedEntry, writeHeader } from "../base/entry.ts";
import type { LogEntry } from "../raft/types.ts";
import type { Proposals } from "./proposals.ts";

/** An entry of the core together with its bytes. */
type SealedLogEntry = LogEntry & { sealed: Uint8Array };

/** Copies entries that a leader sent and sealed. */
export function copyReceived(run: Uint8Array, entries: readonly LogEntry[]): void {
  let at = 0;
  for (const { sealed } of entries as readonly SealedLogEntry[]) {
    run.set(sealed, at);
    at += sealed.length;
  }
}

/**
 * Seals this leader's own entries: those gathered from clients, whose payloads lie ready in one piece, and before or
 * behind them entries of the core's own, which have no payload.
 */
export function sealOwn(run: Uint8Array, entries: readonly LogEntry[], gathered: Proposals): void {
  const view = viewOf(run);
  const first = gathered.list[0]?.entry;
  let at = 0;
  for (const entry of entries) {
    if (entry === first) gathered.copyTo(run.subarray(at), clientBytes(entries));
    writeHeader(run, view, at, entry);
    at += sealedBytes(entry.payloadBytes);
  }
}

function clientBytes(entries: readonly LogEntry[]): number {
  let bytes = 0;
  for (const { payloadBytes } of entries) if (payloadBytes > 0) bytes += sealedBytes(payloadBytes);
  return bytes;
}

/** Lets each entry know its bytes, which lie in `run` one behind the other. */
export function attachBytes(run: Uint8Array, entries: readonly LogEntry[]): readonly SealedEntry[] {
  let at = 0;
  for (const entry of entries as readonly SealedLogEntry[]) {
    const end = at + sealedBytes(entry.payloadBytes);
    entry.sealed = run.subarray(at, end);
    at = end;
  }
  return entries as readonly SealedLogEntry[];
}
