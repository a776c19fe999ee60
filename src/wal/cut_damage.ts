/**
 * Cuts a log before the first place that is damaged, and says so in a record of its own: what `draft log chop` does where
 * a log ends that can be believed. A crash at any point leaves the log as it was, one that is cut and says so, or one of
 * which nothing is believed that it ends with, neither last index nor vote; never one that only looks shorter.
 *
 * ```text
 * what is durable, step by step               what a start or another cut finds then
 * 0  nothing yet                              the damaged log as it was
 * 1  the mark vouches for a batch of no log   nothing behind the last damage: hard state and end are lost
 * 2  the rest of the damaged segment is zero  the same, of whatever part of the zeros was written
 * 3  the later segments are gone              the same, whichever of them are still there
 * 4  the record of the cut                    the same, behind that record or a part of it
 * 5  the mark vouches for that record         the cut log
 * ```
 *
 * Lost hard state is what no node goes on with: with others it gives its incarnation up, alone it ends with exit 10, and
 * a further cut makes it voteless. A mark that vouched for the record of the cut from the beginning would not do: what
 * stood behind the damage would be vouched for by itself alone, and the part of it that a crash leaves be believed to
 * be all of it.
 */
import { crc32 } from "../base/bytes.ts";
import { assert } from "../base/assert.ts";
import { type Task, wait } from "../base/task.ts";
import { writeAll } from "../host/files.ts";
import type { Disk, File } from "../host/host.ts";
import type { GroupId } from "../raft/types.ts";
import { type Edit, editFields, writeEditBody } from "./edit_record.ts";
import { type Mark, NO_LOGS_BATCH, renewMark } from "./mark.ts";
import { ENVELOPE_BYTES, RecordType, seedOf, writeEnvelope } from "./record.ts";
import type { Scan } from "./scan.ts";
import { segmentName, type WalIdentity } from "./segment.ts";
import { clearFile } from "./undo_batch.ts";

/** What is cut. */
export interface DamageCut {
  readonly disk: Disk;
  /** Of the segments. */
  readonly directory: string;
  readonly owner: WalIdentity;
  readonly sequences: readonly number[];
  /** As it was found; of one that cannot be read with nothing vouched for. */
  readonly mark: Mark;
  /** As it was read up to the damage. */
  readonly scan: Scan;
  readonly group: GroupId;
  readonly edit: Edit;
}

/** Cuts, durably. What is cut must have been saved: nothing of it is left. */
export function* cutDamage({ disk, directory, owner, sequences, mark, scan, group, edit }: DamageCut): Task<void> {
  const { end, lastBatch, segments } = scan;
  const salt = segments.get(end.sequence)?.salt;
  assert(edit.content.change === "cut" && salt !== undefined, "what is cut stands behind something that can be read", edit.content.change, end.sequence);
  const { firstSegment } = mark;
  const batch = batchOf(edit, { group, batch: lastBatch + 1, firstSegment, salt, offset: end.offset });
  const after: Mark = { batch: lastBatch + 1, sequence: end.sequence, offset: end.offset + batch.length, firstSegment };
  yield* renewMark(disk, directory, owner.incarnation, { batch: NO_LOGS_BATCH, ...end, firstSegment });
  const file = yield* wait<File>((done) => disk.open(`${directory}/${segmentName(end.sequence)}`, { write: true }, done));
  try {
    yield* clearFile(file, end.offset, yield* wait<number>((done) => file.sizeBytes(done)));
    for (const sequence of sequences.filter((each) => each > end.sequence)) {
      yield* wait<void>((done) => disk.unlink(`${directory}/${segmentName(sequence)}`, done));
    }
    yield* wait<void>((done) => disk.syncDirectory(directory, done));
    yield* writeAll(file, [batch], end.offset);
    yield* wait<void>((done) => file.sync(done));
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
  yield* renewMark(disk, directory, owner.incarnation, after);
}

interface CutPlace {
  readonly group: GroupId;
  readonly batch: number;
  readonly firstSegment: number;
  readonly salt: number;
  readonly offset: number;
}

/** The batch: with which segment the log begins, for what said so may be cut; then the edit. */
function batchOf(edit: Edit, { group, batch, firstSegment, salt, offset }: CutPlace): Uint8Array {
  const { firstIndex, count, bytes } = editFields(edit);
  const written = new Uint8Array(2 * ENVELOPE_BYTES + bytes);
  const body = written.subarray(2 * ENVELOPE_BYTES);
  writeEditBody(body, edit);
  const begins = { length: ENVELOPE_BYTES, batch, mark: batch - 1, group: 0, type: RecordType.firstSegment, firstIndex: firstSegment, count: 0, batchAt: 0, bodySum: 0 };
  writeEnvelope(written, 0, begins, seedOf(salt, offset));
  const edited = { ...begins, length: ENVELOPE_BYTES + bytes, group, type: RecordType.edit, firstIndex, count, batchAt: ENVELOPE_BYTES, bodySum: crc32(body, 0, body.length, 0) };
  writeEnvelope(written, ENVELOPE_BYTES, edited, seedOf(salt, offset + ENVELOPE_BYTES));
  return written;
}
