/**
 * The rows of a table: by key in a map, their keys in order and by age, what expires in a heap, the sum of their
 * digests. A row is never changed but replaced by another, so an old one can be kept for whoever still needs it: the
 * entry that may be rolled back, the snapshots that began before, and who looks at an older version.
 */
import { foldBits, foldCount, foldText, foldValue } from "./digest.ts";
import { Expiry } from "./expiry.ts";
import { KeyAges } from "./key_ages.ts";
import { KeyMap } from "./key_map.ts";
import { KeyOrder } from "./key_order.ts";
import type { KeyBounds } from "./key_order.ts";
import { frozen } from "./table_values.ts";

/** One key and what a table holds there. */
export interface Row<V> {
  readonly key: string;
  /** Frozen, as far as it can be. */
  readonly value: V;
  /** Index of the entry that last wrote the value. */
  readonly revision: number;
  /** Log time in Unix milliseconds at which the row is gone; 0 never. */
  readonly expiresAtMs: number;
}

/** A row with the table's side of it. */
export interface HeldRow<V> extends Row<V> {
  /** Counts the keys as they come: a key keeps its own until it is deleted. No part of the digest. */
  readonly serial: number;
  /** Of key, value, revision and expiry. */
  readonly digest: number;
  /** The turn in which this row came; see {@link TableRows.nextTurn}. */
  readonly turn: number;
}

/** Who wants to see a row before it is replaced. */
export interface RowKeeper<V> {
  keep(old: HeldRow<V>, isDeleted: boolean): void;
}

/** The rows of one table; restoring makes another of these. */
export class TableRows<V> {
  readonly #rows: KeyMap<HeldRow<V>> = new KeyMap();
  readonly #order: KeyOrder = new KeyOrder();
  readonly #ages: KeyAges = new KeyAges();
  readonly #expiry: Expiry = new Expiry((key) => this.#rows.get(key)?.expiresAtMs);
  #keepers: readonly RowKeeper<V>[] = [];
  #timed = 0;
  #sum = 0;
  #turn: number;
  /** The serial that the last new key got; {@link Table.rollback} sets it back. */
  serial: number;

  constructor(turn: number = 0, serial: number = 0) {
    this.#turn = turn;
    this.serial = serial;
  }

  /** Rows in the place of these, of which there are none yet. */
  emptied(): TableRows<V> {
    return new TableRows(this.#turn, this.serial);
  }

  /** The row at `key`, due or not. */
  find(key: string): HeldRow<V> | undefined {
    return this.#rows.get(key);
  }

  /** Puts `row` in the place of `old`, which must be what is there; undefined: nothing. */
  replace(key: string, old: HeldRow<V> | undefined, row: HeldRow<V> | undefined): void {
    if (old !== undefined) {
      for (let i = 0; i < this.#keepers.length; i++) this.#keepers[i]!.keep(old, row === undefined);
      this.#sum = (this.#sum - old.digest) | 0;
      if (old.expiresAtMs !== 0) this.#timed -= 1;
    } else if (row !== undefined) {
      this.#order.add(key);
      this.#ages.add(key, row.serial);
    }
    if (row === undefined) {
      if (old === undefined) return;
      this.#rows.delete(key);
      this.#order.delete(key);
      this.#ages.delete(old.serial);
      return;
    }
    this.#sum = (this.#sum + row.digest) | 0;
    this.#rows.set(key, row);
    if (row.expiresAtMs === 0) return;
    this.#timed += 1;
    if (old?.expiresAtMs !== row.expiresAtMs) this.#expiry.add(key, row.expiresAtMs, this.#timed);
  }

  /** How many rows there are, due ones too. */
  get size(): number {
    return this.#rows.size;
  }

  /** How many rows are due at `timeMs`. */
  countDue(timeMs: number): number {
    return this.#timed === 0 ? 0 : this.#expiry.countDue(timeMs);
  }

  /** The moment at which the next row falls due, or null. */
  nextDueMs(): number | null {
    return this.#timed === 0 ? null : this.#expiry.nextMs();
  }

  /** The key that fell due first, at or before `timeMs`, or null. */
  firstDue(timeMs: number): string | null {
    return this.#timed === 0 ? null : this.#expiry.firstDue(timeMs);
  }

  /** The first `max` keys within the bounds, due ones too; or the last, the last one first. */
  take(bounds: KeyBounds, max: number, reverse: boolean): string[] {
    return reverse ? this.#order.takeLast(bounds, max) : this.#order.take(bounds, max);
  }

  /** The `max` youngest keys of those whose serial is below this one, due ones too, the youngest first. */
  takeBelow(serial: number, max: number): string[] {
    return this.#ages.takeBelow(serial, max);
  }

  /** A digest over all rows that does not depend on how they came to be. */
  get sum(): number {
    return foldCount(foldBits(0, this.#sum), this.#rows.size) >>> 0;
  }

  /** The turn that runs. Rows of one turn were made by one entry, with no snapshot begun in between. */
  get turn(): number {
    return this.#turn;
  }

  /** Begins another turn: an entry or a snapshot. */
  nextTurn(): number {
    this.#turn += 1;
    return this.#turn;
  }

  /** Shows `keeper` each row before it is replaced, from now on. */
  addKeeper(keeper: RowKeeper<V>): void {
    this.#keepers = [...this.#keepers, keeper];
  }

  removeKeeper(keeper: RowKeeper<V>): void {
    this.#keepers = this.#keepers.filter((each) => each !== keeper);
  }

  /** How many are shown what is replaced. */
  get keepers(): number {
    return this.#keepers.length;
  }
}

/** One row in a snapshot. */
export type SavedRow<V> = readonly [key: string, value: V, revision: number, expiresAtMs: number, serial: number];

/**
 * A row, its value frozen.
 *
 * @throws TypeError if the value is none that a table holds
 */
export function rowOf<V>(key: string, value: V, { revision, expiresAtMs, serial, turn }: RowFacts): HeldRow<V> {
  // The digest first: it refuses circles, in which freezing would not end.
  const digest = rowDigest(key, value, revision, expiresAtMs);
  return { key, value: frozen(value), revision, expiresAtMs, serial, digest, turn };
}

type RowFacts = Pick<HeldRow<unknown>, "revision" | "expiresAtMs" | "serial" | "turn">;

/** The digest of a row, mixed so that a sum of many is as good as each of them. */
function rowDigest(key: string, value: unknown, revision: number, expiresAtMs: number): number {
  const folded = foldCount(foldCount(foldValue(foldText(0, key), value), revision), expiresAtMs);
  // The finalizer of MurmurHash3: without it, small differences of two rows could cancel out in the sum.
  let mixed = folded ^ (folded >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
