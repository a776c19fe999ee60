/**
 * Snapshot files: the state of one group's machine as of one entry, `snapshots/<group>/<index>-<term>.snap`. A file
 * under this name is whole: it is written under another one, synced, and renamed.
 *
 * ```text
 * snapshot file, format 1, little-endian
 * offset size type  field
 *      0    8       magic "draftsnp"
 *      8    4  u32  format         1
 *     12    4  u32  sum            CRC-32 of bytes 16 up to the first chunk, continued from the CRC-32 of bytes 0..12
 *     16    4  u32  headBytes      length of the head, without its padding
 *     20    4       zero
 *     24            head: one CBOR tuple, then zeros up to a multiple of 8
 *
 * chunk, one behind the other
 *      0    4  u32  bytes          1 up to 262144
 *      4    4  u32  sum            CRC-32 of the bytes of the chunk and of its length, continued from the sum before it
 *                                  (the file's for the first): a chunk that is lost, doubled or moved does not verify
 *      8            the bytes
 *
 * end, where another chunk would stand
 *      0    4  u32  0
 *      4    4  u32  sum            CRC-32 of bytes 8..24, continued from the last chunk's sum: the digest of the whole
 *      8    8  u64  chunks         how many there were
 *     16    8  u64  bytes          how many they held
 *
 * The chunks' bytes, put together, are pieces one behind the other:
 *      0    4  u32  bytes
 *      4    4  u32  kind           1 a piece of the machine's snapshot (CBOR), 2 a piece of the session table (CBOR),
 *                                  3 a piece of the newest changes (CBOR)
 *      8            the bytes
 *
 * head     [cluster id, group, index, term, chain, feature level, machine name, machine version, streamed, log time in
 *          ms, running digest, configuration index, configuration (a byte string), check points (index, digest, index, …;
 *          if missing: none), index of the check point at which replicas disagree (if missing: 0), origin (if missing:
 *          [true]), emptied (if missing: false)]
 * origin   [whether a command was ever applied], or, of a state that was restored from a backup, that and id of the restore,
 *          index, and what the machine takes the entry of that index for: index, term, chain (machine/origin.ts)
 * streamed false: the machine's snapshot is one value, in one piece of kind 1
 * emptied  an offline edit wrote it, of a machine that was given nothing: a state only where the log names the file
 * ```
 */
import { align8, crc32, getU64, setU64, viewOf } from "../base/bytes.ts";
import { decode, encode } from "../base/codec.ts";
import { CHECKS_MAX, type SavedChecks } from "../machine/checks.ts";
import { type Origin, USED } from "../machine/origin.ts";
import { decodeConfiguration, encodeConfiguration } from "../raft/configuration.ts";
import type { Configuration, GroupId, Index, LogPoint } from "../raft/types.ts";
import type { CheckPoint } from "../raft/verdict_entry.ts";

export const SNAPSHOT_FORMAT = 1;
export const CHUNK_BYTES_MAX = 262_144;
export const CHUNK_HEAD_BYTES = 8;
export const PIECE_HEAD_BYTES = 8;
export const END_BYTES = 24;

/** Magic, format, sum and length: what must be read before the head. */
export const FRONT_BYTES = 24;

/** A head is longer only if it is none: it holds a configuration, and some numbers and names. */
export const HEAD_BYTES_MAX = 1_048_576;

const MAGIC = "draftsnp";
const SUM_AT = 12;

/** What a piece holds. */
export const PieceKind = { machine: 1, sessions: 2, changes: 3 } as const;

/** What a snapshot says of itself. */
export interface SnapshotHead {
  readonly clusterId: string;
  readonly group: GroupId;
  /** The last entry that the state holds. */
  readonly point: LogPoint;
  readonly featureLevel: number;
  readonly machine: string;
  /** The machine version in force at the point. */
  readonly machineVersion: number;
  /** Whether the machine gave it in pieces; else it is one value. */
  readonly streamed: boolean;
  /** Log time at the point. */
  readonly timeMs: number;
  /** Running digest of the replica at the point. */
  readonly digest: number;
  /** The configuration in force at the point. */
  readonly configuration: Configuration;
  /** How the state began. */
  readonly origin: Origin;
  /** An offline edit wrote it, of a machine that was given nothing: a state only where the log names the file. */
  readonly emptied: boolean;
  /** The replica's check points before it, its own and those that it took over. */
  readonly checks: SavedChecks;
}

/** The front and the head of a file, up to its first chunk, and the sum that the first chunk continues. */
export function encodeSnapshotHead(head: SnapshotHead): { readonly block: Uint8Array; readonly sum: number } {
  const { clusterId, group, point, featureLevel, machine, machineVersion, streamed, timeMs, digest, configuration, checks, origin, emptied } = head;
  const tuple = encode([
    clusterId, group, point.index, point.term, point.chain, featureLevel, machine, machineVersion, streamed, timeMs, digest,
    configuration.index, encodeConfiguration(configuration), checks.points.flatMap((each) => [each.index, each.digest]), checks.splitIndex, originTuple(origin),
    ...emptied ? [true] : [],
  ]);
  const block = new Uint8Array(align8(FRONT_BYTES + tuple.length));
  const view = viewOf(block);
  block.set(new TextEncoder().encode(MAGIC), 0);
  view.setUint32(8, SNAPSHOT_FORMAT, true);
  view.setUint32(16, tuple.length, true);
  block.set(tuple, FRONT_BYTES);
  const sum = sumOfHead(block);
  view.setUint32(SUM_AT, sum, true);
  return { block, sum };
}

