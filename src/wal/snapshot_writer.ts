/**
 * Writes a snapshot file, under another name until it is whole and durable: a crash at any step leaves the old world,
 * or the new one. One disk call at a time, and memory for one chunk, besides the piece that is being written.
 */
import { type Task, wait } from "../base/task.ts";
import { isHostError, writeAll } from "../host/files.ts";
import type { Disk, File } from "../host/host.ts";
import { snapshotName, temporaryName } from "./snapshot_directory.ts";
import {
  CHUNK_BYTES_MAX, chunkHead, chunkSum, encodeEnd, encodeSnapshotHead, pieceHead, type SnapshotHead,
} from "./snapshot_format.ts";

/** Synced so often, that the sync of a batch beside it never waits for a whole snapshot. */
export const SYNC_BYTES: number = 4 * 1_048_576;

/** A snapshot that is being written. */
export class SnapshotWriter {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #head: SnapshotHead;
  readonly #file: File;
  readonly #chunk: Uint8Array = new Uint8Array(CHUNK_BYTES_MAX);
  #filled = 0;
  #isOpen = true;
  #at: number;
  #syncedAt = 0;
  #sum: number;
  #chunks = 0;
  #bytes = 0;

  private constructor(disk: Disk, directory: string, head: SnapshotHead, file: File, front: { bytes: number; sum: number }) {
    this.#disk = disk;
    this.#directory = directory;
    this.#head = head;
    this.#file = file;
    this.#at = front.bytes;
    this.#sum = front.sum;
  }

  /** Begins the file of `head` in `directory`, which is there. What an earlier try left under its name is overwritten. */
  static *begin(disk: Disk, directory: string, head: SnapshotHead): Task<SnapshotWriter> {
    const { block, sum } = encodeSnapshotHead(head);
    const path = `${directory}/${temporaryName(head.point)}`;
    const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
    try {
      yield* wait<void>((done) => file.truncate(0, done));
      yield* writeAll(file, [block], 0);
    } catch (error) {
      yield* wait<void>((done) => file.close(done));
      throw error;
    }
    return new SnapshotWriter(disk, directory, head, file, { bytes: block.length, sum });
  }

  /** Bytes of the file so far. */
  get sizeBytes(): number {
    return this.#at;
  }

  /** Adds a piece of a {@link PieceKind}. */
  *piece(kind: number, bytes: Uint8Array): Task<void> {
    yield* this.#add(pieceHead(kind, bytes.length));
    yield* this.#add(bytes);
  }

  /** Makes the file durable under its name. */
  *finish(): Task<void> {
    if (this.#filled > 0) yield* this.#writeChunk();
    yield* writeAll(this.#file, [encodeEnd(this.#sum, this.#chunks, this.#bytes)], this.#at);
    yield* wait<void>((done) => this.#file.sync(done));
    yield* this.#close();
    const { point } = this.#head;
    const name = snapshotName(point);
    yield* wait<void>((done) => this.#disk.rename(`${this.#directory}/${temporaryName(point)}`, `${this.#directory}/${name}`, done));
    yield* wait<void>((done) => this.#disk.syncDirectory(this.#directory, done));
  }

  /** Gives it up: nothing of it stays. */
  *abandon(): Task<void> {
    if (this.#isOpen) yield* this.#close();
    try {
      yield* wait<void>((done) => this.#disk.unlink(`${this.#directory}/${temporaryName(this.#head.point)}`, done));
    } catch (error) {
      // It has its name already, or the disk fails: what is left is removed with the next snapshot.
      if (!isHostError(error, "ENOENT") && !isHostError(error, "EIO")) throw error;
    }
  }

  *#close(): Task<void> {
    this.#isOpen = false;
    yield* wait<void>((done) => this.#file.close(done));
  }

  *#add(bytes: Uint8Array): Task<void> {
    for (let from = 0; from < bytes.length;) {
      const part = bytes.subarray(from, from + CHUNK_BYTES_MAX - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled === CHUNK_BYTES_MAX) yield* this.#writeChunk();
    }
  }

  *#writeChunk(): Task<void> {
    const bytes = this.#chunk.subarray(0, this.#filled);
    this.#sum = chunkSum(this.#sum, bytes);
    const head = chunkHead(bytes.length, this.#sum);
    yield* writeAll(this.#file, [head, bytes], this.#at);
    this.#at += head.length + bytes.length;
    this.#chunks += 1;
    this.#bytes += bytes.length;
    this.#filled = 0;
    if (this.#at - this.#syncedAt < SYNC_BYTES) return;
    yield* wait<void>((done) => this.#file.sync(done));
    this.#syncedAt = this.#at;
  }
}
