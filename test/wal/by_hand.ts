/** Logs that no WAL writes: made by hand, with right sums. */
import { concatBytes, crc32, viewOf } from "../../src/base/bytes.ts";
import { readEnvelope, seedOf } from "../../src/wal/record.ts";
import { type PendingRecord, sealBatch } from "../../src/wal/record_queue.ts";
import { HEADER_BYTES, readSegmentHeader, type SegmentHeader } from "../../src/wal/segment.ts";
import { DIRECTORY, type Rig } from "./fixture.ts";

export const MARK: string = `${DIRECTORY}/wal/mark`;

/** Writes a record behind the last one of a segment, as a batch of its own. */
export function appendByHand(rig: Rig, sequence: number, record: PendingRecord): void {
  const content = rig.disk.content(rig.segment(sequence)) as Uint8Array;
  const view = viewOf(content);
  const { salt, firstBatch } = readSegmentHeader(content.subarray(0, HEADER_BYTES)) as SegmentHeader;
  let at = HEADER_BYTES;
  let batch = firstBatch - 1;
  for (let next = readEnvelope(content, view, at, seedOf(salt, at)); next !== null; next = readEnvelope(content, view, at, seedOf(salt, at))) {
    at += next.length;
    batch = next.batch;
  }
  content.set(concatBytes(sealBatch([record], batch + 1, at, salt)), at);
  rig.disk.overwrite(rig.segment(sequence), content);
}

/** Lets both slots of the mark file say that the log begins with segment `sequence`. */
export function markFirstByHand(rig: Rig, sequence: number): void {
  const content = rig.disk.content(MARK) as Uint8Array;
  for (const at of [0, 4096]) {
    const slot = content.subarray(at, at + 4096);
    viewOf(slot).setUint32(56, sequence, true);
    viewOf(slot).setUint32(12, crc32(slot, 16, 64, crc32(slot, 0, 12, 0)), true);
  }
  rig.disk.overwrite(MARK, content);
}
