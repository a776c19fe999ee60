/**
 * The mark file, `wal/mark`: up to where the WAL is known durable. It tells an unfinished write at the end, which is
 * cut, from damage, which is named. Two slots, written in turn, each in a block of its own: a torn write of one leaves
 * the other.
 *
 * ```text
 * slot n at n * 4096, format 1, little-endian
 * offset size type  field
 *      0    8       magic "draftmrk"
 *      8    4  u32  format        1
 *     12    4  u32  sum           CRC-32 of bytes 16..64, continued from the CRC-32 of bytes 0..12
 *     16    8  u64  number        counts up; slot = number mod 2; the highest valid one holds
 *     24    8  u64  batch         highest batch known durable; 0 if none; 2^53-1 while a damaged log is being cut (cut_damage.ts)
 *     32    8  u64  sequence      segment in which that batch ends; 0 if none
 *     40    8  u64  offset        where in that segment it ends
 *     48    8  u64  incarnation
 *     56    8  u64  firstSegment  the log begins with this segment; earlier ones are dead, if they are there
 *     64            zeros up to 4096
 * ```
 */
import { assert } from "../base/assert.ts";
import { crc32, getU64, setU64, viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import { parentOf, readWhole, replaceWhole, writeAll } from "../host/files.ts";
import type { Disk, File } from "../host/host.ts";
import type { Incarnation } from "../raft/types.ts";
import { checkNext } from "./damage.ts";
import type { Place } from "./segment.ts";

const SLOT_BYTES = 4096;
const FIELDS_END = 64;
const SUM_AT = 12;
const FORMAT = 1;
const MAGIC = "draftmrk";
export const MARK_NAME = "mark";
/** A batch that no log holds: whatever stands in a log whose mark vouches for it, what it ends with is not believed. */
export const NO_LOGS_BATCH: number = Number.MAX_SAFE_INTEGER;

/** Up to and including which batch the WAL is durable, and where that batch ends. */
export interface Mark extends Place {
  readonly batch: number;
  /** With which segment the log begins. */
  readonly firstSegment: number;
}

const NOTHING: Mark = { batch: 0, sequence: 0, offset: 0, firstSegment: 1 };

interface Slot {
  readonly number: number;
  readonly incarnation: Incarnation;
  readonly mark: Mark;
}

/** The mark file of one WAL. Writes never overlap; what is asked for meanwhile becomes one later write. */
export class MarkFile {
  #file: File;
  #incarnation: Incarnation;
  #number: number;
  #wanted: Mark;
  #waiting: Done<void>[] = [];
  #writing = false;

  constructor(file: File, incarnation: Incarnation, number: number, mark: Mark) {
    this.#file = file;
    this.#incarnation = incarnation;
    this.#number = number;
    this.#wanted = mark;
  }

  /** Makes `mark` durable, or a later one. After an error nothing more may be written. */
  write(mark: Mark, done: Done<void>): void {
    if (mark.batch >= this.#wanted.batch) this.#wanted = mark;
    this.#waiting.push(done);
    if (!this.#writing) this.#writeNext();
  }

  /**
   * Makes `mark` durable though it says less than before, in both slots: the one way in which a mark may fall, before a
   * batch is taken back that nothing was built on.
   */
  *lower(mark: Mark): Task<void> {
    assert(!this.#writing && this.#waiting.length === 0, "a mark falls while nobody writes it", mark.batch);
    this.#wanted = mark;
    for (let slots = 0; slots < 2; slots++) yield* wait<void>((done) => this.write(mark, done));
  }

  close(done: Done<void>): void {
    this.#file.close(done);
  }

  #writeNext(): void {
    const told = this.#waiting;
    if (told.length === 0) return;
    this.#waiting = [];
    this.#writing = true;
    this.#number += 1;
    runTask(writeSlot(this.#file, { number: this.#number, incarnation: this.#incarnation, mark: this.#wanted }), (...[error]) => {
      this.#writing = false;
      for (const done of told) {
        if (error === null) done(null, undefined);
        else done(error);
      }
      if (error === null) this.#writeNext();
    });
  }
}

function* writeSlot(file: File, slot: Slot): Task<void> {
  yield* writeAll(file, [slotBytes(slot)], (slot.number % 2) * SLOT_BYTES);
  yield* wait<void>((done) => file.sync(done));
}

/**
 * Opens the mark file in `directory`, making it where `mayMake`: a WAL that has segments has a mark, or was damaged.
 *
 * @throws DraftError DAMAGED, WRONG_IDENTITY
 */
export function* openMark(disk: Disk, directory: string, incarnation: Incarnation, mayMake: boolean): Task<{ file: MarkFile; mark: Mark }> {
  const path = `${directory}/${MARK_NAME}`;
  const content = yield* readWhole(disk, path, 2 * SLOT_BYTES);
  let newest: Slot = { number: 1, incarnation, mark: NOTHING };
  if (content === null) {
    if (!mayMake) {
      throw new DraftError("DAMAGED", `mark file "${path}" is missing: found segments, wanted their mark too; ${checkNext(directory)}`);
    }
    yield* replaceWhole(disk, directory, MARK_NAME, firstContent(newest));
  } else {
    newest = newestSlot(content, path);
    if (newest.incarnation !== incarnation) {
      throw new DraftError("WRONG_IDENTITY", `mark file "${path}" is another node's: incarnation ${newest.incarnation}, wanted ${incarnation}: ` +
        `put each node's own files back; what is whose tells: draft log check --data ${shellWord(parentOf(directory))}`);
    }
  }
  const file = yield* wait<File>((done) => disk.open(path, { write: true }, done));
  return { file: new MarkFile(file, incarnation, newest.number, newest.mark), mark: newest.mark };
}

/**
 * Replaces the whole mark file, durably: the old one or the new one is there, whatever happens in between, and the old one
 * may be one that cannot be read. Nobody has it open.
 */
export function* renewMark(disk: Disk, directory: string, incarnation: Incarnation, mark: Mark): Task<void> {
  yield* replaceWhole(disk, directory, MARK_NAME, firstContent({ number: 1, incarnation, mark }));
}

function newestSlot(content: Uint8Array, path: string): Slot {
  const slots = [readSlot(content, 0), readSlot(content, SLOT_BYTES)].filter((slot) => slot !== null);
  const newest = slots.sort((a, b) => b.number - a.number)[0];
  if (newest === undefined) throw new DraftError("DAMAGED", `mark file "${path}" cannot be read: neither of its two slots is valid, wanted one; ${checkNext(parentOf(path))}`);
  return newest;
}

function firstContent(slot: Slot): Uint8Array {
  const content = new Uint8Array(2 * SLOT_BYTES);
  content.set(slotBytes(slot), (slot.number % 2) * SLOT_BYTES);
  return content;
}

function slotBytes(slot: Slot): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  const view = viewOf(bytes);
  bytes.set(new TextEncoder().encode(MAGIC), 0);
  view.setUint32(8, FORMAT, true);
  setU64(view, 16, slot.number);
  setU64(view, 24, slot.mark.batch);
  setU64(view, 32, slot.mark.sequence);
  setU64(view, 40, slot.mark.offset);
  setU64(view, 48, slot.incarnation);
  setU64(view, 56, slot.mark.firstSegment);
  view.setUint32(SUM_AT, sumOf(bytes), true);
  return bytes;
}

function readSlot(content: Uint8Array, at: number): Slot | null {
  if (content.length < at + SLOT_BYTES) return null;
  const bytes = content.subarray(at, at + SLOT_BYTES);
  const view = viewOf(bytes);
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC || view.getUint32(8, true) !== FORMAT) return null;
  if (view.getUint32(SUM_AT, true) !== sumOf(bytes)) return null;
  return {
    number: getU64(view, 16),
    incarnation: getU64(view, 48),
    mark: { batch: getU64(view, 24), sequence: getU64(view, 32), offset: getU64(view, 40), firstSegment: getU64(view, 56) },
  };
}

function sumOf(bytes: Uint8Array): number {
  return crc32(bytes, 16, FIELDS_END, crc32(bytes, 0, SUM_AT, 0));
}
