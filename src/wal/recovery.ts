/**
 * Reading the log at the start. Segments are read in order, records in order, up to the first byte that cannot be
 * believed. What that means is decided by what is known durable, never by how it looks: if the mark file, a record
 * behind or a later segment vouches for that place, it is damage and the start is refused; else it is the unfinished
 * write of a crash, and it and all behind it, valid or not, is cut (recovery_cut.ts).
 *
 * A batch is written only once the one before it is durable, so a record vouches for all that lies before its batch,
 * and a segment's header for all segments before.
 */
import { crc32 } from "../base/bytes.ts";
import { ENTRY_HEADER_BYTES, readHeader } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import type { GroupId } from "../raft/types.ts";
import type { Mark } from "./mark.ts";
import { type Envelope, ENVELOPE_BYTES, readEnvelope, RecordType, seedOf, typeName } from "./record.ts";
import type { RecordFault, RecoveredGroups } from "./recovered_groups.ts";
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
  type WalIdentity,
} from "./segment.ts";
import { SegmentReader } from "./segment_reader.ts";

/** What recovery reads with. */
export interface RecoverySource {
  readonly disk: Disk;
  readonly directory: string;
  readonly identity: WalIdentity;
  readonly mark: Mark;
  /** Bytes that are read at a time. */
  readonly readBytes: number;
}

/** What stands in the log. */
export interface Scan {
  readonly groups: RecoveredGroups;
  readonly salts: Map<number, number>;
  /** Behind the last record that counts; segment 0 if nothing does. */
  readonly end: Place;
  /** Where the last batch that counts began. */
  readonly lastBatchAt: Place;
  readonly lastBatch: number;
}

/** How far the log was read, and why no further. */
interface Progress {
  groups: RecoveredGroups;
  salts: Map<number, number>;
  end: Place;
  lastBatchAt: Place;
  lastBatch: number;
  lastGroup: GroupId;
  fault: RecordFault | null;
}

/**
 * Reads the whole log.
 *
 * @throws DraftError DAMAGED naming file, offset, group and index
 */
export function* scanLog(source: RecoverySource, sequences: readonly number[], groups: RecoveredGroups): Task<Scan> {
  const start: Place = { sequence: 0, offset: 0 };
  const progress: Progress = { groups, salts: new Map(), end: start, lastBatchAt: start, lastBatch: 0, lastGroup: 0, fault: null };
  let before: Progress | null = null;
  for (let sequence = 1; progress.fault === null && sequences.includes(sequence); sequence++) {
    const reader = yield* openReader(source, sequence);
    try {
      const header = yield* readOwnHeader(source, reader, sequence);
      const continues = header?.previousEnd === progress.end.offset && header.firstBatch === progress.lastBatch + 1;
      if (header === null || !continues) break;
      before = { ...progress };
      if (yield* scanSegment(source, reader, header, progress)) before = null;
      else break;
    } finally {
      yield* reader.close();
    }
  }
  yield* refuseDamage(source, sequences, progress);
  // A segment whose bases are not whole would be useless once older segments are gone: it is begun anew.
  if (before !== null) return before;
  return progress;
}

