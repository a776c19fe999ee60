/**
 * The tail is trimmed: when a process has read its log, nothing but zeros stands behind the end of it. What a crash
 * left half written would else be read again behind the next, shorter batch.
 */
import { segmentName } from "../wal/segment.ts";
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
    const left = member.disk.content(path)?.findIndex((byte, at) => at >= mark.offset && byte !== 0) ?? -1;
    if (left >= 0) throw new Violation(this.name, `${member.id} ends its log at ${mark.offset} of ${path}, and leaves bytes at ${left}`);
  }
}
