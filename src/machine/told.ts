/** What watchers are to be told of one entry. What its machine undid is taken back: an entry that changed nothing tells nothing. */
import { heldOf, type HeldValue } from "./change.ts";
import { type EntryChanges, HISTORY_LIMITS } from "./change_history.ts";
import type { Entry } from "./machine.ts";

/** Longer lists are made anew for the next entry: one that told much shall not hold on to it. */
const LISTS_MAX = 16;

/** An entry that keeps what it was told until it is over. */
export interface UndoingEntry extends Entry {
  readonly told: Told;
}

/** The changes of one entry at a time, numbered from 1; two lists, since this stands on the path of every write. */
export class Told implements EntryChanges {
  #keys: string[] = [];
  #values: HeldValue[] = [];
  /** Use: how many there are. Invariant: what the lists hold behind is of earlier entries, and means nothing. */
  #size = 0;
  /** Use: the entry told more than anybody holds, and is held by nobody. */
  #isTooMuch = false;

  /** How many there are; Infinity if there are too many for anybody to hold. */
  get size(): number {
    return this.#isTooMuch ? Number.POSITIVE_INFINITY : this.#size;
  }

  /** Its key, the first one's at 0. */
  keyAt(at: number): string {
    return this.#keys[at]!;
  }

  valueAt(at: number): HeldValue {
    return this.#values[at];
  }

  /** @throws TypeError or RangeError if the value cannot be sent */
  add(key: string, value: unknown): void {
    if (this.#size === HISTORY_LIMITS.changesMax) {
      this.#isTooMuch = true;
      return;
    }
    this.#keys[this.#size] = key;
    this.#values[this.#size] = heldOf(value);
    this.#size += 1;
  }

  /** Adds that all of these are gone. `size`: how many there are, or a few more. */
  addGone(size: number, keys: Iterable<{ readonly key: string }>): void {
    if (size > HISTORY_LIMITS.changesMax) this.#isTooMuch = true;
    else for (const { key } of keys) this.add(key, undefined);
  }

  /** All but the first `size` were undone. */
  takeBack(size: number): void {
    if (size > this.#size) return;
    this.#isTooMuch = false;
    this.#size = size;
  }

  /** Holds what `other` holds. */
  become(other: Told): void {
    this.#keys = other.#keys.slice(0, other.#size);
    this.#values = other.#values.slice(0, other.#size);
    this.#size = other.#size;
    this.#isTooMuch = other.#isTooMuch;
  }

  /** Another entry begins. */
  clear(): void {
    if (this.#size > LISTS_MAX) {
      this.#keys = [];
      this.#values = [];
    }
    this.#isTooMuch = false;
    this.#size = 0;
  }
}

/** How many changes `entry` was told of; 0 of an entry that does not keep them, as tests and wrappers make them. */
export function toldBefore(entry: Entry): number {
  return isUndoing(entry) ? entry.told.size : 0;
}

/** What `entry` was told besides the first `size` changes was undone. */
export function takeBack(entry: Entry, size: number): void {
  if (isUndoing(entry)) entry.told.takeBack(size);
}

function isUndoing(entry: Entry): entry is UndoingEntry {
  return "told" in entry;
}