/** Reads one segment's records. @returns whether all of its bases are there */
function* scanSegment(source: RecoverySource, reader: SegmentReader, header: SegmentHeader, progress: Progress): Task<boolean> {
  progress.salts.set(header.sequence, header.salt);
  progress.end = { sequence: header.sequence, offset: HEADER_BYTES };
  let bases = 0;
  for (;;) {
    const offset = progress.end.offset;
    if (!reader.has(offset, ENVELOPE_BYTES) && !(yield* reader.load(offset, ENVELOPE_BYTES))) break;
    const envelope = readEnvelope(reader.bytes, reader.view, reader.at(offset), seedOf(header.salt, offset));
    if (envelope === null || !isNext(envelope, offset, header, progress)) break;
    if (!reader.has(offset, envelope.length) && !(yield* reader.load(offset, envelope.length))) break;
    progress.fault = yield* takeRecord(source, reader, envelope, progress);
    if (progress.fault !== null) break;
    if (envelope.type === RecordType.base) bases += 1;
    progress.lastBatch = envelope.batch;
    progress.lastGroup = envelope.group;
    progress.lastBatchAt = { sequence: header.sequence, offset: offset - envelope.batchAt };
    progress.end = { sequence: header.sequence, offset: offset + envelope.length };
  }
  return bases >= header.bases;
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
  switch (envelope.type) {
    case RecordType.hardState:
      return groups.hardState(envelope, body);
    case RecordType.groupMade:
      return groups.groupMade(envelope, body);
    case RecordType.base:
      return groups.base(envelope, body);
    case RecordType.truncate:
      return yield* groups.truncate(envelope, {
        disk: source.disk,
        directory: source.directory,
        saltOf: (sequence) => progress.salts.get(sequence) ?? 0,
      });
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
    const place = yield* placeOfDamage(source, sequences, end);
    throw yield* damaged(source, progress, place, `the mark says that batch ${source.mark.batch} is durable`);
  }
  for (const sequence of sequences.filter((sequence) => sequence > end.sequence)) {
    const reader = yield* openReader(source, sequence);
    const header = yield* readOwnHeader(source, reader, sequence);
    yield* reader.close();
    if (header === null) continue;
    const place = yield* placeOfDamage(source, sequences, end);
    throw yield* damaged(source, progress, place, `segment ${sequence} says that batch ${header.firstBatch - 1} is durable`);
  }
  const voucher = yield* findVoucher(source, progress);
  if (voucher !== null) {
    throw yield* damaged(source, progress, end, `a record at offset ${voucher.offset} says that batch ${voucher.batch} is durable`);
  }
}

/** Looks behind the end for a record of a batch that began behind it: such a batch vouches for all before it. */
function* findVoucher(source: RecoverySource, progress: Progress): Task<{ offset: number; batch: number } | null> {
  const { sequence, offset: end } = progress.end;
  const salt = progress.salts.get(sequence);
  if (salt === undefined) return null;
  const reader = yield* openReader(source, sequence);
  try {
    for (let from = end; ;) {
      const offset = Math.floor((yield* reader.findNonZero(from)) / 8) * 8;
      if (!(yield* reader.load(offset, ENVELOPE_BYTES))) return null;
      const length = reader.view.getUint32(reader.at(offset) + 4, true);
      // Only a length that fits is worth a sum.
      if (length >= ENVELOPE_BYTES && offset + length <= reader.sizeBytes) {
        const envelope = readEnvelope(reader.bytes, reader.view, reader.at(offset), seedOf(salt, offset));
        if (envelope !== null && offset - envelope.batchAt > end) return { offset, batch: envelope.mark };
      }
      from = offset + 8;
    }
  } finally {
    yield* reader.close();
  }
}

/** The end itself, or, if only zeros follow there, the segment behind it: its header or the whole file is missing. */
function* placeOfDamage(source: RecoverySource, sequences: readonly number[], end: Place): Task<Place> {
  if (end.sequence === 0) return { sequence: 1, offset: 0 };
  const isLater = source.mark.sequence > end.sequence || (sequences.at(-1) ?? 0) > end.sequence;
  if (!isLater) return end;
  const reader = yield* openReader(source, end.sequence);
  const nonZero = yield* reader.findNonZero(end.offset);
  const sizeBytes = reader.sizeBytes;
  yield* reader.close();
  return nonZero < sizeBytes ? end : { sequence: end.sequence + 1, offset: 0 };
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

/** Opens a segment for reading. */
export function* openReader(source: RecoverySource, sequence: number): Task<SegmentReader> {
  const path = `${source.directory}/${segmentName(sequence)}`;
  const stat = yield* wait<FileStat | null>((done) => source.disk.stat(path, done));
  const file = yield* wait<File>((done) => source.disk.open(path, {}, done));
  return new SegmentReader(path, file, stat?.bytes ?? 0, source.readBytes);
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
