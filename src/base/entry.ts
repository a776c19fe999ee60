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
 *     52    1  u8   bare           0; 1: a bare entry, whose payload does not follow
 *     53    3       zero
 *     56       payload, then zeros up to a multiple of 8
 * ```
 *
 * A *bare* entry is what a witness keeps: the head as it was sealed, but for `bare` and the headerSum that covers it. What
 * the payload was is still said by its length and sum, and by the chain. Configurations are never bare, for a witness has
 * to know who is a member; nor is what has no payload.
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
  restore: 9,
} as const;

/** One of the numbers of {@link EntryKind}; an unknown one travels as it is. */
export type EntryKindNumber = number;

/** Length of the sealed header in bytes. */
export const ENTRY_HEADER_BYTES = 56;

const KIND_AT = 12;
const BARE_AT = 52;

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

/** Whether the payload of the verified entry at `at` does not follow. */
export function isBare(view: DataView, at: number): boolean {
  return view.getUint8(at + BARE_AT) !== 0;
}

/** Whether one of the verified entries in `run` is bare. */
export function hasBare(run: Uint8Array): boolean {
  const view = viewOf(run);
  for (let at = 0; at < run.length; at = endOf(view, at)) if (isBare(view, at)) return true;
  return false;
}

/** Whether a witness keeps the payload of the verified entry at `at`, or there is none. */
export function isKeptWhole(view: DataView, at: number): boolean {
  return view.getUint8(at + KIND_AT) === EntryKind.config || view.getUint32(at + 8, true) === 0;
}

/** The verified entries of `runs` as a witness keeps them: bare but for those that it keeps whole. A copy. */
export function bareRun(runs: readonly Uint8Array[]): Uint8Array {
  const bare = new Uint8Array(runs.reduce((sum, run) => sum + bareBytes(run), 0));
  let to = 0;
  for (const run of runs) {
    const view = viewOf(run);
    for (let at = 0; at < run.length; at = endOf(view, at)) {
      const isWhole = isKeptWhole(view, at);
      const end = isWhole ? endOf(view, at) : at + ENTRY_HEADER_BYTES;
      bare.set(run.subarray(at, end), to);
      if (!isWhole) makeBare(bare, to);
      to += end - at;
    }
  }
  return bare;
}

function bareBytes(run: Uint8Array): number {
  const view = viewOf(run);
  let bytes = 0;
  for (let at = 0; at < run.length; at = endOf(view, at)) bytes += isKeptWhole(view, at) ? endOf(view, at) - at : ENTRY_HEADER_BYTES;
  return bytes;
}

function makeBare(bytes: Uint8Array, at: number): void {
  bytes[at + BARE_AT] = 1;
  viewOf(bytes).setUint32(at, crc32(bytes, at + 4, at + ENTRY_HEADER_BYTES, 0), true);
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
  return numbersHold && !(isBare(view, at) && isKeptWhole(view, at)) ? into : null;
}

/** Fills `into` from a header that was verified when it came here. */
export function readFields(view: DataView, at: number, into: EntryHead): void {
  into.kind = view.getUint8(at + KIND_AT);
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
  return at + (isBare(view, at) ? ENTRY_HEADER_BYTES : sealedBytes(view.getUint32(at + 8, true)));
}

/**
 * Whether the payload behind the verified header at `at` is whole and fits its sum; the padding must be zeros. Of a bare
 * entry nothing follows that could be wrong.
 */
export function payloadHolds(bytes: Uint8Array, view: DataView, at: number, head: EntryHead): boolean {
  if (isBare(view, at)) return true;
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
    const end = endOf(view, at);
    if (end > run.length) return { entries, faultAt: at, fault: "short" };
    if (!payloadHolds(run, view, at, head)) return { entries, faultAt: at, fault: "payload" };
    entries.push(head);
    at = end;
  }
  return { entries, faultAt: -1, fault: null };
}
