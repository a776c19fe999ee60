/**
 * The sealed entry: what a leader signs off once and every node stores, sends and verifies unchanged.
 *
 * ```text
 * offset size type  field          little-endian; format 1
 *      0    4  u32  headerSum      CRC-32 of bytes 4..56
 *      4    4  u32  payloadSum     CRC-32 of the payload
 *      8    4  u32  payloadBytes   length of the payload, without its padding
 *     12    1  u8   kind           see EntryKind
 *     13    3       zero
 *     16    8  u64  group
 *     24    8  u64  index
 *     32    8  u64  term
 *     40    8  u64  timeMs         log time, Unix ms
 *     48    4  u32  chain          CRC-32 of bytes 4..48, continued from the chain of the entry before
 *     52    4       zero
 *     56       payload, then zeros up to a multiple of 8
 * ```
 *
 * The chain sums up the whole log so far, so two logs that agree on (index, term, chain) agree on all before; (index,
 * term) alone would let an entry that was edited on one node's disk pass for the real one. CRC is linear: once two
 * logs differ in one entry their chains differ at every later one, until another difference hides it by chance (2^-32).
 */
import { align8, crc32, getU64, setU64, viewOf } from "./bytes.ts";

/** What an entry is for. A replica that meets a kind it does not know stops: skipping it would fork the state. */
export const EntryKind = {
  command: 1,
  config: 2,
  noop: 3,
  time: 4,
  session: 5,
  version: 6,
  verdict: 7,
  group: 8,
} as const;

/** One of the numbers of {@link EntryKind}; an unknown one travels as it is. */
export type EntryKindNumber = number;

/** Length of the sealed header in bytes. */
export const ENTRY_HEADER_BYTES = 56;

/** What the header says. `index`, `term`, `timeMs` and `chain` are 0 until a leader stamps the entry. */
export interface EntryHead {
  kind: EntryKindNumber;
  group: number;
  index: number;
  term: number;
  timeMs: number;
  chain: number;
  payloadBytes: number;
  payloadSum: number;
}

/** Bytes of a sealed entry: header, payload and padding. */
export function sealedBytes(payloadBytes: number): number {
  return ENTRY_HEADER_BYTES + align8(payloadBytes);
}

/** The sum that seals a payload. */
export function payloadSumOf(payload: Uint8Array): number {
  return crc32(payload, 0, payload.length, 0);
}

const scratch = new Uint8Array(ENTRY_HEADER_BYTES);
const scratchView = viewOf(scratch);

/** The chain at `head`, given the chain of the entry before. */
export function chainAfter(previousChain: number, head: EntryHead): number {
  writeFields(scratchView, 0, head);
  return crc32(scratch, 4, 48, previousChain);
}

/** The chain before the first entry of a group: the sum of what it was founded with, so that two clusters agree nowhere. */
export function chainOfGenesis(genesis: Uint8Array): number {
  return crc32(genesis, 0, genesis.length, 0);
}

/** Writes the header of a stamped entry at `at`, with its sums. The payload is the caller's to place behind it. */
export function writeHeader(bytes: Uint8Array, view: DataView, at: number, head: EntryHead): void {
  writeFields(view, at, head);
  view.setUint32(at + 48, head.chain, true);
  view.setUint32(at + 52, 0, true);
  view.setUint32(at, crc32(bytes, at + 4, at + ENTRY_HEADER_BYTES, 0), true);
}

function writeFields(view: DataView, at: number, head: EntryHead): void {
  view.setUint32(at + 4, head.payloadSum, true);
  view.setUint32(at + 8, head.payloadBytes, true);
  view.setUint32(at + 12, head.kind, true);
  setU64(view, at + 16, head.group);
  setU64(view, at + 24, head.index);
  setU64(view, at + 32, head.term);
  setU64(view, at + 40, head.timeMs);
}

/** Why a sealed entry cannot be believed. */
export type SealFault = "short" | "header" | "payload";

/** A head that says nothing yet. */
export function blankHead(): EntryHead {
  return { kind: 0, group: 0, index: 0, term: 0, timeMs: 0, chain: 0, payloadBytes: 0, payloadSum: 0 };
}

/**
 * Reads and verifies the header at `at`; null if there is no whole, valid one. Nothing of the header is believed, its
 * length field least of all, before the sum fits.
 *
 * @param into what is filled in and returned
 */
export function readHeader<E extends EntryHead = EntryHead>(bytes: Uint8Array, view: DataView, at: number, into: E = blankHead() as E): E | null {
  if (at + ENTRY_HEADER_BYTES > bytes.length) return null;
  if (view.getUint32(at, true) !== crc32(bytes, at + 4, at + ENTRY_HEADER_BYTES, 0)) return null;
  readFields(view, at, into);
  const numbersHold = into.group > 0 && into.index > 0 && into.term > 0 && into.timeMs >= 0;
  return numbersHold ? into : null;
}

/** Fills `into` from a header that was verified when it came here. */
export function readFields(view: DataView, at: number, into: EntryHead): void {
  into.kind = view.getUint8(at + 12);
  into.group = getU64(view, at + 16);
  into.index = getU64(view, at + 24);
  into.term = getU64(view, at + 32);
  into.timeMs = getU64(view, at + 40);
  into.chain = view.getUint32(at + 48, true);
  into.payloadBytes = view.getUint32(at + 8, true);
  into.payloadSum = view.getUint32(at + 4, true);
}

/** Offset behind the verified entry at `at`. */
export function endOf(view: DataView, at: number): number {
  return at + sealedBytes(view.getUint32(at + 8, true));
}

/** Whether the payload behind the header at `at` is whole and fits its sum; the padding must be zeros. */
export function payloadHolds(bytes: Uint8Array, at: number, head: EntryHead): boolean {
  const from = at + ENTRY_HEADER_BYTES;
  const end = from + head.payloadBytes;
  const paddedEnd = at + sealedBytes(head.payloadBytes);
  if (paddedEnd > bytes.length) return false;
  for (let i = end; i < paddedEnd; i++) if (bytes[i] !== 0) return false;
  return crc32(bytes, from, end, 0) === head.payloadSum;
}

/**
 * Reads a run of sealed entries that lie one behind the other and must fill `run` exactly. Each header and payload is
 * verified; that indexes are consecutive and the chain holds is the caller's check.
 *
 * @param blank makes what an entry is read into
 * @returns the entries, or at which offset what could not be believed
 */
export function readRun<E extends EntryHead>(
  run: Uint8Array,
  blank: () => E = blankHead as () => E,
): { readonly entries: E[]; readonly faultAt: number; readonly fault: SealFault | null } {
  const view = viewOf(run);
  const entries: E[] = [];
  let at = 0;
  while (at < run.length) {
    const head = readHeader(run, view, at, blank());
    if (head === null) return { entries, faultAt: at, fault: "header" };
    const end = at + sealedBytes(head.payloadBytes);
    if (end > run.length) return { entries, faultAt: at, fault: "short" };
    if (!payloadHolds(run, at, head)) return { entries, faultAt: at, fault: "payload" };
    entries.push(head);
    at = end;
  }
  return { entries, faultAt: -1, fault: null };
}
