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
import { ENTRY_HEADER_BYTES, readHeader } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Task } from "../base/task.ts";
import type { GroupId } from "../raft/types.ts";
import type { Mark } from "./mark.ts";
import { type Envelope, ENVELOPE_BYTES, readEnvelope, RecordType, seedOf, typeName } from "./record.ts";
import type { RecordFault } from "./record_fault.ts";
import type { RecoveredGroups } from "./recovered_groups.ts";
import {
  formatOf,
  HEADER_BYTES,
  isBefore,
  isOwnSegment,
  type Place,
  readSegmentHeader,
  SEGMENT_FORMAT,
  type SegmentHeader,
  segmentName,
  type SegmentUse,
  type WalIdentity,
} from "./segment.ts";
import { openReader, type ReaderSource, type SegmentReader } from "./segment_reader.ts";
import { findVoucher } from "./voucher.ts";

/** What recovery reads with. */
export interface RecoverySource extends ReaderSource {
  readonly identity: WalIdentity;
  readonly mark: Mark;
  /** Hears of each segment that is about to be read: how many were read, of how many there are. */
  readonly reads?: (segment: number, segments: number) => void;
}

/** What stands in the log. */
export interface Scan {
  readonly groups: RecoveredGroups;
  readonly segments: Map<number, SegmentUse>;
  /** Behind the last record that counts; segment 0 if nothing does. */
  readonly end: Place;
  /** Where the last batch that counts began. */
  readonly lastBatchAt: Place;
  readonly lastBatch: number;
  /** The newest record of an edit, a repeated one too. */
  readonly lastEdit: { readonly batch: number; readonly group: GroupId };
}

/** How far the log was read, and why no further. */
interface Progress {
  groups: RecoveredGroups;
  segments: Map<number, SegmentUse>;
  end: Place;
  lastBatchAt: Place;
  lastBatch: number;
  lastEdit: Scan["lastEdit"];
  lastGroup: GroupId;
  /** What the log itself says of the segment that it begins with; 1 if nothing. */
  firstSegment: number;
  fault: RecordFault | null;
}

/**
 * Reads the whole log.
 *
 * @throws DraftError DAMAGED naming file, offset, group and index
 */
export function* scanLog(source: RecoverySource, sequences: readonly number[], groups: RecoveredGroups): Task<Scan> {
  const start: Place = { sequence: 0, offset: 0 };
  const progress: Progress = {
    groups, segments: new Map(), end: start, lastBatchAt: start, lastBatch: 0, lastEdit: { batch: 0, group: 0 }, lastGroup: 0, firstSegment: 1, fault: null,
  };
  const scan = yield* scanSegments(source, sequences, progress);
  yield* refuseDamage(source, sequences, progress);
  const { firstSegment } = source.mark;
  if (firstSegment > progress.firstSegment) {
    const place = { sequence: firstSegment, offset: 0 };
    throw yield* damaged(source, progress, place, `the mark says that the log begins here; the log says that it begins with segment ${progress.firstSegment}`);
  }
  const saltOf = (sequence: number): number => progress.segments.get(sequence)?.salt ?? 0;
  yield* groups.finish({ disk: source.disk, directory: source.directory, saltOf });
  return scan;
}

