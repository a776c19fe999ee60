/**
 * What vouches for a place in the log from behind it: a record of a batch that began later, since that batch was written
 * only when all before it was durable.
 */
import { getU64 } from "../base/bytes.ts";
import type { Task } from "../base/task.ts";
import { type Envelope, ENVELOPE_BYTES, readEnvelope, seedOf } from "./record.ts";
import type { Place, SegmentUse } from "./segment.ts";
import { openReader, type ReaderSource, type SegmentReader } from "./segment_reader.ts";

/** Up to where a log can be believed. */
export interface BelievedEnd {
  readonly segments: ReadonlyMap<number, SegmentUse>;
  readonly end: Place;
  readonly lastBatch: number;
}

/**
 * Looks behind the end for a record of a batch that began behind it. What the file held in an earlier use, tens of
 * megabytes of it, is passed over quickly: its batches have lower numbers.
 */
export function* findVoucher(source: ReaderSource, believed: BelievedEnd): Task<{ readonly offset: number; readonly batch: number } | null> {
  const { sequence, offset: end } = believed.end;
  const use = believed.segments.get(sequence);
  if (use === undefined) return null;
  const reader = yield* openReader(source, sequence);
  try {
    const found = yield* search(reader, use.salt, end, believed.lastBatch + 1, (envelope, from) => from - envelope.batchAt > end);
    return found === null ? null : { offset: found.offset, batch: found.mark };
  } finally {
    yield* reader.close();
  }
}

/** The highest batch that a record behind the end says was durable; 0 if there is none. */
export function* strongestVoucher(source: ReaderSource, believed: BelievedEnd): Task<number> {
  let durable = 0;
  yield* searchIn(source, believed, (envelope) => {
    durable = Math.max(durable, envelope.mark);
    return false;
  });
  return durable;
}

/** A record behind the end, and where it stands. */
export interface FoundRecord extends Envelope {
  readonly offset: number;
}

/** The first record from the end on that begins a batch, or is of one that was durable: up to batch `durable`. */
export function* findRecordBehind(source: ReaderSource, believed: BelievedEnd, durable: number): Task<FoundRecord | null> {
  return yield* searchIn(source, believed, ({ batchAt, batch }) => batchAt === 0 || batch <= durable);
}

function* searchIn(source: ReaderSource, { segments, end: { sequence, offset }, lastBatch }: BelievedEnd, isMeant: (envelope: Envelope) => boolean): Task<FoundRecord | null> {
  const use = segments.get(sequence);
  if (use === undefined) return null;
  const reader = yield* openReader(source, sequence);
  try {
    return yield* search(reader, use.salt, offset, lastBatch, isMeant);
  } finally {
    yield* reader.close();
  }
}

function* search(
  reader: SegmentReader, salt: number, begin: number, batchMin: number, isMeant: (envelope: Envelope, offset: number) => boolean,
): Task<FoundRecord | null> {
  for (let from = begin; yield* reader.load(from, ENVELOPE_BYTES); from += 8) {
    from = nextBatchLike(reader, from, batchMin);
    if (!reader.has(from, ENVELOPE_BYTES)) continue;
    const envelope = readEnvelope(reader.bytes, reader.view, reader.at(from), seedOf(salt, from));
    if (envelope !== null && isMeant(envelope, from)) return { ...envelope, offset: from };
  }
  return null;
}

/** The first offset from `from` on at which an envelope of such a batch may stand; if there is none in what is loaded, the last one looked at. */
function nextBatchLike(reader: SegmentReader, from: number, batchMin: number): number {
  const { view } = reader;
  for (let offset = from; ; offset += 8) {
    const at = reader.at(offset);
    if (!reader.has(offset + 8, ENVELOPE_BYTES)) return offset;
    const length = view.getUint32(at + 4, true);
    if (length < ENVELOPE_BYTES || offset + length > reader.sizeBytes) continue;
    const batch = getU64(view, at + 8);
    if (batch >= batchMin && getU64(view, at + 16) === batch - 1) return offset;
  }
}
