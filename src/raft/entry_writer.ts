/**
 * Packs entries (event_format.ts): their heads and, of a configuration, its number in a list.
 */
import { PACKED_NUMBER_BYTES_MAX, type PackedWriter } from "../base/packed.ts";
import { type Context, ENTRY_CONFIGURATION, ENTRY_KIND_MAX, ENTRY_SAME_TIME, ENTRY_UNUSUAL, whole } from "./event_format.ts";
import type { Configuration, LogEntry, RaftConfig } from "./types.ts";

/** Bytes of one entry, at most. */
const ENTRY_BYTES_MAX = 9 * PACKED_NUMBER_BYTES_MAX;

/** The same of an entry about which nothing is special; its payload has fewer bytes than this. */
const PLAIN_BYTES_MAX = 11;
const SHORT_BYTES = 0x40 * 0x80;

/** Where entries go: the writer of their event. */
export interface EntrySink {
  readonly packed: PackedWriter;
  readonly last: Context;
  readonly config: RaftConfig;
  addConfiguration(configuration: Configuration): void;
}

/** Entries that were received. */
export function writeEntries(sink: EntrySink, entries: readonly LogEntry[]): void {
  for (let at = writePlain(sink, entries, 0, true); at < entries.length; at = writePlain(sink, entries, at, true)) {
    writeEntry(sink, entries[at] as LogEntry);
    at += 1;
  }
}

/** Entries that nobody has stamped. */
export function writeProposals(sink: EntrySink, entries: readonly LogEntry[]): void {
  sink.packed.near(entries.length, 0);
  for (let at = writePlain(sink, entries, 0, false); at < entries.length; at = writePlain(sink, entries, at, false)) {
    writeProposal(sink, entries[at] as LogEntry);
    at += 1;
  }
}

/**
 * Packs entries from `from` on as long as there is nothing special about them, and tells where that ended: they come by
 * the thousand. Those that were received continue the last index, term and log time; proposals have none of these.
 */
function writePlain(sink: EntrySink, entries: readonly LogEntry[], from: number, received: boolean): number {
  const { packed } = sink;
  const last = sink.last;
  const { group } = sink.config;
  packed.reserve((entries.length - from) * PLAIN_BYTES_MAX);
  const { bytes, view } = packed;
  let { at } = packed;
  let { index } = last;
  let i = from;
  for (; i < entries.length; i++) {
    const entry = entries[i] as LogEntry;
    const { kind, payloadBytes } = entry;
    if (entry.configuration !== null || kind >= ENTRY_KIND_MAX || payloadBytes >= SHORT_BYTES) break;
    if (received) {
      if (entry.index !== index + 1 || entry.term !== last.term || entry.timeMs !== last.timeMs || entry.group !== group) break;
      index += 1;
    }
    bytes[at] = received ? kind * 8 + ENTRY_SAME_TIME : kind * 8;
    // As PackedWriter.near() writes it: 6 bits, "more follows", 7 bits.
    bytes[at + 1] = payloadBytes < 0x40 ? payloadBytes : 0x80 | (payloadBytes & 0x3f);
    if (payloadBytes >= 0x40) bytes[at++ + 2] = payloadBytes >> 6;
    view.setInt32(at + 2, entry.payloadSum | 0, true);
    at += 6;
    if (!received) continue;
    view.setInt32(at, entry.chain | 0, true);
    at += 4;
  }
  packed.at = at;
  last.index = index;
  return i;
}

function writeEntry(sink: EntrySink, entry: LogEntry): void {
  const { packed } = sink;
  const last = sink.last;
  const { index, term, timeMs } = entry;
  const isUsual = entry.group === sink.config.group && index === last.index + 1;
  const isSame = term === last.term && timeMs === last.timeMs;
  writeSized(sink, entry, (isUsual ? 0 : ENTRY_UNUSUAL) | (isSame ? ENTRY_SAME_TIME : 0));
  packed.u32(entry.chain);
  if (entry.kind >= ENTRY_KIND_MAX) packed.near(entry.kind, 0);
  if (isUsual) last.index = index;
  else {
    packed.near(entry.group, 0);
    packed.near(index, last.index);
    last.index = whole(index);
  }
  if (!isSame) {
    packed.near(term, last.term);
    last.term = whole(term);
    packed.near(timeMs, last.timeMs);
    last.timeMs = whole(timeMs);
  }
  if (entry.configuration !== null) sink.addConfiguration(entry.configuration);
}

function writeProposal(sink: EntrySink, entry: LogEntry): void {
  writeSized(sink, entry, 0);
  if (entry.kind >= ENTRY_KIND_MAX) sink.packed.near(entry.kind, 0);
  if (entry.configuration !== null) sink.addConfiguration(entry.configuration);
}

function writeSized(sink: EntrySink, { kind, payloadBytes, payloadSum, configuration }: LogEntry, flags: number): void {
  const { packed } = sink;
  packed.reserve(ENTRY_BYTES_MAX);
  packed.byte(Math.min(kind, ENTRY_KIND_MAX) * 8 + flags + (configuration === null ? 0 : ENTRY_CONFIGURATION));
  packed.near(payloadBytes, 0);
  packed.u32(payloadSum);
}
