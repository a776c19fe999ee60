/** Reads the mark file (src/wal/mark.ts draws its format) without the code under test. */
import { crc32, getU64, viewOf } from "../base/bytes.ts";

const SLOT_BYTES = 4096;
const FIELDS_AT = 16;
const FIELDS_END = 64;

/** The newest valid slot. */
export interface MarkSlot {
  readonly number: number;
  /** The last durable batch; 0: none yet. */
  readonly batch: number;
  /** Where the log was durable to: a segment, and an offset in it. */
  readonly sequence: number;
  readonly offset: number;
}

/** @returns null if no slot is valid */
export function newestMarkSlot(content: Uint8Array): MarkSlot | null {
  let newest: MarkSlot | null = null;
  for (const at of [0, SLOT_BYTES]) {
    const slot = content.subarray(at, at + SLOT_BYTES);
    if (slot.length < SLOT_BYTES) continue;
    const view = viewOf(slot);
    if (view.getUint32(12, true) !== crc32(slot, FIELDS_AT, FIELDS_END, crc32(slot, 0, 12, 0))) continue;
    const number = getU64(view, FIELDS_AT);
    if (newest === null || number > newest.number) newest = { number, batch: getU64(view, 24), sequence: getU64(view, 32), offset: getU64(view, 40) };
  }
  return newest;
}
