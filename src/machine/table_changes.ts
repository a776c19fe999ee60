/** What an entry has changed in a table so far: what stood there before, to tell watchers by, and to undo it. */
import type { Entry } from "./machine.ts";
import { ClearedRows, takesCleared } from "./table_cleared.ts";
import type { HeldRow, TableRows } from "./table_rows.ts";

/** Longer lists are made anew for the next entry: one that was big shall not hold on to what it changed. */
const LISTS_MAX = 16;

/** The changes of one entry at a time; two lists, since a Map would cost more than the rest of a small entry. */
export class TableChanges<V> {
  /** Use: the keys that changed, in the order in which they first did. */
  #keys: string[] = [];
  /** Use: what stood at them before. */
  #olds: (HeldRow<V> | undefined)[] = [];
  /** Use: how many keys have changed. Invariant: what the lists hold behind is of earlier entries, and means nothing. */
  #size = 0;
  /** Use: what stands now at the key that changed last, which is the only one in most entries. */
  #latest: HeldRow<V> | undefined;
  /** Use: keys that the entry took away: what stood there before is noted, whatever comes there next. */
  readonly #gone: Set<string> = new Set();
  /** Use: what `clear` took away; null before it. */
  #cleared: ClearedRows<V> | null = null;
  /** Use: how many keys had changed before `clear`. */
  #sizeBeforeClear = 0;

  /** Puts `row` in the place of `old`, which must be what `rows` have there. */
  put(rows: TableRows<V>, old: HeldRow<V> | undefined, row: HeldRow<V>): void {
    this.#note(row.key, old, rows.turn);
    this.#latest = row;
    rows.replace(row.key, old, row);
  }

  /** Deletes `old`, which `rows` must have. */
  remove(rows: TableRows<V>, old: HeldRow<V>): void {
    this.#note(old.key, old, rows.turn);
    this.#gone.add(old.key);
    this.#latest = undefined;
    rows.replace(old.key, old, undefined);
  }

  /** Deletes all. To empty a tree key by key would take seconds for a million, so `rows` are left as they are. */
  clear(rows: TableRows<V>): TableRows<V> {
    if (this.#cleared !== null) {
      // What came since is this entry's own, and little.
      for (const key of rows.take({ from: "", end: null }, rows.size, false)) this.remove(rows, rows.find(key)!);
      return rows;
    }
    if (rows.size === 0) return rows;
    this.#cleared = new ClearedRows(rows);
    this.#sizeBeforeClear = this.#size;
    this.#latest = undefined;
    return rows.emptied();
  }

  /** Deletes rows that are due at `timeMs`, by (time, key), up to `max`; says how many. */
  sweep(rows: TableRows<V>, timeMs: number, max: number): number {
    for (let swept = 0; swept < max; swept++) {
      const key = rows.firstDue(timeMs);
      if (key === null) return swept;
      this.remove(rows, rows.find(key)!);
    }
    return max;
  }

  /** What `clear` took away besides the keys that are counted; null if it was not called. */
  get cleared(): ClearedRows<V> | null {
    return this.#cleared;
  }

  /** How many keys have changed one by one. */
  get size(): number {
    return this.#size;
  }

  /** The changed key at this place. */
  keyAt(at: number): string {
    return this.#keys[at]!;
  }

  /** What stood before the entry at the key at this place. */
  oldAt(at: number): HeldRow<V> | undefined {
    return this.#olds[at];
  }

  /** Tells of each key that was written or deleted, and what is there in `rows` now. */
  tell(rows: TableRows<V>, entry: Entry, telling: Telling<V>): void {
    for (let at = 0; at < this.#size; at++) {
      if (this.#cleared !== null && at === this.#sizeBeforeClear) tellCleared(this.#cleared, entry, telling);
      const key = this.#keys[at]!;
      const old = this.#olds[at];
      const row = this.#size === 1 ? this.#latest : rows.find(key);
      if (row === undefined) {
        if (old !== undefined) tellKey(telling, entry, key, undefined);
      } else if (old === undefined || row.revision !== old.revision) {
        tellKey(telling, entry, key, row.value);
      }
    }
    if (this.#cleared !== null && this.#size === this.#sizeBeforeClear) tellCleared(this.#cleared, entry, telling);
  }

  /** The rows as they were before the entry. */
  undone(rows: TableRows<V>): TableRows<V> {
    // Those that `clear` left behind still have what it found there.
    const before = this.#cleared?.rows ?? rows;
    for (let at = 0; at < this.#size; at++) {
      const key = this.#keys[at]!;
      before.replace(key, before.find(key), this.#olds[at]);
    }
    return before;
  }

  /** The entry is over. */
  end(): void {
    if (this.#size > LISTS_MAX) {
      this.#keys = [];
      this.#olds = [];
    }
    this.#size = 0;
    if (this.#gone.size > 0) this.#gone.clear();
    this.#cleared = null;
  }

  #note(key: string, old: HeldRow<V> | undefined, turn: number): void {
    // A row of this turn is this entry's own, and what stood there before is noted.
    if (old !== undefined ? old.turn === turn : this.#gone.size > 0 && this.#gone.has(key)) return;
    const cleared = this.#cleared?.find(key);
    if (cleared !== undefined) {
      if (cleared.turn === turn) return;
      this.#cleared!.setAgain(key);
    }
    this.#keys[this.#size] = key;
    this.#olds[this.#size] = old ?? cleared;
    this.#size += 1;
  }
}

/** How watchers hear of keys. */
export interface Telling<V> {
  readonly named: (key: string) => string;
  /** Tells of one; null: as `entry.emit` has it. */
  readonly each: ((entry: Entry, key: string, value: V | undefined) => void) | null;
}

function tellKey<V>({ each, named }: Telling<V>, entry: Entry, key: string, value: V | undefined): void {
  if (each === null) entry.emit(named(key), value);
  else each(entry, key, value);
}

function tellCleared<V>(cleared: ClearedRows<V>, entry: Entry, telling: Telling<V>): void {
  if (telling.each === null && takesCleared(entry)) entry.emitCleared(cleared.as(telling.named));
  else for (const { key } of cleared) tellKey(telling, entry, key, undefined);
}
