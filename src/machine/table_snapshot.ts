/**
 * A snapshot of a table while the table goes on changing. It walks the live rows in the order of their keys and copies
 * nothing up front. A row that is replaced before the walk has come to it is kept here; one that came later is skipped.
 * So what is shown is exact, and what it costs is one old row for each that changes ahead of the walk.
 */
import { DraftError } from "../base/errors.ts";
import { behind, KeyOrder } from "./key_order.ts";
import type { HeldRow, RowKeeper, SavedRow, TableRows } from "./table_rows.ts";
import { weightOf } from "./table_values.ts";

/** Snapshots of the same rows at a time, at most. */
const SNAPSHOTS_MAX = 4;

/** Rows that one piece looks at, at most: less than a millisecond of work, for which a write may have to wait. */
const PIECE_ROWS_MAX = 250;

/** About the bytes of a piece; the row that exceeds them still belongs to it. */
const PIECE_BYTES = 64 * 1024;

/** What a snapshot ends with, so that one that lost rows on its way is found out. */
export interface SnapshotEnd {
  readonly size: number;
  readonly hash: number;
  /** The serial of the youngest key that the table ever had. */
  readonly serial: number;
}

/** A piece of a snapshot: rows in the order of their keys, none perhaps; or its end. */
export type TablePiece<V> = readonly SavedRow<V>[] | SnapshotEnd;

/** The pieces of a snapshot, one by one. End it early by `return()`, as `for…of` does: until then it keeps old rows. */
export class TableSnapshot<V> implements IterableIterator<TablePiece<V>, void>, RowKeeper<V> {
  readonly #rows: TableRows<V>;
  readonly #isBusy: () => boolean;
  readonly #turn: number;
  readonly #end: SnapshotEnd;
  /** Use: rows as they were when the snapshot began. Invariant: their keys are behind the last one shown. */
  readonly #kept: Map<string, HeldRow<V>> = new Map();
  /** Use: the keys in #kept that have been deleted since, in order. */
  #deleted: KeyOrder = new KeyOrder();
  /** Use: the first key that has not been looked at yet. */
  #from = "";
  #state: "rows" | "end" | "over" = "rows";

  /** @throws DraftError BUSY if as many are under way as there may be */
  constructor(rows: TableRows<V>, isBusy: () => boolean) {
    if (rows.keepers >= SNAPSHOTS_MAX) {
      throw new DraftError("BUSY", `a table has at most ${SNAPSHOTS_MAX} snapshots at a time: end one first`);
    }
    this.#rows = rows;
    this.#isBusy = isBusy;
    this.#turn = rows.nextTurn();
    this.#end = { size: rows.size, hash: rows.sum, serial: rows.serial };
    rows.addKeeper(this);
  }

  keep(old: HeldRow<V>, isDeleted: boolean): void {
    const { key } = old;
    if (key < this.#from) return;
    if (old.turn < this.#turn) this.#kept.set(key, old);
    // It may have been kept when it was overwritten, and be deleted only now.
    if (isDeleted && this.#kept.has(key)) this.#deleted.add(key);
  }

  next(): IteratorResult<TablePiece<V>, void> {
    // Half an entry is no state: it may be rolled back.
    if (this.#isBusy()) throw new TypeError("a snapshot goes on between entries, not within one");
    if (this.#state === "rows") {
      const piece = this.#nextRows();
      if (piece.length > 0 || this.#state === "rows") return { done: false, value: piece };
    }
    if (this.#state === "end") {
      this.return();
      return { done: false, value: this.#end };
    }
    return { done: true, value: undefined };
  }

  return(): IteratorResult<TablePiece<V>, void> {
    this.#state = "over";
    this.#rows.removeKeeper(this);
    this.#deleted = new KeyOrder();
    this.#kept.clear();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  /** The next rows: those that live and those that were deleted since, merged. */
  #nextRows(): SavedRow<V>[] {
    const piece: SavedRow<V>[] = [];
    const bounds = { from: this.#from, end: null };
    const living = this.#rows.take(bounds, PIECE_ROWS_MAX, false);
    const deleted = this.#deleted.take(bounds, PIECE_ROWS_MAX);
    let [atLiving, atDeleted, bytes] = [0, 0, 0];
    for (let seen = 0; seen < PIECE_ROWS_MAX && bytes < PIECE_BYTES; seen++) {
      const [a, b] = [living[atLiving], deleted[atDeleted]];
      const key = a === undefined || (b !== undefined && b < a) ? b : a;
      if (key === undefined) {
        this.#state = "end";
        break;
      }
      if (key === a) atLiving += 1;
      if (key === b) atDeleted += 1;
      const row = this.#rowAt(key);
      this.#from = behind(key);
      if (row === undefined) continue;
      piece.push([key, row.value, row.revision, row.expiresAtMs, row.serial]);
      bytes += key.length + weightOf(row.value) + 23;
    }
    return piece;
  }

  /** The row as it was; gives back what was kept of it. */
  #rowAt(key: string): HeldRow<V> | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      const row = this.#rows.find(key);
      return row === undefined || row.turn >= this.#turn ? undefined : row;
    }
    this.#kept.delete(key);
    this.#deleted.delete(key);
    return kept;
  }
}
