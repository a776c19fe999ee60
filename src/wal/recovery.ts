/**
 * Reading the log at the start. Segments are read in order, records in order, up to the first byte that cannot be
 * believed. What that means is decided by what is known durable, never by how it looks: if the mark file, a record
 * behind or a later segment vouches for that place, it is damage and the start is refused; else it is the unfinished
 * write of a crash, and it and all behind it, valid or not, is cut (recovery_cut.ts).
 *
 * A batch is written only once the one before it is durable, so a record vouches for all that lies before its batch,
 * and a segment's header for all segments before.
 *
 * The log begins with the segment that the mark file names. What the groups were before is told by that segment's
 * bases; earlier segments are leftovers and are not looked at.
 */
import { crc32 } from "../base/bytes.ts";
import { readHeader } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { Task } from "../base/task.ts";
import { checkNext, type DamagedPlace, damageError, type LogDamage, placeText, rangesText } from "./damage.ts";
import { endBefore } from "./doubt.ts";
import { isCut } from "./edit_record.ts";
import { readOwnHeader } from "./own_header.ts";
import { type Envelope, ENVELOPE_BYTES, readEnvelope, RecordType, seedOf, typeName } from "./record.ts";
import { contradiction, type RecordFault, unreadable } from "./record_fault.ts";
import type { RecoveredGroups } from "./recovered_groups.ts";
import { beginsLate, findDamage, goOnBehind } from "./recovery_damage.ts";
import { beginning, type Progress, type Read, type RecoverySource, type Scan } from "./scan.ts";
import { HEADER_BYTES, type SegmentHeader, type SegmentUse } from "./segment.ts";
import { openReader, type SegmentReader } from "./segment_reader.ts";
import type { SegmentSource } from "./wal_read.ts";

/**
 * Reads the whole log.
 *
 * @throws DraftError DAMAGED naming file, offset, group and index
 */
export function* scanLog(source: RecoverySource, sequences: readonly number[], groups: RecoveredGroups): Task<Scan> {
  const { onDamage = "refuse" } = source;
  const progress = beginning(groups);
  const places: DamagedPlace[] = [];
  let read = yield* scanSegments(source, sequences, progress);
  for (;;) {
    const place = yield* findDamage(source, sequences, progress);
    if (place === null) break;
    if (onDamage !== "refuse" && progress.fault?.isUnknown === true) throw new DraftError("WRONG_IDENTITY", placeText(source.directory, place));
    if (onDamage === "refuse") throw damageError(source.directory, place);
    places.push(place);
    if (onDamage === "stop") break;
    groups.lose();
    // Behind what was lost a record may contradict what was read for that very reason; on its own it makes the log no log.
    if (progress.fault?.contradicts === true && places.length === 1) break;
    if (!(yield* goOnBehind(source, sequences, progress))) break;
    places.splice(-1, 1, { ...place, until: progress.end });
    read = yield* scanSegments(source, sequences, progress);
  }
  // The record that says so may be among what was lost.
  if (places.length === 0 && source.mark.firstSegment > progress.firstSegment) throw damageError(source.directory, yield* beginsLate(source, progress));
  const losses = yield* groups.finish(segmentsOf(source, progress));
  if (losses.size > 0 && onDamage === "refuse") throw missingError(source.directory, losses);
  const damage = places.length === 0 && losses.size === 0 ? null : { places, groups: losses };
  return { ...read, groups, damage };
}

/** What was read so far, to be read from again. */
export function segmentsOf({ disk, directory }: RecoverySource, { segments }: Progress): SegmentSource {
  return { disk, directory, saltOf: (sequence) => segments.get(sequence)?.salt ?? 0 };
}

/** A log counts entries that no segment holds. */
function missingError(directory: string, losses: LogDamage["groups"]): DraftError {
  const lost = [...losses].map(([group, { absent }]) => `${rangesText(absent)} of group ${group}`).join("; ");
  return new DraftError("DAMAGED", `log "${directory}" is damaged: it counts ${lost}, and no segment holds them; ${checkNext(directory)}`);
}

/** Reads segment after segment, from where the last reading ended. @returns what counts, which is less than what was read if the last one is to be begun anew */
export function* scanSegments(source: RecoverySource, sequences: readonly number[], progress: Progress): Task<Read> {
  const begin = source.mark.firstSegment;
  const from = progress.end;
  const segments = sequences.filter((sequence) => sequence >= begin).length;
  const there = new Set(sequences);
  for (let sequence = Math.max(begin, from.sequence); progress.fault === null && there.has(sequence); sequence++) {
    source.reads?.(sequence - begin, segments);
    const reader = yield* openReader(source, sequence);
    try {
      const header = yield* readOwnHeader(source, reader, sequence);
      if (header === null) break;
      if (sequence === from.sequence && from.offset > 0) {
        yield* scanSegment(source, reader, header, progress, from.offset);
        continue;
      }
      if (sequence === Math.max(begin, from.sequence)) progress.lastBatch = header.firstBatch - 1;
      else if (header.previousEnd !== progress.end.offset || header.firstBatch !== progress.lastBatch + 1) break;
      const before = { ...progress };
      const doubtAgain = progress.groups.doubts();
      // A segment that does not repeat all that it was to would be useless once older segments are gone: it is begun anew.
      if (!(yield* scanSegment(source, reader, header, progress, HEADER_BYTES))) {
        doubtAgain();
        return { ...before, segments: without(progress.segments, sequence) };
      }
    } finally {
      yield* reader.close();
    }
  }
  return progress;
}

