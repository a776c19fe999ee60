/**
 * What `clear` took away: all rows of a table at once, however many. Nobody goes through them when it happens: the rows
 * are left as they were, with their size and sum, which say the same on every replica, and whoever wants to hear of each
 * key walks over them when and as fast as he likes.
 */
import type { Entry } from "./machine.ts";
import type { HeldRow, TableRows } from "./table_rows.ts";
import { walkKeys } from "./table_walk.ts";

/** Keys that are gone, in their order. It shows the same, however often and however late it is walked over. */
export interface Cleared extends Iterable<{ readonly key: string }> {
  /** Rows that were there, those included that the entry itself had put there. */
  readonly size: number;
  /** Of those rows: see `Table.hash`. */
  readonly sum: number;
}

/** An entry that is told of cleared keys at once. What it is told stands for one `emit(key)` for each of them. */
export interface ClearingEntry extends Entry {
  emitCleared(cleared: Cleared): void;
}

/** Whether the entry is such a one; entries that tests and wrappers make hear of each key. */
export function takesCleared(entry: Entry): entry is ClearingEntry {
  return "emitCleared" in entry;
}

/** The rows that one entry cleared. */
export class ClearedRows<V> implements Cleared {
  readonly size: number;
  readonly sum: number;
  readonly #rows: TableRows<V>;
  readonly #turn: number;
  /** Use: keys that the entry gave a value again: what became of them is told by themselves. */
  readonly #again: Set<string> = new Set();

  /** @param rows nobody changes them any more, unless the entry is undone */
  constructor(rows: TableRows<V>) {
    ({ size: this.size, sum: this.sum, turn: this.#turn } = rows);
    this.#rows = rows;
  }

  /** What stood at `key`. */
  find(key: string): HeldRow<V> | undefined {
    return this.#rows.find(key);
  }

  /** The entry has given `key` a value again. */
  setAgain(key: string): void {
    this.#again.add(key);
  }

  /** The rows as they were. */
  get rows(): TableRows<V> {
    return this.#rows;
  }

  /** The rows from before the entry at whose keys it left nothing. */
  [Symbol.iterator](): IterableIterator<HeldRow<V>, void> {
    return walkKeys({}, (bounds, max) => this.#rows.take(bounds, max, false), (key) => {
      const row = this.#rows.find(key);
      return row === undefined || row.turn === this.#turn || this.#again.has(key) ? undefined : row;
    });
  }

  /** The same, by the names that watchers know the keys by. */
  as(named: (key: string) => string): Cleared {
    return { size: this.size, sum: this.sum, [Symbol.iterator]: () => namedKeys(this, named) };
  }
}

function* namedKeys(rows: Iterable<{ readonly key: string }>, named: (key: string) => string): Generator<{ readonly key: string }, void> {
  for (const { key } of rows) yield { key: named(key) };
}