/** Reads segment after segment. @returns what counts, which is less than what was read if the last one is to be begun anew */
function* scanSegments(source: RecoverySource, sequences: readonly number[], progress: Progress): Task<Scan> {
  const begin = source.mark.firstSegment;
  const segments = sequences.filter((sequence) => sequence >= begin).length;
  const there = new Set(sequences);
  for (let sequence = begin; progress.fault === null && there.has(sequence); sequence++) {
    source.reads?.(sequence - begin, segments);
    const reader = yield* openReader(source, sequence);
    try {
      const header = yield* readOwnHeader(source, reader, sequence);
      if (header === null) break;
      if (sequence === begin) progress.lastBatch = header.firstBatch - 1;
      else if (header.previousEnd !== progress.end.offset || header.firstBatch !== progress.lastBatch + 1) break;
      const before = { ...progress };
      // A segment that does not repeat all that it was to would be useless once older segments are gone: it is begun anew.
      if (!(yield* scanSegment(source, reader, header, progress))) return { ...before, segments: without(progress.segments, sequence) };
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

/** Reads one segment's records. @returns whether all that it repeats is there */
function* scanSegment(source: RecoverySource, reader: SegmentReader, header: SegmentHeader, progress: Progress): Task<boolean> {
  const use = { salt: header.salt, begin: HEADER_BYTES, end: HEADER_BYTES };
  progress.segments.set(header.sequence, use);
  progress.end = { sequence: header.sequence, offset: HEADER_BYTES };
  let repeated = 0;
  for (;;) {
    const offset = progress.end.offset;
    if (!reader.has(offset, ENVELOPE_BYTES) && !(yield* reader.load(offset, ENVELOPE_BYTES))) break;
    const envelope = readEnvelope(reader.bytes, reader.view, reader.at(offset), seedOf(header.salt, offset));
    if (envelope === null || !isNext(envelope, offset, header, progress)) break;
    if (!reader.has(offset, envelope.length) && !(yield* reader.load(offset, envelope.length))) break;
    progress.fault = yield* takeRecord(source, reader, envelope, progress);
    if (progress.fault !== null) break;
    if (repeated < header.repeated && isRepeated(envelope)) {
      repeated += 1;
      use.begin = offset + envelope.length;
    }
    progress.lastBatch = envelope.batch;
    if (envelope.type === RecordType.edit) progress.lastEdit = { batch: envelope.batch, group: envelope.group };
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
  if (envelope.type === RecordType.entries) return groups.entries(envelope, reader.bytes, reader.view, at, end);
  const body = reader.bytes.subarray(at + ENVELOPE_BYTES, at + envelope.length);
  if (crc32(body, 0, body.length, 0) !== envelope.bodySum) {
    return { what: `the body of a ${typeName(envelope.type)} record does not fit its sum`, group: envelope.group, index: 0, contradicts: false };
  }
  const saltOf = (sequence: number): number => progress.segments.get(sequence)?.salt ?? 0;
  const segments = { disk: source.disk, directory: source.directory, saltOf };
  switch (envelope.type) {
    case RecordType.hardState:
      return groups.hardState(envelope, body);
    case RecordType.groupMade:
      return groups.groupMade(envelope, body);
    case RecordType.base:
      return end.sequence === source.mark.firstSegment ? groups.begin(envelope, body) : groups.base(envelope, body);
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
      return { what: `${what}; start the version of draft that wrote it`, group: envelope.group, index: 0, contradicts: true };
    }
  }
}

/** Ends the start if something vouches for what lies behind the last record that can be believed. */
function* refuseDamage(source: RecoverySource, sequences: readonly number[], progress: Progress): Task<void> {
  const { end, fault, lastBatch } = progress;
  if (fault?.contradicts === true) throw yield* damaged(source, progress, end, "");
  if (isBefore(end, source.mark) || source.mark.batch > lastBatch) {
    const place = yield* placeOfDamage(source, sequences, progress, source.mark.sequence > end.sequence);
    throw yield* damaged(source, progress, place, `the mark says that batch ${source.mark.batch} is durable`);
  }
  for (const sequence of sequences.filter((sequence) => sequence > end.sequence)) {
    const reader = yield* openReader(source, sequence);
    const header = yield* readOwnHeader(source, reader, sequence);
    yield* reader.close();
    if (header === null) continue;
    const place = yield* placeOfDamage(source, sequences, progress, true);
    throw yield* damaged(source, progress, place, `segment ${sequence} says that batch ${header.firstBatch - 1} is durable`);
  }
  const voucher = yield* findVoucher(source, progress);
  if (voucher !== null) {
    throw yield* damaged(source, progress, end, `a record at offset ${voucher.offset} says that batch ${voucher.batch} is durable`);
  }
}

/** The end itself, or, if the log goes on in later segments and not here, the next one: its header or the whole file is missing. */
function* placeOfDamage(source: RecoverySource, sequences: readonly number[], progress: Progress, goesOn: boolean): Task<Place> {
  const { end } = progress;
  if (end.sequence === 0) return { sequence: source.mark.firstSegment, offset: 0 };
  if (!goesOn || (yield* findVoucher(source, progress)) !== null) return end;
  const next = { sequence: end.sequence + 1, offset: 0 };
  if (!sequences.includes(next.sequence)) return next;
  const reader = yield* openReader(source, next.sequence);
  const header = yield* readOwnHeader(source, reader, next.sequence);
  yield* reader.close();
  return header === null ? next : end;
}

/** The header of the segment, if it can be believed and is this node's and at its place. */
function* readOwnHeader(source: RecoverySource, reader: SegmentReader, sequence: number): Task<SegmentHeader | null> {
  if (!(yield* reader.load(0, HEADER_BYTES))) return null;
  const block = reader.bytes.subarray(reader.at(0), reader.at(HEADER_BYTES));
  const format = formatOf(block);
  if (format > SEGMENT_FORMAT) {
    const wanted = `format ${format}, wanted ${SEGMENT_FORMAT}; start the draft that wrote it`;
    throw new DraftError("WRONG_IDENTITY", `log file "${reader.path}" has ${wanted}`);
  }
  const header = readSegmentHeader(block);
  return header !== null && isOwnSegment(header, source.identity, sequence) ? header : null;
}

/** The error that names what is damaged, with group and index as far as they can be told. */
function* damaged(source: RecoverySource, progress: Progress, place: Place, voucher: string): Task<DraftError> {
  const { fault, end, groups, lastGroup } = progress;
  const known = fault ?? (place === end ? yield* peekEntry(source, place) : null);
  const where = known === null
    ? `behind group ${lastGroup}, index ${groups.lastIndex(lastGroup)}`
    : `group ${known.group}, index ${known.index}`;
  const what = `found ${fault?.what ?? "nothing that can be read"}`;
  const wanted = voucher === "" ? "" : `, yet ${voucher}`;
  const file = `"${source.directory}/${segmentName(place.sequence)}" at offset ${place.offset} (${where})`;
  const next = `type: draft log check --data ${shellWord(source.directory.replace(/\/wal$/, ""))}`;
  return new DraftError("DAMAGED", `log file ${file} is damaged: ${what}${wanted}; ${next}`);
}

/** The entry that seems to stand at `place`, behind an envelope that does not verify. */
function* peekEntry(source: RecoverySource, place: Place): Task<{ group: GroupId; index: number } | null> {
  const reader = yield* openReader(source, place.sequence);
  const isThere = yield* reader.load(place.offset + ENVELOPE_BYTES, ENTRY_HEADER_BYTES);
  const head = isThere ? readHeader(reader.bytes, reader.view, reader.at(place.offset + ENVELOPE_BYTES)) : null;
  yield* reader.close();
  return head;
}
