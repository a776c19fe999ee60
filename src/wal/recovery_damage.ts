/**
 * Where a log ends that was read as far as it can be believed: at an unfinished write, or before something that was
 * durable and is damaged; and, if it is damaged, where it can be read on.
 */
import { ENTRY_HEADER_BYTES, readHeader } from "../base/entry.ts";
import type { Task } from "../base/task.ts";
import type { GroupId } from "../raft/types.ts";
import type { DamagedPlace } from "./damage.ts";
import { NO_LOGS_BATCH } from "./mark.ts";
import { ownHeaderOf } from "./own_header.ts";
import { ENVELOPE_BYTES } from "./record.ts";
import type { Progress, RecoverySource } from "./scan.ts";
import { isBefore, type Place } from "./segment.ts";
import { openReader } from "./segment_reader.ts";
import { findRecordBehind, findVoucher, strongestVoucher } from "./voucher.ts";

const CUT_BEGUN = "the mark says that the log was being cut here, which did not come to its end";

/** What is damaged at the end of what was read; null if it is the unfinished write of a crash. */
export function* findDamage(source: RecoverySource, sequences: readonly number[], progress: Progress): Task<DamagedPlace | null> {
  const { end, fault, lastBatch } = progress;
  const { mark } = source;
  if (fault?.contradicts === true) return yield* placed(source, progress, end, "");
  if (isBefore(end, mark) || mark.batch > lastBatch) {
    const place = yield* placeOfDamage(source, sequences, progress, mark.sequence > end.sequence);
    return yield* placed(source, progress, place, mark.batch === NO_LOGS_BATCH ? CUT_BEGUN : `the mark says that batch ${mark.batch} is durable`);
  }
  for (const sequence of sequences.filter((sequence) => sequence > end.sequence)) {
    const header = yield* ownHeaderOf(source, sequence);
    if (header === null) continue;
    const place = yield* placeOfDamage(source, sequences, progress, true);
    return yield* placed(source, progress, place, `segment ${sequence} says that batch ${header.firstBatch - 1} is durable`);
  }
  const voucher = yield* findVoucher(source, progress);
  return voucher === null ? null : yield* placed(source, progress, end, `a record at offset ${voucher.offset} says that batch ${voucher.batch} is durable`);
}

/** The log begins later than it says itself. */
export function* beginsLate(source: RecoverySource, progress: Progress): Task<DamagedPlace> {
  const place = { sequence: source.mark.firstSegment, offset: 0 };
  return yield* placed(source, progress, place, `the mark says that the log begins here; the log says that it begins with segment ${progress.firstSegment}`);
}

/**
 * Where the log can be read on behind the damage, with `progress` made ready for it; false if nowhere. A record that is
 * not the first of its batch counts only if that batch was durable: else it is part of an unfinished write.
 */
export function* goOnBehind(source: RecoverySource, sequences: readonly number[], progress: Progress): Task<boolean> {
  const { end, segments, lastBatch, faultBytes } = progress;
  const later = sequences.filter((sequence) => sequence > end.sequence).sort((a, b) => a - b);
  progress.fault = null;
  progress.faultBytes = 0;
  let durable = Math.max(source.mark.batch, yield* strongestVoucher(source, progress));
  let next = 0;
  for (const sequence of later) {
    const header = yield* ownHeaderOf(source, sequence);
    if (header === null) continue;
    if (next === 0) next = sequence;
    durable = Math.max(durable, header.firstBatch - 1);
  }
  const from = end.offset + Math.max(8, faultBytes);
  const record = segments.has(end.sequence) ? yield* findRecordBehind(source, { segments, end: { ...end, offset: from }, lastBatch }, durable) : null;
  if (record !== null) {
    const { offset, batch, batchAt } = record;
    progress.end = { sequence: end.sequence, offset };
    progress.lastBatchAt = { sequence: end.sequence, offset: offset - batchAt };
    progress.lastBatch = batchAt === 0 ? batch - 1 : batch;
    return true;
  }
  if (next === 0) return false;
  progress.end = { sequence: next, offset: 0 };
  return true;
}

/** The end itself, or, if the log goes on in later segments and not here, the next one: its header or the whole file is missing. */
function* placeOfDamage(source: RecoverySource, sequences: readonly number[], progress: Progress, goesOn: boolean): Task<Place> {
  const { end } = progress;
  if (end.sequence === 0) return { sequence: source.mark.firstSegment, offset: 0 };
  if (!goesOn || (yield* findVoucher(source, progress)) !== null) return end;
  const next = { sequence: end.sequence + 1, offset: 0 };
  if (!sequences.includes(next.sequence)) return next;
  return (yield* ownHeaderOf(source, next.sequence)) === null ? next : end;
}

/** The place, with group and index as far as they can be told. */
function* placed(source: RecoverySource, progress: Progress, place: Place, voucher: string): Task<DamagedPlace> {
  const { fault, end, groups, lastGroup } = progress;
  const known = fault ?? (place === end ? yield* peekEntry(source, place) : null);
  const where = known === null
    ? `behind group ${lastGroup}, index ${groups.lastIndex(lastGroup)}`
    : `group ${known.group}, index ${known.index}`;
  return { ...place, group: known?.group ?? lastGroup, where, what: fault?.what ?? "nothing that can be read", voucher, until: null };
}

/** The entry that seems to stand at `place`, behind an envelope that does not verify. */
function* peekEntry(source: RecoverySource, place: Place): Task<{ group: GroupId; index: number } | null> {
  const reader = yield* openReader(source, place.sequence);
  const isThere = yield* reader.load(place.offset + ENVELOPE_BYTES, ENTRY_HEADER_BYTES);
  const head = isThere ? readHeader(reader.bytes, reader.view, reader.at(place.offset + ENVELOPE_BYTES)) : null;
  yield* reader.close();
  return head;
}
