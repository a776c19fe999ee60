/**
 * What vouches for a place in the log from behind it: a record of a batch that began later, since that batch was written
 * only when all before it was durable.
 */
import { getU64 } from "../base/bytes.ts";
import type { Task } from "../base/task.ts";
import { ENVELOPE_BYTES, readEnvelope, seedOf } from "./record.ts";
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
    for (let from = end; yield* reader.load(from, ENVELOPE_BYTES); from += 8) {
      from = nextBatchLike(reader, from, believed.lastBatch);
      if (!reader.has(from, ENVELOPE_BYTES)) continue;
      const envelope = readEnvelope(reader.bytes, reader.view, reader.at(from), seedOf(use.salt, from));
      if (envelope !== null && from - envelope.batchAt > end) return { offset: from, batch: envelope.mark };
    }
    return null;
  } finally {
    yield* reader.close();
  }
}

/** The first offset from `from` on at which an envelope of a later batch may stand; if there is none in what is loaded, the last one looked at. */
function nextBatchLike(reader: SegmentReader, from: number, lastBatch: number): number {
  const { view } = reader;
  for (let offset = from; ; offset += 8) {
    const at = reader.at(offset);
    if (!reader.has(offset + 8, ENVELOPE_BYTES)) return offset;
    const length = view.getUint32(at + 4, true);
    if (length < ENVELOPE_BYTES || offset + length > reader.sizeBytes) continue;
    const batch = getU64(view, at + 8);
    if (batch > lastBatch && getU64(view, at + 16) === batch - 1) return offset;
  }
}
