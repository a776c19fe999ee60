/**
 * Records: what a segment consists of behind its header. A record is an envelope and a body, 8-byte aligned.
 *
 * ```text
 * envelope, format 1, little-endian
 * offset size type  field
 *      0    4  u32  sum          CRC-32 of bytes 4..56, continued from a seed made of the segment's salt and the
 *                                record's offset: a record at another place, or left from an earlier use of the
 *                                file, does not verify
 *      4    4  u32  length       of envelope and body, a multiple of 8; believed only after the sum
 *      8    8  u64  batch        number of the batch, counting up by one over the whole WAL
 *     16    8  u64  mark         highest batch known durable when this was written: batch - 1, since one batch is
 *                                written at a time; a reader of format 1 believes no other value
 *     24    8  u64  group
 *     32    8  u64  firstIndex   entries, relocated: index of the first; truncate: the first index that is removed;
 *                                compact prefix, snapshot mark: the point's index; first segment: its sequence; edit: as
 *                                that of what it does; else 0
 *     40    4  u32  count        entries, relocated, edit that appends: how many; else 0
 *     44    4  u32  batchAt      bytes of this batch before this record: tells where the batch began
 *     48    1  u8   type
 *     49    3       zero
 *     52    4  u32  bodySum      CRC-32 of the body; 0 for entries, which bear their own sums
 *
 * bodies by type
 *   1 entries        a run of `count` consecutive sealed entries (base/entry.ts), one behind the other
 *   2 hard state     u64 term, u64 votedFor, u64 commitIndex
 *   3 truncate       none: removes firstIndex and all after it that stands before this record
 *   4 group made     u32 genesis bytes, u32 zero, genesis, zeros up to a multiple of 8
 *   5 base           at the head of a segment, one per group, says again what holds there:
 *                    u64 term, u64 votedFor, u64 commitIndex,
 *                    u64 last index, u64 last term, u64 prefix index, u64 prefix term, u64 snapshot index, u64 snapshot term,
 *                    u32 last chain, u32 prefix chain, u32 snapshot chain, u32 genesis bytes, u32 context bytes, u32 zero,
 *                    genesis, prefix context, zeros up to a multiple of 8
 *   6 relocated      as entries: copies of what stands before this record, made so that its segment can go. It removes
 *                    nothing, and lies within what the group holds
 *   8 compact prefix u64 term, u32 chain, u32 context bytes, context, zeros up to a multiple of 8: the point firstIndex
 *                    and all before it left the log; if the log ends before the point, it begins anew
 *                    behind it, and a durable snapshot of the point is there, as behind a record of type 9
 *   9 snapshot mark  u64 term, u32 chain, u32 zero: a durable snapshot holds all up to the point firstIndex
 *  11 first segment  none, of group 0: the log begins with the segment firstIndex, what lies in earlier ones is dead
 *  13 edit           an offline edit, whole: edit_record.ts
 * ```
 *
 * Reserved, refused by this version: 7 headers only (a witness's run), 10 group removed, 12 damage class. An entries
 * record never truncates.
 */
import { assert } from "../base/assert.ts";
import { align8, crc32, getU64, setU64, viewOf } from "../base/bytes.ts";
import type { GroupId, HardState, Index, LogPoint } from "../raft/types.ts";

export const ENVELOPE_BYTES = 56;

/** What a record is. */
export const RecordType = {
  entries: 1,
  hardState: 2,
  truncate: 3,
  groupMade: 4,
  base: 5,
  relocated: 6,
  compactPrefix: 8,
  snapshotMark: 9,
  firstSegment: 11,
  edit: 13,
} as const;

/** The names of the numbers that are kept for later versions. */
const RESERVED: Readonly<Record<number, string>> = {
  7: "headers only",
  10: "group removed",
  12: "damage class",
};

const HARD_STATE_BYTES = 24;
const MADE_HEAD_BYTES = 8;
const BASE_HEAD_BYTES = 96;
const POINT_HEAD_BYTES = 16;

