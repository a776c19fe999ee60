/**
 * The newest changes of one replica, for watchers to read: those that come as well as those that come back. What it holds
 * is decided by the log alone, so replicas that applied the same entries hold the same, whether they applied them all, read
 * them again at a start, or go on from a snapshot, which carries it. The one exception is a machine on disk that was ahead
 * of its snapshot: what it had emitted is not emitted again, so its history begins behind that.
 *
 * Nobody relies on it: a history that holds less makes watchers ask another node, and no watcher is ever told less.
 */
import { assert } from "../base/assert.ts";
import type { Index } from "../raft/types.ts";
import { behindEntry, changeBytes, type ChangeCursor, compareCursors, type HeldChange, type HeldValue } from "./change.ts";

/** How much is held. Equal on all nodes, or their histories differ. */
export interface HistoryLimits {
  /** Changes, at most. An entry that makes more of them is held by nobody: who watches begins anew behind it. */
  readonly changesMax: number;
  /** Bytes, as `changeBytes` counts them, at most. */
  readonly bytesMax: number;
}

/** 65,536 changes and 16 MiB. */
export const HISTORY_LIMITS: HistoryLimits = { changesMax: 65_536, bytesMax: 16 * 1024 * 1024 };

/** Room in the beginning; it doubles with need. */
const ROOM_MIN = 256;

const NOWHERE: ChangeCursor = { index: 0, n: 0 };

/** What one entry emitted; the first change at 0. */
export interface EntryChanges {
  /** How many; Infinity: more than is ever held. */
  readonly size: number;
  keyAt(at: number): string;
  valueAt(at: number): HeldValue;
}

/**
 * The changes of one replica: a ring of fields, not of objects, since it stands on the path of every write and what it
 * holds lives just long enough to cost a collector most.
 */
export class ChangeHistory {
  readonly limits: HistoryLimits;
  /** Use: the change at position p stands at (first + p) modulo the room. Invariant: ascending by place. */
  #keys: string[] = [];
  #values: HeldValue[] = [];
  #indexes: Float64Array = new Float64Array(0);
  #numbers: Uint32Array = new Uint32Array(0);
  #first = 0;
  #size = 0;
  #bytes = 0;
  /** Who has heard less misses something. Invariant: before the first change that is held. */
  #floor: ChangeCursor = NOWHERE;

  constructor(limits: HistoryLimits = HISTORY_LIMITS) {
    this.limits = limits;
  }

  /** Changes that are held. */
  get size(): number {
    return this.#size;
  }

  /** What they count. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How far one must have heard for nothing to be missing. */
  get floor(): ChangeCursor {
    return this.#floor;
  }

  /** All changes of the entries from here on are held. */
  get oldestIndex(): Index {
    const { index, n } = this.#floor;
    return Math.max(1, n === 0 ? index : index + 1);
  }

  /** Adds what the entry `index` emitted: all of it, in its order; of more than is ever held nothing. */
  append(index: Index, changes: EntryChanges): void {
    const { size } = changes;
    if (size > this.limits.changesMax) return this.lose(index);
    for (let at = 0; at < size; at++) this.#push(index, at + 1, changes.keyAt(at), changes.valueAt(at));
  }

  /** Nobody knows any more what entries up to `index` changed. */
  lose(index: Index): void {
    this.restore(behindEntry(index));
  }

  /** Begins with what a snapshot held. @param floor see {@link floor} */
  restore(floor: ChangeCursor): void {
    this.#keys = [];
    this.#values = [];
    this.#indexes = new Float64Array(0);
    this.#numbers = new Uint32Array(0);
    this.#first = this.#size = this.#bytes = 0;
    this.#floor = floor;
  }

  /** Adds a change that a snapshot held, behind those before it. */
  restoreChange({ index, n, key, value }: HeldChange): void {
    this.#push(index, n, key, value);
  }

  /** The position of the first change that who has heard up to `cursor` has not; -1 if it may be lost. */
  positionBehind(cursor: ChangeCursor): number {
    if (compareCursors(cursor, this.#floor) < 0) return -1;
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >> 1;
      const slot = this.#slot(middle);
      const isHeard = (this.#indexes[slot]! - cursor.index || this.#numbers[slot]! - cursor.n) <= 0;
      if (isHeard) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The change at `position`, from 0 to below `size`. A position holds until the next change is added. */
  at(position: number): HeldChange {
    const slot = this.#slot(position);
    return { index: this.#indexes[slot]!, n: this.#numbers[slot]!, key: this.#keys[slot]!, value: this.#values[slot] };
  }

  /** The key of the change at `position`. */
  keyAt(position: number): string {
    return this.#keys[this.#slot(position)]!;
  }

  /** All that is held now: a list of its own. */
  toArray(): HeldChange[] {
    return Array.from({ length: this.#size }, (_, position) => this.at(position));
  }

  #slot(position: number): number {
    // The room is a power of two.
    return (this.#first + position) & (this.#indexes.length - 1);
  }

  #push(index: Index, n: number, key: string, value: HeldValue): void {
    const { changesMax, bytesMax } = this.limits;
    if (this.#size > 0) {
      const last = this.#slot(this.#size - 1);
      assert((this.#indexes[last]! - index || this.#numbers[last]! - n) < 0, "changes come in their order", index, n);
    }
    if (this.#size === changesMax) this.#dropFirst();
    if (this.#size === this.#indexes.length) this.#makeRoom();
    const slot = this.#slot(this.#size);
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#indexes[slot] = index;
    this.#numbers[slot] = n;
    this.#size += 1;
    this.#bytes += changeBytes(key, value);
    while (this.#bytes > bytesMax) this.#dropFirst();
  }

  #dropFirst(): void {
    const slot = this.#first;
    this.#bytes -= changeBytes(this.#keys[slot]!, this.#values[slot]);
    this.#floor = { index: this.#indexes[slot]!, n: this.#numbers[slot]! };
    this.#keys[slot] = "";
    this.#values[slot] = undefined;
    this.#first = this.#slot(1);
    this.#size -= 1;
  }

  #makeRoom(): void {
    const held = this.toArray();
    const room = Math.max(ROOM_MIN, 2 * this.#indexes.length);
    this.#keys = held.map(({ key }) => key);
    this.#values = held.map(({ value }) => value);
    this.#indexes = new Float64Array(room);
    this.#numbers = new Uint32Array(room);
    for (const [at, { index, n }] of held.entries()) {
      this.#indexes[at] = index;
      this.#numbers[at] = n;
    }
    this.#first = 0;
  }
}
