/** The files of segments: made, used again, and filled with zeros ahead of the batches. */
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { writeAll } from "../host/files.ts";
import type { Disk, File } from "../host/host.ts";
import { FileSync } from "./file_sync.ts";
import { HEADER_BYTES, segmentName } from "./segment.ts";

/** Written and synced at a time. */
export const CHUNK_BYTES = 1_048_576;
const ZEROS: Uint8Array = new Uint8Array(CHUNK_BYTES);

/** A segment that is open for writing. */
export interface SegmentFile {
  readonly sequence: number;
  readonly file: File;
  readonly sync: FileSync;
  /** Up to where it may be filled. */
  sizeBytes: number;
  /** Up to where it is filled with zeros, or was written, durably. */
  filledBytes: number;
}

/** So many zeros, at most {@link CHUNK_BYTES}. */
export function zeros(bytes: number): Uint8Array {
  return bytes === CHUNK_BYTES ? ZEROS : ZEROS.subarray(0, bytes);
}

/** Makes the segment file `sequence` in `directory`, empty, its name durable. */
export function* makeSegment(disk: Disk, directory: string, sequence: number, sizeBytes: number): Task<SegmentFile> {
  const path = `${directory}/${segmentName(sequence)}`;
  const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
  try {
    yield* wait<void>((done) => file.truncate(0, done));
    yield* wait<void>((done) => disk.syncDirectory(directory, done));
  } catch (error) {
    file.close(() => {});
    throw error;
  }
  return { sequence, file, sync: new FileSync(file), sizeBytes, filledBytes: 0 };
}

/**
 * Makes the dead segment `spare` the segment `sequence`: renamed, durably, and its header cleared. What else it holds
 * stays: its records bear another salt than those that will be written over them.
 */
export function* recycleSegment(disk: Disk, directory: string, spare: number, sequence: number, sizeBytes: number): Task<SegmentFile> {
  const path = `${directory}/${segmentName(sequence)}`;
  yield* wait<void>((done) => disk.rename(`${directory}/${segmentName(spare)}`, path, done));
  yield* wait<void>((done) => disk.syncDirectory(directory, done));
  const file = yield* wait<File>((done) => disk.open(path, { write: true }, done));
  try {
    const fileBytes = yield* wait<number>((done) => file.sizeBytes(done));
    if (fileBytes > sizeBytes) yield* wait<void>((done) => file.truncate(sizeBytes, done));
    yield* writeAll(file, [zeros(HEADER_BYTES)], 0);
    const sync = new FileSync(file);
    yield* sync.run();
    return { sequence, file, sync, sizeBytes, filledBytes: Math.max(HEADER_BYTES, Math.min(fileBytes, sizeBytes)) };
  } catch (error) {
    file.close(() => {});
    throw error;
  }
}

/**
 * Fills the next chunk of `segment` with zeros, at most up to `end`. A full disk may be tried again, a sync never.
 *
 * @param bytesMax of the chunk, at most {@link CHUNK_BYTES}
 */
export function* fillChunk(segment: SegmentFile, end: number, bytesMax: number = CHUNK_BYTES): Task<void> {
  const bytes = Math.min(bytesMax, end - segment.filledBytes);
  yield* writeAll(segment.file, [zeros(bytes)], segment.filledBytes);
  try {
    yield* segment.sync.run();
  } catch (error) {
    // Whatever its reason: it may be a batch's pages that were lost, since both are written to the same file.
    throw new DraftError("STORAGE_FAILED", `sync of segment ${segment.sequence} failed: ${String(error)}`, { cause: error });
  }
  segment.filledBytes += bytes;
}