function without(segments: ReadonlyMap<number, SegmentUse>, sequence: number): Map<number, SegmentUse> {
  const others = new Map(segments);
  others.delete(sequence);
  return others;
}

/** Reads one segment's records from an offset on. @returns whether all that it repeats is there */
function* scanSegment(source: RecoverySource, reader: SegmentReader, header: SegmentHeader, progress: Progress, from: number): Task<boolean> {
  const use = progress.segments.get(header.sequence) ?? { salt: header.salt, begin: HEADER_BYTES, end: HEADER_BYTES };
  progress.segments.set(header.sequence, use);
  progress.end = { sequence: header.sequence, offset: from };
  let repeated = 0;
  for (;;) {
    const offset = progress.end.offset;
    if (!reader.has(offset, ENVELOPE_BYTES) && !(yield* reader.load(offset, ENVELOPE_BYTES))) break;
    const envelope = readEnvelope(reader.bytes, reader.view, reader.at(offset), seedOf(header.salt, offset));
    if (envelope === null || !isNext(envelope, offset, header, progress)) break;
    if (!reader.has(offset, envelope.length) && !(yield* reader.load(offset, envelope.length))) break;
    progress.fault = yield* takeRecord(source, reader, envelope, progress);
    if (progress.fault !== null) {
      progress.faultBytes = envelope.length;
      break;
    }
    if (repeated < header.repeated && isRepeated(envelope)) {
      repeated += 1;
      use.begin = offset + envelope.length;
    }
    progress.lastBatch = envelope.batch;
    if (envelope.type === RecordType.edit) {
      const { batch, group } = envelope;
      progress.lastEdit = { batch, group, isCut: isCut(reader.bytes.subarray(reader.at(offset) + ENVELOPE_BYTES)) };
    }
    if (envelope.group > 0) progress.lastGroup = envelope.group;
    progress.lastBatchAt = { sequence: header.sequence, offset: offset - envelope.batchAt };
    use.end = offset + envelope.length;
    progress.end = { sequence: header.sequence, offset: use.end };
  }
  return repeated >= header.repeated;
}

/** Whether it may be one of the records that the first batch begins with. */
function isRepeated({ type }: Envelope): boolean {
  return type === RecordType.base || type === RecordType.edit;
}

/** Whether the record's batch is the one that goes on or begins at `offset`. */
function isNext(envelope: Envelope, offset: number, header: SegmentHeader, progress: Progress): boolean {
  if (envelope.batchAt === 0) return envelope.batch === progress.lastBatch + 1;
  return envelope.batch === progress.lastBatch && progress.lastBatchAt.sequence === header.sequence &&
    offset - envelope.batchAt === progress.lastBatchAt.offset;
}

function* takeRecord(source: RecoverySource, reader: SegmentReader, envelope: Envelope, progress: Progress): Task<RecordFault | null> {
  const { groups, end } = progress;
  const at = reader.at(end.offset);
  if (envelope.type === RecordType.entries) {
    const inDoubt = groups.inDoubt(envelope.group);
    if (inDoubt !== null) {
      const head = readHeader(reader.bytes, reader.view, at + ENVELOPE_BYTES);
      if (head === null || head.index !== envelope.firstIndex) return unreadable(envelope, "an entry's header does not fit its sum");
      if (!(yield* endBefore(inDoubt, head, segmentsOf(source, progress)))) return contradiction(envelope, "it does not continue what is known committed");
    }
    return groups.entries(envelope, reader.bytes, reader.view, at, end);
  }
  const body = reader.bytes.subarray(at + ENVELOPE_BYTES, at + envelope.length);
  if (crc32(body, 0, body.length, 0) !== envelope.bodySum) {
    return { what: `the body of a ${typeName(envelope.type)} record does not fit its sum`, group: envelope.group, index: 0, contradicts: false };
  }
  const segments = segmentsOf(source, progress);
  switch (envelope.type) {
    case RecordType.hardState:
      return groups.hardState(envelope, body);
    case RecordType.groupMade:
      return groups.groupMade(envelope, body);
    case RecordType.base:
      return end.sequence === source.mark.firstSegment ? groups.begin(envelope, body) : yield* groups.base(envelope, body, segments);
    case RecordType.truncate:
      return yield* groups.truncate(envelope, segments);
    case RecordType.relocated:
      return yield* groups.relocated(envelope, body, end, segments);
    case RecordType.compactPrefix:
      return groups.compacted(envelope, body);
    case RecordType.snapshotMark:
      return groups.snapshotMarked(envelope, body);
    case RecordType.edit:
      return yield* groups.edit(envelope, body, end, segments);
    case RecordType.firstSegment:
      progress.firstSegment = Math.max(progress.firstSegment, envelope.firstIndex);
      return null;
    default: {
      const what = `a record of type ${envelope.type} (${typeName(envelope.type)}), which this version does not know`;
      return { what: `${what}; start the version of draft that wrote it`, group: envelope.group, index: 0, contradicts: true, isUnknown: true };
    }
  }
}

