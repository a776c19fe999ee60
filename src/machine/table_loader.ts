/** Makes a table's rows anew from the pieces of a snapshot. Until that is whole and right the table keeps what it holds. */
import { rowOf, TableRows } from "./table_rows.ts";
import type { SnapshotEnd, TablePiece } from "./table_snapshot.ts";
import { copied } from "./table_values.ts";

/** Takes the pieces of one snapshot, in their order. */
export class TableLoader<V> {
  readonly #rows: TableRows<V> = new TableRows();
  readonly #done: (rows: TableRows<V>) => void;
  #end: SnapshotEnd | null = null;

  constructor(done: (rows: TableRows<V>) => void) {
    this.#done = done;
  }

  /** Takes the next piece. Nothing in it is kept: its bytes may be views of a buffer that is used again. */
  add(piece: TablePiece<V>): void {
    if (this.#end !== null) throw new TypeError("a snapshot of a table has nothing behind its end");
    if (!("length" in piece)) {
      this.#end = piece;
      this.#rows.serial = piece.serial;
      return;
    }
    for (const [key, value, revision, expiresAtMs, serial] of piece) {
      this.#rows.replace(key, this.#rows.find(key), rowOf(key, copied(value), { revision, expiresAtMs, serial, turn: 0 }));
    }
  }

  /** @throws TypeError if what was added is not what the snapshot was of */
  check(): void {
    const end = this.#end;
    const { size, sum } = this.#rows;
    if (end === null) throw new TypeError("a snapshot of a table ends with its size and hash: the end is missing");
    if (end.size === size && end.hash === sum) return;
    throw new TypeError(`a snapshot restores as it was: it was of ${end.size} rows with hash ${end.hash}, not ${size} with ${sum}`);
  }

  /** Puts what was added into the table. @throws TypeError as `check` does */
  finish(): void {
    this.check();
    this.#done(this.#rows);
  }
}
