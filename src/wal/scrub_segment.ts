/**
 * Reads a closed segment again as a start would: header, envelopes, batches, bodies, entries with their sums and chains.
 * What was once read back whole may rot, and nobody would know before it is needed.
 */
import { crc32, viewOf } from "../base/bytes.ts";
import type { EntryHead } from "../base/entry.ts";
import type { Task } from "../base/task.ts";
import type { GroupId } from "../raft/types.ts";
import { type Envelope, ENVELOPE_BYTES, readEnvelope, RecordType, seedOf, typeName } from "./record.ts";
import { verifyRun } from "./record_fault.ts";
import { HEADER_BYTES, readSegmentHeader, type SegmentHeader, type SegmentUse } from "./segment.ts";
import { openReader, type ReaderSource, type SegmentReader } from "./segment_reader.ts";

/** Where a segment is rotten. */
export interface SegmentFault {
  readonly offset: number;
  readonly what: string;
}

/** How far a segment was read. */
interface Read {
  offset: number;
  batch: number;
  batchAt: number;
  readonly lasts: Map<GroupId, EntryHead>;
}

/**
 * Reads the segment to the end of what it holds.
 *
 * @param rest called behind each record with its length in bytes
 * @returns the first fault; null if it is sound
 * @throws HostError if the file cannot be opened: it may have left the log
 */
export function* scrubSegment(source: ReaderSource, sequence: number, use: SegmentUse, rest: (bytes: number) => Task<void>): Task<SegmentFault | null> {
  const reader = yield* openReader(source, sequence);
  try {
    const header = (yield* reader.load(0, HEADER_BYTES)) ? readSegmentHeader(reader.bytes.subarray(reader.at(0), reader.at(HEADER_BYTES))) : null;
    if (header === null || header.sequence !== sequence || header.salt !== use.salt) return { offset: 0, what: "its header cannot be believed" };
    const read: Read = { offset: HEADER_BYTES, batch: header.firstBatch - 1, batchAt: HEADER_BYTES, lasts: new Map() };
    while (read.offset < use.end) {
      const { offset } = read;
      const what = yield* scrubRecord(reader, header, use, read);
      if (what !== null) return { offset, what };
      yield* rest(read.offset - offset);
    }
    return null;
  } finally {
    yield* reader.close();
  }
}

/** @returns what is wrong with the record; null if nothing is */
function* scrubRecord(reader: SegmentReader, { salt }: SegmentHeader, { end }: SegmentUse, read: Read): Task<string | null> {
  const { offset } = read;
  const isThere = yield* reader.load(offset, ENVELOPE_BYTES);
  const envelope = isThere ? readEnvelope(reader.bytes, reader.view, reader.at(offset), seedOf(salt, offset)) : null;
  if (envelope === null || offset + envelope.length > end) return "an envelope does not verify";
  const isNext = envelope.batchAt === 0 ? envelope.batch === read.batch + 1 : envelope.batch === read.batch && offset - envelope.batchAt === read.batchAt;
  if (!isNext) return "a record of another batch";
  if (!(yield* reader.load(offset, envelope.length))) return "the file ends too early";
  const what = faultOf(envelope, reader, offset, read.lasts);
  read.batch = envelope.batch;
  read.batchAt = offset - envelope.batchAt;
  read.offset = offset + envelope.length;
  return what;
}

function faultOf(envelope: Envelope, reader: SegmentReader, offset: number, lasts: Map<GroupId, EntryHead>): string | null {
  const at = reader.at(offset) + ENVELOPE_BYTES;
  const isRun = envelope.type === RecordType.entries;
  const body = reader.bytes.subarray(at, at + envelope.length - ENVELOPE_BYTES);
  if (!isRun && crc32(body, 0, body.length, 0) !== envelope.bodySum) return `the body of a ${typeName(envelope.type)} record does not fit its sum`;
  // Behind a truncation, or a log that began anew, another entry than the last goes on.
  if (!isRun && envelope.type !== RecordType.hardState && envelope.type !== RecordType.relocated) lasts.delete(envelope.group);
  if (!isRun && envelope.type !== RecordType.relocated) return null;
  const last = isRun ? lasts.get(envelope.group) : undefined;
  const before = last?.index === envelope.firstIndex - 1 ? { term: last.term, chain: last.chain } : { term: 0, chain: null };
  const heads: EntryHead[] = [];
  const fault = verifyRun(envelope, before, { bytes: body, view: viewOf(body), at: 0 }, heads);
  const newest = heads.at(-1);
  if (isRun && fault === null && newest !== undefined) lasts.set(envelope.group, newest);
  return fault?.what ?? null;
}