/** What an envelope says. */
export interface Envelope {
  readonly length: number;
  readonly batch: number;
  readonly mark: number;
  readonly group: GroupId;
  readonly type: number;
  readonly firstIndex: Index;
  readonly count: number;
  readonly batchAt: number;
  readonly bodySum: number;
}

/** What a segment repeats of a group. */
export interface GroupBase {
  readonly hardState: HardState;
  /** The last entry before the segment; the prefix if there is none. */
  readonly last: LogPoint;
  /** What lies at and before this point is not in the log any more; index 0, with the genesis' chain, if nothing was removed. */
  readonly prefix: LogPoint;
  /** What the caller said of the prefix. */
  readonly context: Uint8Array;
  /** The newest snapshot that was marked; index 0 if there is none. */
  readonly snapshot: LogPoint;
  readonly genesis: Uint8Array;
}

/** A record type in words, for messages. */
export function typeName(type: number): string {
  const known = Object.entries(RecordType).find(([, number]) => number === type);
  return known?.[0] ?? RESERVED[type] ?? "unknown";
}

const seedBytes = new Uint8Array(12);
const seedView = viewOf(seedBytes);

/** The seed of the sum of a record at `offset` of a segment with `salt`. */
export function seedOf(salt: number, offset: number): number {
  seedView.setUint32(0, salt, true);
  setU64(seedView, 4, offset);
  return crc32(seedBytes, 0, 12, 0);
}

/** Writes an envelope at `at`. */
export function writeEnvelope(bytes: Uint8Array, at: number, envelope: Envelope, seed: number): void {
  assert(envelope.length % 8 === 0 && envelope.length >= ENVELOPE_BYTES, "the length of a record is a multiple of 8", envelope.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, ENVELOPE_BYTES);
  view.setUint32(4, envelope.length, true);
  setU64(view, 8, envelope.batch);
  setU64(view, 16, envelope.mark);
  setU64(view, 24, envelope.group);
  setU64(view, 32, envelope.firstIndex);
  view.setUint32(40, envelope.count, true);
  view.setUint32(44, envelope.batchAt, true);
  view.setUint32(48, envelope.type, true);
  view.setUint32(52, envelope.bodySum, true);
  view.setUint32(0, crc32(bytes, at + 4, at + ENVELOPE_BYTES, seed), true);
}

/** The envelope at `at`, or null if there is none that verifies with `seed`. */
export function readEnvelope(bytes: Uint8Array, view: DataView, at: number, seed: number): Envelope | null {
  if (at + ENVELOPE_BYTES > bytes.length) return null;
  const length = view.getUint32(at + 4, true);
  if (length < ENVELOPE_BYTES || length % 8 !== 0) return null;
  if (view.getUint32(at, true) !== crc32(bytes, at + 4, at + ENVELOPE_BYTES, seed)) return null;
  const envelope: Envelope = {
    length,
    batch: getU64(view, at + 8),
    mark: getU64(view, at + 16),
    group: getU64(view, at + 24),
    firstIndex: getU64(view, at + 32),
    count: view.getUint32(at + 40, true),
    batchAt: view.getUint32(at + 44, true),
    type: view.getUint32(at + 48, true),
    bodySum: view.getUint32(at + 52, true),
  };
  const hasGroup = envelope.group > 0 || envelope.type === RecordType.firstSegment;
  return envelope.batch > 0 && envelope.mark === envelope.batch - 1 && hasGroup ? envelope : null;
}

/** Bytes of a group made record's body. */
export function madeBodyBytes(genesis: Uint8Array): number {
  return align8(MADE_HEAD_BYTES + genesis.length);
}

export function writeMadeBody(body: Uint8Array, genesis: Uint8Array): void {
  viewOf(body).setUint32(0, genesis.length, true);
  body.set(genesis, MADE_HEAD_BYTES);
}

/** The genesis in a verified body, copied; null if the lengths do not fit. */
export function readMadeBody(body: Uint8Array): Uint8Array | null {
  if (body.length < MADE_HEAD_BYTES) return null;
  const bytes = viewOf(body).getUint32(0, true);
  return align8(MADE_HEAD_BYTES + bytes) === body.length ? body.slice(MADE_HEAD_BYTES, MADE_HEAD_BYTES + bytes) : null;
}

