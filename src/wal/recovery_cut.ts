/**
 * After the log was read: cuts what is unfinished, before anything that was read counts. The last batch may stand in
 * the system's memory alone (the process died before its sync), or on no disk at all (the sync failed), so it is
 * written once more; all behind the end becomes zeros; then both are synced. Each step may be repeated after a crash
 * in its middle.
 */
import { type Task, wait } from "../base/task.ts";
import { readUpTo, writeAll } from "../host/files.ts";
import type { File } from "../host/host.ts";
import { FileSync } from "./file_sync.ts";
import type { RecoverySource, Scan } from "./scan.ts";
import { HEADER_BYTES, segmentName } from "./segment.ts";
import { openReader } from "./segment_reader.ts";
import type { SegmentFile } from "./segment_file.ts";

const PIECE_BYTES = 1_048_576;

/**
 * Cuts what lies behind the end of the log.
 *
 * @returns the segment that the next batch goes to
 */
export function* cutTail(source: RecoverySource, sequences: readonly number[], scan: Scan): Task<SegmentFile> {
  const { disk, directory } = source;
  const { sequence, offset } = scan.end;
  const file = yield* wait<File>((done) => disk.open(`${directory}/${segmentName(sequence)}`, { write: true }, done));
  const sizeBytes = yield* wait<number>((done) => file.sizeBytes(done));
  yield* rewrite(file, unvouchedFrom(scan), offset);
  yield* clear(source, scan, file);
  const sync = new FileSync(file);
  yield* sync.run();
  yield* removeOthers(source, sequences, sequence);
  return { sequence, file, sync, sizeBytes, filledBytes: sizeBytes };
}

/** Removes the segments that are not the log's up to `last`: prepared ones, an unfinished one, and those before it begins. */
export function* removeOthers(source: RecoverySource, sequences: readonly number[], last: number): Task<void> {
  const { disk, directory, mark } = source;
  for (const other of sequences.filter((sequence) => sequence < mark.firstSegment || sequence > last)) {
    yield* wait<void>((done) => disk.unlink(`${directory}/${segmentName(other)}`, done));
  }
  yield* wait<void>((done) => disk.syncDirectory(directory, done));
}

/** From where in the last segment nothing vouches for what was read: the last batch, or all if it is the first. */
function unvouchedFrom(scan: Scan): number {
  const { lastBatchAt, end } = scan;
  return lastBatchAt.sequence === end.sequence && lastBatchAt.offset > HEADER_BYTES ? lastBatchAt.offset : 0;
}

/** Writes `from`..`end` of the file again as it is. */
function* rewrite(file: File, from: number, end: number): Task<void> {
  for (let at = from; at < end; at += PIECE_BYTES) {
    const piece = yield* readUpTo(file, at, Math.min(PIECE_BYTES, end - at));
    yield* writeAll(file, [piece], at);
  }
}

/** Writes zeros over all behind the end that is none. */
function* clear(source: RecoverySource, scan: Scan, file: File): Task<void> {
  const reader = yield* openReader(source, scan.end.sequence);
  for (let at = scan.end.offset; ;) {
    at = yield* reader.findNonZero(at);
    if (at >= reader.sizeBytes) break;
    const end = Math.min(at + PIECE_BYTES, reader.sizeBytes);
    yield* writeAll(file, [new Uint8Array(end - at)], at);
    at = end;
  }
  yield* reader.close();
}
