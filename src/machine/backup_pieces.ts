/**
 * A backup that comes through the log, piece by piece, into a group that has applied nothing. The pieces change no state:
 * they stay in the log, and the last entry says that all of them are there. As of that entry the state is the backup's.
 * A piece that comes twice counts once, so whoever sends them may send again what nobody answered.
 *
 * ```text
 * restore entry, format 1, little-endian
 *  0    1  u8   format    1
 *  1    1  u8   last      1: all bytes came before; this entry has none
 *  2    2       zero
 *  4    4  u32  sequence  0 for the first of an attempt, then one more each
 *  8    8  u64  total     bytes of the whole file
 * 16   16       id        which attempt it is of, drawn at random
 * 32            bytes of the file, which go on where the piece before ended
 * ```
 */
import { getU64, hexOf, setU64, viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import type { Index } from "../raft/types.ts";
import type { Origin } from "./origin.ts";

const FORMAT = 1;

/** What stands before the bytes. */
export const RESTORE_HEAD_BYTES = 32;

export const RESTORE_ID_BYTES = 16;

/** Log time without another piece after which those that came are given up: nobody sends the rest, and no snapshot is taken while they wait. */
export const GIVEN_UP_MS = 600_000;

/** One entry of a restore. */
export interface RestorePiece {
  /** {@link RESTORE_ID_BYTES} bytes. */
  readonly id: Uint8Array;
  readonly sequence: number;
  readonly total: number;
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

/** All pieces came: they stand in the log among the entries `from` up to the one that says so. */
export interface RestoreWanted {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly from: Index;
  readonly total: number;
}

/** The payload of a restore entry. */
export function encodeRestorePiece({ id, sequence, total, last, bytes }: RestorePiece): Uint8Array {
  const payload = new Uint8Array(RESTORE_HEAD_BYTES + bytes.length);
  const view = viewOf(payload);
  payload[0] = FORMAT;
  payload[1] = last ? 1 : 0;
  view.setUint32(4, sequence, true);
  setU64(view, 8, total);
  payload.set(id, 16);
  payload.set(bytes, RESTORE_HEAD_BYTES);
  return payload;
}

/** Reads the payload; `bytes` and `id` are views of it. Null if it is none. */
export function decodeRestorePiece(payload: Uint8Array): RestorePiece | null {
  if (payload.length < RESTORE_HEAD_BYTES || payload[0] !== FORMAT) return null;
  const view = viewOf(payload);
  return {
    id: payload.subarray(16, RESTORE_HEAD_BYTES), sequence: view.getUint32(4, true), total: getU64(view, 8), last: payload[1] === 1,
    bytes: payload.subarray(RESTORE_HEAD_BYTES),
  };
}

/** Goes through the pieces of one attempt in the order of the log, passing over what came twice. */
export class PieceOrder {
  readonly id: string;
  readonly total: number;
  /** Pieces so far, and their bytes. */
  count = 0;
  bytes = 0;

  constructor(id: string, total: number) {
    this.id = id;
    this.total = total;
  }

  /** Takes the next one; false if it is not. */
  take({ id, sequence, total, last, bytes }: RestorePiece): boolean {
    const fits = !last && sequence === this.count && total === this.total && this.bytes + bytes.length <= total && hexOf(id) === this.id;
    if (!fits) return false;
    this.count += 1;
    this.bytes += bytes.length;
    return true;
  }
}

/** What a replica has of a backup; a part of the replicated state, which no snapshot is taken of. */
export class BackupPieces {
  #order: PieceOrder | null = null;
  #from: Index = 0;
  /** Log time, and what it was at the newest piece that counted. */
  #timeMs = 0;
  #newestMs = 0;
  /** Why the backup whose pieces are all there cannot be taken: its last entry is answered with it. */
  refusal: DraftError | null = null;

  /** Whether pieces wait in the log for those that are to come. */
  get isGathering(): boolean {
    return this.#order !== null;
  }

  /** The log time at which what came is given up; null if nothing waits. */
  get givenUpAtMs(): number | null {
    return this.#order === null ? null : this.#newestMs + GIVEN_UP_MS;
  }

  /** An entry of this log time is applied. */
  passes(timeMs: number): void {
    this.#timeMs = timeMs;
    if (this.#order !== null && timeMs >= this.#newestMs + GIVEN_UP_MS) this.forget();
  }

  /** The group takes no backup any more. */
  forget(): void {
    this.#order = this.refusal = null;
  }

  /** The piece in the entry at `index` was committed: how many came, and their bytes; or why it does not count. @throws DraftError COMPACTED if it is the last */
  add(payload: Uint8Array, index: Index, origin: Origin): { readonly sequence: number; readonly bytes: number } | DraftError {
    const piece = decodeRestorePiece(payload);
    if (piece === null) return new DraftError("BAD_REQUEST", "the piece of a backup cannot be read");
    const id = hexOf(piece.id);
    // Whoever was told nothing asks again.
    if (origin.restored?.id === id) return { sequence: piece.sequence, bytes: piece.total };
    const why = notUnused(origin) ?? this.refusal;
    if (why !== null) {
      this.forget();
      return why;
    }
    if (piece.sequence === 0 && this.#order?.id !== id) {
      this.#order = new PieceOrder(id, piece.total);
      this.#from = index;
    }
    const order = this.#order;
    if (order === null || order.id !== id) return another();
    // A node does not apply such an entry, it makes the state anew there (node/group_restore.ts).
    if (this.completedBy(payload, origin) !== null) {
      throw new DraftError("COMPACTED", `entry ${index} restored a backup: the state from there on is that of the snapshot of this index`);
    }
    const isRepeated = !piece.last && piece.sequence < order.count;
    if (!isRepeated && !order.take(piece)) return new DraftError("REJECTED", `piece ${piece.sequence} of the backup came, ${order.count} is wanted: draft admin restore FILE again`);
    this.#newestMs = this.#timeMs;
    return { sequence: order.count, bytes: order.bytes };
  }

  /** What the entry completes; null if it is none that does, and is applied as any other. */
  completedBy(payload: Uint8Array, origin: Origin): RestoreWanted | null {
    const piece = decodeRestorePiece(payload);
    const order = this.#order;
    if (piece === null || !piece.last || order === null || origin.used || this.refusal !== null) return null;
    const isWhole = hexOf(piece.id) === order.id && piece.sequence === order.count && order.bytes === order.total;
    return isWhole ? { id: order.id, from: this.#from, total: order.total } : null;
  }
}

/** Why a group takes no backup; null if it does. */
export function notUnused({ used, restored }: Origin): DraftError | null {
  if (restored !== null) return new DraftError("CONFLICT", "a backup was restored into this group already: found another cluster, then: draft admin restore FILE");
  if (!used) return null;
  return new DraftError("CONFLICT", "the group has applied commands, which a restore would take back: found another cluster, then: draft admin restore FILE");
}

function another(): DraftError {
  return new DraftError("REJECTED", "another restore began in this group: wait for it, or: draft admin restore FILE again");
}