export const hardStateBodyBytes: number = HARD_STATE_BYTES;

export function writeHardStateBody(body: Uint8Array, hardState: HardState): void {
  const view = viewOf(body);
  setU64(view, 0, hardState.term);
  setU64(view, 8, hardState.votedFor);
  setU64(view, 16, hardState.commitIndex);
}

/** The hard state in a verified body; null if it is none. */
export function readHardStateBody(body: Uint8Array): HardState | null {
  if (body.length < HARD_STATE_BYTES) return null;
  const view = viewOf(body);
  const hardState = { term: getU64(view, 0), votedFor: getU64(view, 8), commitIndex: getU64(view, 16) };
  const numbersHold = hardState.term >= 0 && hardState.votedFor >= 0 && hardState.commitIndex >= 0;
  return numbersHold ? hardState : null;
}

/** Bytes of a compact prefix or snapshot mark record's body. */
export function pointBodyBytes(context: Uint8Array): number {
  return align8(POINT_HEAD_BYTES + context.length);
}

/** The body of a point; its index stands in the envelope. */
export function writePointBody(body: Uint8Array, point: LogPoint, context: Uint8Array): void {
  const view = viewOf(body);
  setU64(view, 0, point.term);
  view.setUint32(8, point.chain, true);
  view.setUint32(12, context.length, true);
  body.set(context, POINT_HEAD_BYTES);
}

/** What a compact prefix or snapshot mark record says. */
export interface PointBody {
  readonly point: LogPoint;
  readonly context: Uint8Array;
}

/** The point at `index` in a verified body, and its context, copied; null if the lengths do not fit. */
export function readPointBody(body: Uint8Array, index: Index): PointBody | null {
  if (body.length < POINT_HEAD_BYTES) return null;
  const view = viewOf(body);
  const term = getU64(view, 0);
  const bytes = view.getUint32(12, true);
  if (!(index >= 1 && term >= 1) || align8(POINT_HEAD_BYTES + bytes) !== body.length) return null;
  return { point: { index, term, chain: view.getUint32(8, true) }, context: body.slice(POINT_HEAD_BYTES, POINT_HEAD_BYTES + bytes) };
}

/** Bytes of a base record's body. */
export function baseBodyBytes({ genesis, context }: GroupBase): number {
  return align8(BASE_HEAD_BYTES + genesis.length + context.length);
}

export function writeBaseBody(body: Uint8Array, base: GroupBase): void {
  const view = viewOf(body);
  const { last, prefix, snapshot, genesis, context } = base;
  writeHardStateBody(body, base.hardState);
  [last, prefix, snapshot].forEach((point, at) => {
    setU64(view, 24 + 16 * at, point.index);
    setU64(view, 32 + 16 * at, point.term);
    view.setUint32(72 + 4 * at, point.chain, true);
  });
  view.setUint32(84, genesis.length, true);
  view.setUint32(88, context.length, true);
  body.set(genesis, BASE_HEAD_BYTES);
  body.set(context, BASE_HEAD_BYTES + genesis.length);
}

/** The base in a verified body, copied; null if it is none. */
export function readBaseBody(body: Uint8Array): GroupBase | null {
  const hardState = readHardStateBody(body);
  if (hardState === null || body.length < BASE_HEAD_BYTES) return null;
  const view = viewOf(body);
  const pointAt = (at: number): LogPoint => ({
    index: getU64(view, 24 + 16 * at), term: getU64(view, 32 + 16 * at), chain: view.getUint32(72 + 4 * at, true),
  });
  const genesisEnd = BASE_HEAD_BYTES + view.getUint32(84, true);
  const contextEnd = genesisEnd + view.getUint32(88, true);
  const last = pointAt(0);
  const prefix = pointAt(1);
  if (align8(contextEnd) !== body.length || !(prefix.index >= 0 && last.index >= prefix.index)) return null;
  return {
    hardState, last, prefix, snapshot: pointAt(2),
    genesis: body.slice(BASE_HEAD_BYTES, genesisEnd),
    context: body.slice(genesisEnd, contextEnd),
  };
}
