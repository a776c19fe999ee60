/**
 * Recent versions of a table: the last changes are remembered, so that a read can see the table as it was behind an
 * earlier entry. How many is the author's to say; a version further back is not there any more.
 */
import { KeyOrder } from "./key_order.ts";
import type { Entry } from "./machine.ts";
import type { TableChanges } from "./table_changes.ts";
import type { HeldRow, Row, TableRows } from "./table_rows.ts";
import { walkKeys } from "./table_walk.ts";
import type { WalkOptions } from "./table_walk.ts";

/** What stood at a key before the entry at `index`, which came at `timeMs`. */
interface Change<V> {
  readonly index: number;
  readonly timeMs: number;
  readonly key: string;
  readonly old: HeldRow<V> | undefined;
}

/** A table as it was: valid until the next entry. */
export class TableVersion<V> {
  readonly #rows: TableRows<V>;
  readonly #turn: number;
  readonly #timeMs: number;
  /** Use: what stood then at keys that have changed since. */
  readonly #before: ReadonlyMap<string, HeldRow<V> | undefined>;
  /** Use: those of them at which nothing stands now. */
  readonly #deleted: KeyOrder = new KeyOrder();

  constructor(rows: TableRows<V>, before: ReadonlyMap<string, HeldRow<V> | undefined>, timeMs: number) {
    this.#rows = rows;
    this.#turn = rows.turn;
    this.#timeMs = timeMs;
    this.#before = before;
    for (const [key, old] of before) if (old !== undefined && rows.find(key) === undefined) this.#deleted.add(key);
  }

  /** The value that was at `key`, or undefined. */
  get(key: string): V | undefined {
    return this.row(key)?.value;
  }

  /** Whether there was a value at `key`. */
  has(key: string): boolean {
    return this.row(key) !== undefined;
  }

  /** The value that was at `key` with its revision and expiry, or undefined. */
  row(key: string): Row<V> | undefined {
    if (this.#rows.turn !== this.#turn) throw new TypeError("a version of a table is looked at before the next entry");
    const old = this.#before.get(key);
    const row = old === undefined && !this.#before.has(key) ? this.#rows.find(key) : old;
    return row === undefined || (row.expiresAtMs !== 0 && row.expiresAtMs <= this.#timeMs) ? undefined : row;
  }

  /** Walks over the rows that there were, in the order of their keys. */
  walk(options: WalkOptions = {}): IterableIterator<Row<V>, void> {
    return walkKeys(options, (bounds, max, reverse) => {
      const living = this.#rows.take(bounds, max, reverse);
      const deleted = reverse ? this.#deleted.takeLast(bounds, max) : this.#deleted.take(bounds, max);
      return deleted.length === 0 ? living : merged(living, deleted, reverse).slice(0, max);
    }, (key) => this.row(key));
  }

  /** What `walk` shows, as a list. */
  list(options: WalkOptions = {}): Row<V>[] {
    return [...this.walk(options)];
  }
}

/** The last changes of a table, up to a number. */
export class TableHistory<V> {
  readonly #max: number;
  /** Use: a ring; the change number n stands at n modulo its size. */
  #ring: Change<V>[] = [];
  #count = 0;
  /** Use: the oldest entry behind which the table can be shown, and its moment; null before there was one. */
  #floor: { readonly index: number; readonly timeMs: number } | null = null;

  /** @param max changed keys to remember */
  constructor(max: number) {
    this.#max = max;
  }

  /** An entry has made these changes. */
  record({ index, timeMs }: Entry, changes: TableChanges<V>): void {
    this.#floor ??= { index, timeMs };
    for (let at = 0; at < changes.size; at++) this.#remember({ index, timeMs, key: changes.keyAt(at), old: changes.oldAt(at) });
    for (const old of changes.cleared ?? []) this.#remember({ index, timeMs, key: old.key, old });
  }

  #remember(change: Change<V>): void {
    const slot = this.#count % this.#max;
    const dropped = this.#ring[slot];
    if (dropped !== undefined) this.#floor = { index: dropped.index, timeMs: dropped.timeMs };
    this.#ring[slot] = change;
    this.#count += 1;
  }

  /** The table is another one now. */
  forget(): void {
    this.#ring = [];
    this.#count = 0;
    this.#floor = null;
  }

  /** The table as it was behind the entry at `index`; undefined if that is too long ago. */
  version(rows: TableRows<V>, index: number): TableVersion<V> | undefined {
    if (this.#floor === null || index < this.#floor.index) return undefined;
    const before: Map<string, HeldRow<V> | undefined> = new Map();
    let { timeMs } = this.#floor;
    for (let at = this.#count - 1; at >= Math.max(0, this.#count - this.#max); at--) {
      const change = this.#ring[at % this.#max]!;
      if (change.index <= index) {
        timeMs = change.timeMs;
        break;
      }
      before.set(change.key, change.old);
    }
    return new TableVersion(rows, before, timeMs);
  }
}

function merged(a: readonly string[], b: readonly string[], reverse: boolean): string[] {
  const all = [...a, ...b].sort((one, other) => (one < other ? -1 : one === other ? 0 : 1));
  return reverse ? all.reverse() : all;
}
