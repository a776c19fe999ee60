/**
 * Takes the last batch of a log back, as nothing else ever does: of an edit that its operator regrets. First the mark is
 * lowered to the batch before, durably; from then on the batch may be missing. Then it is cleared. An edit is one
 * record, and at the head of a segment counts only behind all bases: a part of it is none, and vouches for nothing. So a
 * crash at any point leaves the batch or its absence.
 */
import { type Task, wait } from "../base/task.ts";
import { DraftError } from "../base/errors.ts";
import { writeAll } from "../host/files.ts";
import type { Disk, File } from "../host/host.ts";
import type { Mark, MarkFile } from "./mark.ts";
import type { Scan } from "./scan.ts";
import { HEADER_BYTES, type Place, segmentName } from "./segment.ts";

const PIECE_BYTES = 1_048_576;

/**
 * Removes the last batch that `scan` found, durably.
 *
 * @param mark as it was opened; its file is written
 * @throws DraftError COMPACTED if the log begins with that batch
 */
export function* undoBatch(disk: Disk, directory: string, { file: markFile, mark }: { readonly file: MarkFile; readonly mark: Mark }, scan: Scan): Task<void> {
  const { lastBatchAt, lastBatch, end } = scan;
  const isFirst = lastBatchAt.offset === HEADER_BYTES;
  const before = isFirst ? endOfSegmentBefore(scan, mark) : lastBatchAt;
  yield* markFile.lower({ ...before, batch: lastBatch - 1, firstSegment: mark.firstSegment });
  const file = yield* wait<File>((done) => disk.open(`${directory}/${segmentName(lastBatchAt.sequence)}`, { write: true }, done));
  try {
    // A segment without its header is not in use.
    yield* clearFile(file, isFirst ? 0 : lastBatchAt.offset, end.offset);
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
}

function endOfSegmentBefore({ segments, lastBatchAt }: Scan, mark: Mark): Place {
  const sequence = lastBatchAt.sequence - 1;
  const use = segments.get(sequence);
  if (use !== undefined && sequence >= mark.firstSegment) return { sequence, offset: use.end };
  throw new DraftError("COMPACTED", `the log begins with the edit, in segment ${lastBatchAt.sequence}: what stood before is gone`);
}

/** Writes zeros, durably. */
export function* clearFile(file: File, from: number, to: number): Task<void> {
  for (let at = from; at < to; at += PIECE_BYTES) yield* writeAll(file, [new Uint8Array(Math.min(PIECE_BYTES, to - at))], at);
  yield* wait<void>((done) => file.sync(done));
}
