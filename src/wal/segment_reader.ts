/**
 * Reads a segment from front to back through one buffer. Memory is bounded by the buffer, or by the longest record
 * where that is longer; what it shows is overwritten by the next load. A block that the disk cannot read becomes
 * bytes that no sum fits: what they mean is decided like that of any other unreadable byte, by the mark.
 */
import { viewOf } from "../base/bytes.ts";
import { type Task, wait } from "../base/task.ts";
import { isHostError, readUpTo } from "../host/files.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import { segmentName } from "./segment.ts";

const BLOCK_BYTES = 4096;
const UNREADABLE = 0xa5;

/** Where segments are, and how they are read. */
export interface ReaderSource {
  readonly disk: Disk;
  readonly directory: string;
  /** Bytes that are read at a time. */
  readonly readBytes: number;
}

/** Opens a segment for reading. */
export function* openReader(source: ReaderSource, sequence: number): Task<SegmentReader> {
  const path = `${source.directory}/${segmentName(sequence)}`;
  const stat = yield* wait<FileStat | null>((done) => source.disk.stat(path, done));
  const file = yield* wait<File>((done) => source.disk.open(path, {}, done));
  return new SegmentReader(path, file, stat?.bytes ?? 0, source.readBytes);
}

/** A file that is read forward. */
export class SegmentReader {
  readonly path: string;
  /** Length of the file. */
  readonly sizeBytes: number;
  bytes: Uint8Array;
  view: DataView;
  #file: File;
  /** Which offset of the file `bytes[0]` is, and how many bytes are valid. */
  #at = 0;
  #have = 0;

  constructor(path: string, file: File, sizeBytes: number, bufferBytes: number) {
    this.path = path;
    this.#file = file;
    this.sizeBytes = sizeBytes;
    this.bytes = new Uint8Array(Math.min(bufferBytes, Math.max(sizeBytes, BLOCK_BYTES)));
    this.view = viewOf(this.bytes);
  }

  /** Where `offset` of the file is in `bytes`. */
  at(offset: number): number {
    return offset - this.#at;
  }

  /** Whether `length` bytes from `offset` are loaded. */
  has(offset: number, length: number): boolean {
    return offset >= this.#at && offset + length <= this.#at + this.#have;
  }

  /** Loads at least `length` bytes from `offset`, and more while there is room; false if the file ends before. */
  *load(offset: number, length: number): Task<boolean> {
    if (this.has(offset, length)) return true;
    if (offset + length > this.sizeBytes) return false;
    const kept = offset >= this.#at && offset < this.#at + this.#have ? this.#at + this.#have - offset : 0;
    const old = this.bytes;
    if (length > old.length) {
      this.bytes = new Uint8Array(length);
      this.view = viewOf(this.bytes);
    }
    if (kept > 0) this.bytes.set(old.subarray(this.at(offset), this.at(offset) + kept));
    this.#at = offset;
    this.#have = kept;
    yield* this.#fill(Math.min(this.bytes.length, this.sizeBytes - offset));
    return this.#have >= length;
  }

  /** The first byte at or behind `offset` that is not zero; the file's size if there is none. */
  *findNonZero(offset: number): Task<number> {
    for (let at = offset; at < this.sizeBytes; at += this.#have - this.at(at)) {
      if (!(yield* this.load(at, Math.min(BLOCK_BYTES, this.sizeBytes - at)))) return at;
      const from = this.at(at);
      const found = nonZeroIn(this.bytes, from, this.#have);
      if (found >= 0) return at + found - from;
    }
    return this.sizeBytes;
  }

  *close(): Task<void> {
    yield* wait<void>((done) => this.#file.close(done));
  }

  *#fill(until: number): Task<void> {
    try {
      while (this.#have < until) {
        const into = this.bytes.subarray(this.#have, until);
        const count = yield* wait<number>((done) => this.#file.read(into, this.#at + this.#have, done));
        if (count === 0) return;
        this.#have += count;
      }
    } catch (error) {
      if (!isHostError(error, "EIO")) throw error;
      yield* this.#fillByBlocks(until);
    }
  }

  /** As `#fill`, block by block, so that one bad sector does not hide its neighbours. */
  *#fillByBlocks(until: number): Task<void> {
    while (this.#have < until) {
      const offset = this.#at + this.#have;
      const end = Math.min(until - this.#have, BLOCK_BYTES - offset % BLOCK_BYTES);
      const into = this.bytes.subarray(this.#have, this.#have + end);
      try {
        into.set(yield* readUpTo(this.#file, offset, end));
      } catch (error) {
        if (!isHostError(error, "EIO")) throw error;
        into.fill(UNREADABLE);
      }
      this.#have += end;
    }
  }
}

/** Position of the first byte in `bytes[from..end)` that is not zero; -1 if none. Looks at eight at a time. */
function nonZeroIn(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes.byteOffset + at) % 8 !== 0) {
    if (bytes[at] !== 0) return at;
    at += 1;
  }
  const words = new Float64Array(bytes.buffer, bytes.byteOffset + at, Math.floor((end - at) / 8));
  let word = 0;
  while (word < words.length && Object.is(words[word], 0)) word += 1;
  for (at += word * 8; at < end; at++) if (bytes[at] !== 0) return at;
  return -1;
}
