/** The header of a segment, if it is one of this log's. */
import { DraftError } from "../base/errors.ts";
import type { Task } from "../base/task.ts";
import type { RecoverySource } from "./scan.ts";
import { formatOf, HEADER_BYTES, isOwnSegment, readSegmentHeader, SEGMENT_FORMAT, type SegmentHeader } from "./segment.ts";
import { openReader, type SegmentReader } from "./segment_reader.ts";

/** The header of the segment, if it can be believed and is this node's and at its place. */
export function* readOwnHeader(source: RecoverySource, reader: SegmentReader, sequence: number): Task<SegmentHeader | null> {
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

/** As {@link readOwnHeader}, of a segment that is not being read. */
export function* ownHeaderOf(source: RecoverySource, sequence: number): Task<SegmentHeader | null> {
  const reader = yield* openReader(source, sequence);
  const header = yield* readOwnHeader(source, reader, sequence);
  yield* reader.close();
  return header;
}