/** What the first {@link FRONT_BYTES} of a file say; null if they are no snapshot's. */
export function readFront(front: Uint8Array): { readonly format: number; readonly blockBytes: number } | null {
  if (front.length < FRONT_BYTES || new TextDecoder().decode(front.subarray(0, 8)) !== MAGIC) return null;
  const view = viewOf(front);
  const headBytes = view.getUint32(16, true);
  if (headBytes > HEAD_BYTES_MAX) return null;
  return { format: view.getUint32(8, true), blockBytes: align8(FRONT_BYTES + headBytes) };
}

/** The head in `block`, front and head whole, and the sum that its chunks continue; null if it cannot be believed. */
export function decodeSnapshotHead(block: Uint8Array): { readonly head: SnapshotHead; readonly sum: number } | null {
  const view = viewOf(block);
  const sum = view.getUint32(SUM_AT, true);
  if (sum !== sumOfHead(block)) return null;
  const tuple = decode(block.subarray(FRONT_BYTES, FRONT_BYTES + view.getUint32(16, true))) as readonly unknown[];
  const [clusterId, group, index, term, chain, featureLevel, machine, machineVersion, streamed, timeMs, digest, configurationIndex, configuration, points = [], splitIndex = 0, began = [USED.used], emptied = false] = tuple;
  const numbers = [group, index, term, chain, featureLevel, machineVersion, timeMs, digest, configurationIndex, splitIndex];
  const checks = pointsFrom(points, index as number);
  const origin = originFrom(began);
  const fits = typeof clusterId === "string" && typeof machine === "string" && typeof streamed === "boolean" && typeof emptied === "boolean" &&
    numbers.every((each) => Number.isSafeInteger(each) && (each as number) >= 0) && configuration instanceof Uint8Array;
  if (!fits || checks === null || origin === null) return null;
  const head: SnapshotHead = {
    clusterId, machine, streamed, origin, emptied,
    group: group as number,
    point: { index: index as number, term: term as number, chain: chain as number },
    featureLevel: featureLevel as number,
    machineVersion: machineVersion as number,
    timeMs: timeMs as number,
    digest: digest as number,
    configuration: decodeConfiguration(configuration, configurationIndex as number),
    checks: { points: checks, splitIndex: splitIndex as number },
  };
  return { head, sum };
}

/** Check points ascend and stand at or before the snapshot; null if these do not. */
function pointsFrom(flat: unknown, last: Index): CheckPoint[] | null {
  if (!Array.isArray(flat) || flat.length % 2 !== 0 || flat.length > 2 * CHECKS_MAX) return null;
  const points: CheckPoint[] = [];
  let before = 0;
  for (let i = 0; i < flat.length; i += 2) {
    const [index, digest] = flat.slice(i, i + 2) as readonly unknown[];
    if (!Number.isSafeInteger(index) || (index as number) <= before || (index as number) > last) return null;
    if (!Number.isSafeInteger(digest) || (digest as number) < 0) return null;
    before = index as number;
    points.push({ index: before, digest: digest as number });
  }
  return points;
}

function originTuple({ used, restored }: Origin): readonly unknown[] {
  if (restored === null) return [used];
  const { id, index, machine } = restored;
  return [used, id, index, machine.index, machine.term, machine.chain];
}

function originFrom(value: unknown): Origin | null {
  if (!Array.isArray(value) || typeof value[0] !== "boolean") return null;
  const [used, id, ...numbers] = value as [boolean, ...unknown[]];
  if (id === undefined) return { used, restored: null };
  const fits = typeof id === "string" && numbers.length >= 4 && numbers.every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
  const [index, machineIndex, term, chain] = numbers as [number, number, number, number];
  return fits ? { used, restored: { id, index, machine: { index: machineIndex, term, chain } } } : null;
}

function sumOfHead(block: Uint8Array): number {
  return crc32(block, 16, block.length, crc32(block, 0, SUM_AT, 0));
}

const lengthBytes = new Uint8Array(4);
const lengthView = viewOf(lengthBytes);

/** The sum of a chunk behind one with `sumBefore`. */
export function chunkSum(sumBefore: number, bytes: Uint8Array): number {
  lengthView.setUint32(0, bytes.length, true);
  return crc32(lengthBytes, 0, 4, crc32(bytes, 0, bytes.length, sumBefore));
}

/** What stands before the bytes of a chunk. */
export function chunkHead(bytes: number, sum: number): Uint8Array {
  const head = new Uint8Array(CHUNK_HEAD_BYTES);
  const view = viewOf(head);
  view.setUint32(0, bytes, true);
  view.setUint32(4, sum, true);
  return head;
}

/** The end of a file of `chunks` chunks with `bytes` bytes, the last of which has the sum `sumBefore`. */
export function encodeEnd(sumBefore: number, chunks: number, bytes: number): Uint8Array {
  const end = new Uint8Array(END_BYTES);
  const view = viewOf(end);
  setU64(view, 8, chunks);
  setU64(view, 16, bytes);
  view.setUint32(4, crc32(end, 8, END_BYTES, sumBefore), true);
  return end;
}

/** Whether `end` ends a file of so many chunks and bytes. */
export function isEnd(end: Uint8Array, sumBefore: number, chunks: number, bytes: number): boolean {
  if (end.length < END_BYTES) return false;
  const view = viewOf(end);
  const counts = view.getUint32(0, true) === 0 && getU64(view, 8) === chunks && getU64(view, 16) === bytes;
  return counts && view.getUint32(4, true) === crc32(end, 8, END_BYTES, sumBefore);
}

/** What stands before the bytes of a piece. */
export function pieceHead(kind: number, bytes: number): Uint8Array {
  const head = new Uint8Array(PIECE_HEAD_BYTES);
  const view = viewOf(head);
  view.setUint32(0, bytes, true);
  view.setUint32(4, kind, true);
  return head;
}
