/**
 * The tail is trimmed: when a process has read its log, nothing but zeros stands behind the end of it, and behind what it
 * has written since. What a crash left half written would else be read again behind the next, shorter batch.
 */
import { viewOf } from "../base/bytes.ts";
import { readEnvelope, seedOf } from "../wal/record.ts";
import { HEADER_BYTES, readSegmentHeader, segmentName } from "../wal/segment.ts";
import { newestMarkSlot } from "./mark_slot.ts";
import { type Property, Violation } from "./property.ts";
import type { SimMachine } from "./sim_machine.ts";

export class CleanTail implements Property {
  readonly name = "the tail is trimmed";

  opened(member: SimMachine): void {
    if (member.isSilentlyLost) return;
    const directory = `/${member.id}/wal`;
    const mark = newestMarkSlot(member.disk.content(`${directory}/mark`) ?? new Uint8Array());
    // A log that was empty has got its first batch by now.
    if (mark === null || mark.batch === 0) return;
    const path = `${directory}/${segmentName(mark.sequence)}`;
    const content = member.disk.content(path) ?? new Uint8Array();
    const end = endOfBatches(content, mark.offset, mark.batch);
    const left = content.findIndex((byte, at) => at >= end && byte !== 0);
    if (left >= 0) throw new Violation(this.name, `${member.id} ends its log at ${mark.offset} of ${path}, and leaves bytes at ${left}`);
  }
}

/** Where the batches end that were written behind `offset`, one after the other: segments that are gone are told of at once. */
function endOfBatches(content: Uint8Array, offset: number, batch: number): number {
  const salt = readSegmentHeader(content.subarray(0, HEADER_BYTES))?.salt ?? 0;
  const view = viewOf(content);
  let [at, last] = [offset, batch];
  for (;;) {
    const envelope = readEnvelope(content, view, at, seedOf(salt, at));
    if (envelope === null || envelope.batch <= batch || envelope.batch < last || envelope.batch > last + 1) return at;
    at += envelope.length;
    last = envelope.batch;
  }
}
