/**
 * Reads a snapshot file from front to back, verifying each chunk before anything of it is shown. Memory is bounded by
 * a buffer and the longest piece.
 */
import { viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import { SegmentReader } from "./segment_reader.ts";
import {
  CHUNK_BYTES_MAX, CHUNK_HEAD_BYTES, chunkSum, decodeSnapshotHead, END_BYTES, FRONT_BYTES, isEnd, PIECE_HEAD_BYTES, readFront,
  SNAPSHOT_FORMAT, type SnapshotHead,
} from "./snapshot_format.ts";

const BUFFER_BYTES = 2 * (CHUNK_BYTES_MAX + CHUNK_HEAD_BYTES);

/** One piece of a snapshot. */
export interface Piece {
  readonly kind: number;
  /** The caller's to keep. */
  readonly bytes: Uint8Array;
}

/** An open snapshot file. */
export class SnapshotReader {
  readonly path: string;
  readonly head: SnapshotHead;
  readonly #reader: SegmentReader;
  #at: number;
  #sum: number;
  #chunks = 0;
  #bytes = 0;
  /** The chunk that was read last, and how much of it was shown. */
  #chunk: Uint8Array = new Uint8Array();
  #shown = 0;

  private constructor(reader: SegmentReader, head: SnapshotHead, at: number, sum: number) {
    this.path = reader.path;
    this.head = head;
    this.#reader = reader;
    this.#at = at;
    this.#sum = sum;
  }

  /**
   * Opens the file at `path` and reads its head.
   *
   * @throws DraftError DAMAGED if it is no snapshot that can be believed, WRONG_IDENTITY if a later draft wrote it
   */
  static *open(disk: Disk, path: string): Task<SnapshotReader> {
    const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
    if (stat === null) throw new DraftError("DAMAGED", `snapshot file "${path}" is missing`);
    const file = yield* wait<File>((done) => disk.open(path, {}, done));
    const reader = new SegmentReader(path, file, stat.bytes, BUFFER_BYTES);
    try {
      return yield* SnapshotReader.#begin(reader);
    } catch (error) {
      yield* reader.close();
      throw error;
    }
  }

  static *#begin(reader: SegmentReader): Task<SnapshotReader> {
    const front = (yield* reader.load(0, FRONT_BYTES)) ? readFront(bytesOf(reader, 0, FRONT_BYTES)) : null;
    if (front === null) throw damaged(reader.path, 0, "it is no snapshot");
    if (front.format !== SNAPSHOT_FORMAT) {
      throw new DraftError("WRONG_IDENTITY", `snapshot file "${reader.path}" has format ${front.format}, wanted ${SNAPSHOT_FORMAT}; start the draft that wrote it`);
    }
    const { blockBytes } = front;
    const known = (yield* reader.load(0, blockBytes)) ? decodeSnapshotHead(bytesOf(reader, 0, blockBytes)) : null;
    if (known === null) throw damaged(reader.path, 0, "its head does not fit its sum");
    return new SnapshotReader(reader, known.head, blockBytes, known.sum);
  }

  /**
   * The next piece, or null behind the last one, once the end was verified too.
   *
   * @throws DraftError DAMAGED
   */
  *next(): Task<Piece | null> {
    const front = yield* this.#take(PIECE_HEAD_BYTES, true);
    if (front === null) return null;
    const view = viewOf(front);
    const kind = view.getUint32(4, true);
    const bytes = (yield* this.#take(view.getUint32(0, true), false)) as Uint8Array;
    return { kind, bytes };
  }

  /**
   * Verifies what is left, chunk by chunk, and shows nothing of it: memory is that of the buffer.
   *
   * @param rest called behind each chunk with its length in bytes
   * @throws DraftError DAMAGED
   */
  *verify(rest?: (bytes: number) => Task<void>): Task<void> {
    while (yield* this.#readChunk()) if (rest !== undefined) yield* rest(this.#chunk.length);
  }

  /** Up to where the file was verified: behind a chunk, or the head. */
  get verifiedBytes(): number {
    return this.#at;
  }

  get sizeBytes(): number {
    return this.#reader.sizeBytes;
  }

  *close(): Task<void> {
    yield* this.#reader.close();
  }

  /** The next `count` bytes of the content, copied; null at the end, where the content may end. */
  *#take(count: number, mayEnd: boolean): Task<Uint8Array | null> {
    // A length is believed only as far as the file reaches.
    if (count > this.#reader.sizeBytes) throw this.#damaged("a piece is longer than the file");
    const bytes = new Uint8Array(count);
    for (let have = 0; have < count;) {
      if (this.#shown === this.#chunk.length && !(yield* this.#readChunk())) {
        if (mayEnd && have === 0) return null;
        throw this.#damaged("it ends within a piece");
      }
      const part = this.#chunk.subarray(this.#shown, this.#shown + count - have);
      bytes.set(part, have);
      have += part.length;
      this.#shown += part.length;
    }
    return bytes;
  }

  /** False at the end. */
  *#readChunk(): Task<boolean> {
    const reader = this.#reader;
    if (!(yield* reader.load(this.#at, CHUNK_HEAD_BYTES))) throw this.#damaged("its end is missing");
    const length = reader.view.getUint32(reader.at(this.#at), true);
    if (length === 0) {
      const isWhole = (yield* reader.load(this.#at, END_BYTES)) && this.#at + END_BYTES === reader.sizeBytes &&
        isEnd(bytesOf(reader, this.#at, END_BYTES), this.#sum, this.#chunks, this.#bytes);
      if (!isWhole) throw this.#damaged("its end does not fit what stands before");
      return false;
    }
    const isThere = length <= CHUNK_BYTES_MAX && (yield* reader.load(this.#at, CHUNK_HEAD_BYTES + length));
    if (!isThere) throw this.#damaged("a chunk is cut off");
    const chunk = bytesOf(reader, this.#at + CHUNK_HEAD_BYTES, length);
    const sum = chunkSum(this.#sum, chunk);
    if (sum !== reader.view.getUint32(reader.at(this.#at) + 4, true)) throw this.#damaged("a chunk does not fit its sum");
    this.#sum = sum;
    this.#chunks += 1;
    this.#bytes += length;
    this.#at += CHUNK_HEAD_BYTES + length;
    this.#chunk = chunk;
    this.#shown = 0;
    return true;
  }

  #damaged(what: string): DraftError {
    return damaged(this.path, this.#at, what);
  }
}

/** What the file at `path` says of itself. @throws DraftError as {@link SnapshotReader} does */
export function* readSnapshotHead(disk: Disk, path: string): Task<SnapshotHead> {
  const reader = yield* SnapshotReader.open(disk, path);
  yield* reader.close();
  return reader.head;
}

/** Reads the file at `path` to its end. @throws DraftError as {@link SnapshotReader} does */
export function* verifySnapshot(disk: Disk, path: string): Task<SnapshotHead> {
  const reader = yield* SnapshotReader.open(disk, path);
  try {
    yield* reader.verify();
  } finally {
    yield* reader.close();
  }
  return reader.head;
}

function bytesOf(reader: SegmentReader, offset: number, length: number): Uint8Array {
  return reader.bytes.subarray(reader.at(offset), reader.at(offset) + length);
}

function damaged(path: string, offset: number, what: string): DraftError {
  return new DraftError("DAMAGED", `snapshot file "${path}" at offset ${offset} is damaged: ${what}`);
}
