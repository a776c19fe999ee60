/**
 * Segments: the files that the WAL consists of, `wal/<sequence>.seg`, numbered from 1 without gap. The first ones go when
 * nothing in them is wanted any more; the mark file says with which the log begins.
 *
 * ```text
 * header block, format 1, little-endian: 4096 bytes, written together with the first batch of the segment
 * offset size type  field
 *      0    8       magic "draftwal"
 *      8    4  u32  format         1
 *     12    4  u32  sum            CRC-32 of bytes 16..4096, continued from the CRC-32 of bytes 0..12
 *     16    8  u64  sequence       the number in the file's name
 *     24    8  u64  incarnation
 *     32    4  u32  salt           drawn anew each time that the file is taken into use
 *     36    4  u32  repeated       how many records the first batch begins with that say how the groups stood: bases, then
 *                                  edits. Segments of draft up to 0.1.0 count their bases alone
 *     40    8  u64  firstBatch     number of the first batch; the one before it is durable
 *     48    8  u64  previousEnd    where the last batch of the segment before ended; 0 for segment 1
 *     56    1  u8   length of the cluster id, which is empty before the founding
 *     57    1  u8   length of the node id
 *     58    6       zero
 *     64   64       cluster id, zeros behind
 *    128   64       node id, zeros behind
 *    192            zeros
 * ```
 *
 * Behind the header stand records (record.ts) one behind the other. Behind the last one stand zeros, for the file was
 * filled with them before it was taken into use, or what it held when it was another segment: records of another salt,
 * which do not verify. A file whose header block is zero, or names another segment, is not in use yet.
 *
 * Reserved for a later version, not written yet: a footer in a closed segment that holds its part of the index, in a
 * record of its own behind the last batch; `previousEnd` of the next segment then lies behind it.
 */
import { crc32, getU64, setU64, viewOf } from "../base/bytes.ts";
import type { Incarnation } from "../raft/types.ts";

export const HEADER_BYTES = 4096;
export const SEGMENT_FORMAT = 1;

const MAGIC = "draftwal";
const SUM_AT = 12;
const SEQUENCE_DIGITS = 12;
const ID_BYTES_MAX = 64;

/** Whose log it is. */
export interface WalIdentity {
  /** Empty before the founding. */
  readonly clusterId: string;
  readonly nodeId: string;
  readonly incarnation: Incarnation;
}

/** What a segment's header says. */
export interface SegmentHeader extends WalIdentity {
  readonly sequence: number;
  readonly salt: number;
  readonly repeated: number;
  readonly firstBatch: number;
  readonly previousEnd: number;
}

/** A segment in use. */
export interface SegmentUse {
  readonly salt: number;
  /** Where what it repeats ends: to copy what lies before would free nothing, for each segment has it. */
  begin: number;
  /** Where its last record ends. */
  end: number;
}

/** A place in the WAL. */
export interface Place {
  readonly sequence: number;
  readonly offset: number;
}

/** Whether `a` lies before `b`. */
export function isBefore(a: Place, b: Place): boolean {
  return a.sequence < b.sequence || (a.sequence === b.sequence && a.offset < b.offset);
}

/** The file name of a segment. */
export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(SEQUENCE_DIGITS, "0")}.seg`;
}

/** The sequence in a file name; 0 if it is no segment's. */
export function sequenceOf(name: string): number {
  const sequence = /^\d{12}\.seg$/.test(name) ? Number(name.slice(0, SEQUENCE_DIGITS)) : 0;
  return Number.isSafeInteger(sequence) ? sequence : 0;
}

/** The header block. */
export function writeSegmentHeader(header: SegmentHeader): Uint8Array {
  const block = new Uint8Array(HEADER_BYTES);
  const view = viewOf(block);
  const text = new TextEncoder();
  const clusterId = text.encode(header.clusterId);
  const nodeId = text.encode(header.nodeId);
  if (clusterId.length > ID_BYTES_MAX || nodeId.length > ID_BYTES_MAX) {
    throw new RangeError(`cluster id "${header.clusterId}" or node id "${header.nodeId}": longer than ${ID_BYTES_MAX} bytes`);
  }
  block.set(text.encode(MAGIC), 0);
  view.setUint32(8, SEGMENT_FORMAT, true);
  setU64(view, 16, header.sequence);
  setU64(view, 24, header.incarnation);
  view.setUint32(32, header.salt, true);
  view.setUint32(36, header.repeated, true);
  setU64(view, 40, header.firstBatch);
  setU64(view, 48, header.previousEnd);
  block[56] = clusterId.length;
  block[57] = nodeId.length;
  block.set(clusterId, 64);
  block.set(nodeId, 128);
  view.setUint32(SUM_AT, sumOf(block), true);
  return block;
}

/** The format of the header in `block`; 0 if it is no header that can be believed. */
export function formatOf(block: Uint8Array): number {
  if (block.length < HEADER_BYTES) return 0;
  const view = viewOf(block);
  const isHeader = new TextDecoder().decode(block.subarray(0, 8)) === MAGIC && view.getUint32(SUM_AT, true) === sumOf(block);
  return isHeader ? view.getUint32(8, true) : 0;
}

/** The header in `block`, or null if there is none that can be believed. */
export function readSegmentHeader(block: Uint8Array): SegmentHeader | null {
  if (formatOf(block) !== SEGMENT_FORMAT) return null;
  const view = viewOf(block);
  const text = new TextDecoder();
  return {
    sequence: getU64(view, 16),
    incarnation: getU64(view, 24),
    salt: view.getUint32(32, true),
    repeated: view.getUint32(36, true),
    firstBatch: getU64(view, 40),
    previousEnd: getU64(view, 48),
    clusterId: text.decode(block.subarray(64, 64 + (block[56] as number))),
    nodeId: text.decode(block.subarray(128, 128 + (block[57] as number))),
  };
}

/** Whether a segment with this header is this node's, at this place. One from before the founding names no cluster. */
export function isOwnSegment(header: SegmentHeader, identity: WalIdentity, sequence: number): boolean {
  return header.sequence === sequence && header.incarnation === identity.incarnation &&
    header.nodeId === identity.nodeId && (header.clusterId === "" || header.clusterId === identity.clusterId);
}

function sumOf(block: Uint8Array): number {
  return crc32(block, 16, HEADER_BYTES, crc32(block, 0, SUM_AT, 0));
}
