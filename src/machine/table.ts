/**
 * Tables: what machines keep their state in. A table is a map from text to values, in the order of its keys, that does
 * for a machine what is hard to do by hand: an entry that throws or rejects changes nothing; a snapshot costs nothing up
 * front and shows one state while writes go on; watchers hear of each key once an entry; keys expire by log time; and
 * replicas can compare a hash of the whole that costs nothing to keep. `machineOn` makes the machine of one or several.
 *
 * @example
 * ```ts
 * import { machineOn, type StreamPlugin, Table, type TablesPiece } from "draft";
 *
 * const seats: StreamPlugin<TablesPiece> = {
 *   name: "seats",
 *   version: 1,
 *   operations: {
 *     hold: { kind: "write", args: "WHO SEAT…", summary: "holds all of the seats for a minute, or none" },
 *     holder: { kind: "read", args: "SEAT" },
 *     held: { kind: "read", args: "[ROW]", summary: "who holds what, seat by seat" },
 *   },
 *   create() {
 *     const held = new Table<string>();
 *     return machineOn({ held }, {
 *       apply([, who, ...wanted], entry) {
 *         for (const seat of wanted.map(String)) {
 *           if (held.has(seat)) throw entry.reject(`seat ${seat} is taken`); // and those before it are free again
 *           held.set(seat, String(who), entry.timeMs + 60_000);
 *         }
 *         return wanted.length;
 *       },
 *       query: ([operation, text = ""]) =>
 *         operation === "holder" ? held.get(String(text)) : held.list({ prefix: String(text), limit: 100 }).map(({ key, value }) => [key, value]),
 *     });
 *   },
 * };
 * export default seats;
 * ```
 */
import type { Entry, View } from "./machine.ts";
import { TableChanges, type Telling } from "./table_changes.ts";
import { TableLoader } from "./table_loader.ts";
import type { TableOptions, TableScan } from "./table_options.ts";
import { type HeldRow, type Row, rowOf, TableRows } from "./table_rows.ts";
import { type TablePiece, TableSnapshot } from "./table_snapshot.ts";
import { checkCount, checkKey, checkMoment } from "./table_values.ts";
import { TableHistory } from "./table_version.ts";
import type { TableVersion } from "./table_version.ts";
import { walkKeys } from "./table_walk.ts";
import type { WalkOptions } from "./table_walk.ts";

/** Keys that one sweep deletes, at most: a million at once would stop the loop. */
const SWEEP_MAX = 10_000;

/** Changed keys that a table remembers for `at`, at most. */
const VERSIONS_MAX = 1_000_000;

/**
 * An ordered map from text to values that machines keep their state in.
 *
 * Reads see the table at one moment of log time: that of the entry that is being applied, or of the view last given to
 * `look`. Rows that are due by then are gone, swept or not. Writes happen within an entry: between `begin` and `commit`
 * or `rollback`, which `machineOn` calls.
 *
 * @typeParam V a value of CBOR: text, numbers, null, bytes, plain objects, arrays, Maps, Sets. It is frozen when it is
 * set; to change it, set another one.
 */
export class Table<V> {
  readonly #telling: Telling<V>;
  #rows: TableRows<V> = new TableRows();
  #entry: Entry | null = null;
  #timeMs = 0;
  #isAnnounced = false;
  readonly #changes: TableChanges<V> = new TableChanges();
  readonly #history: TableHistory<V> | null;
  /** Use: the serial of the youngest key before the entry. */
  #serial = 0;

  /** @throws RangeError if more versions are wanted than a table remembers, 1,000,000 changed keys */
  constructor(options: TableOptions<V> = {}) {
    this.#telling = { named: options.named?.bind(options) ?? ((key) => key), each: options.tell?.bind(options) ?? null };
    const versions = checkCount("versions", options.versions ?? 0, VERSIONS_MAX);
    this.#history = versions === 0 ? null : new TableHistory(versions);
  }

  /** The value at `key`, or undefined. */
  get(key: string): V | undefined {
    return this.row(key)?.value;
  }

  /** Whether there is a value at `key`. */
  has(key: string): boolean {
    return this.row(key) !== undefined;
  }

  /** The value at `key` with its revision and expiry, or undefined. */
  row(key: string): Row<V> | undefined {
    const row = this.#rows.find(key);
    return row === undefined || this.#isDue(row) ? undefined : row;
  }

  /** How many keys there are. Takes time by the number of those that are due and not swept. */
  get size(): number {
    return this.#rows.size - this.#rows.countDue(this.#timeMs);
  }

  /**
   * Gives `key` a value. Its revision is the entry's index.
   *
   * @param value frozen by this; bytes, Maps, Sets and Dates within it cannot be, and must not be changed any more
   * @param expiresAtMs log time in Unix milliseconds from which on the key is gone; 0, or left out: never
   * @throws TypeError if key or value would not come back from a snapshot as they are
   */
  set(key: string, value: V, expiresAtMs = 0): void {
    const entry = this.#mustBeOpen("set");
    checkMoment(expiresAtMs);
    const rows = this.#rows;
    const old = rows.find(key);
    if (old === undefined) checkKey(key);
    const serial = old === undefined ? rows.serial + 1 : old.serial;
    // A row that cannot be throws here: before anything has changed.
    const row = rowOf(old?.key ?? key, value, { revision: entry.index, expiresAtMs, serial, turn: rows.turn });
    if (old === undefined) rows.serial = serial;
    this.#changes.put(rows, old, row);
  }

  /**
   * Lets `key` expire at another moment. Its value and revision stay, and watchers hear nothing.
   *
   * @param expiresAtMs as for `set`
   * @returns whether there is such a key
   */
  expire(key: string, expiresAtMs: number): boolean {
    this.#mustBeOpen("expire");
    checkMoment(expiresAtMs);
    const old = this.#rows.find(key);
    if (old === undefined || this.#isDue(old)) return false;
    if (old.expiresAtMs === expiresAtMs) return true;
    this.#changes.put(this.#rows, old, rowOf(old.key, old.value, { ...old, expiresAtMs, turn: this.#rows.turn }));
    return true;
  }

  /** Deletes `key`. A key that is due is gone already; it leaves with the next sweep. */
  delete(key: string): boolean {
    this.#mustBeOpen("delete");
    const old = this.#rows.find(key);
    if (old === undefined || this.#isDue(old)) return false;
    this.#changes.remove(this.#rows, old);
    return true;
  }

  /** Deletes all keys, due ones too, at no cost however many; one by one if the table has `tell` or `versions`. */
  clear(): void {
    this.#mustBeOpen("clear");
    this.#rows = this.#changes.clear(this.#rows);
  }

  /**
   * Walks over rows in the order of their keys. The table may be changed meanwhile: the walk shows what it comes to.
   *
   * @example `for (const { key, value } of table.walk({ prefix: "user/", after: last, limit: 100 }))`
   */
  walk(options: WalkOptions = {}): IterableIterator<Row<V>, void> {
    return walkKeys(options, (bounds, max, reverse) => this.#rows.take(bounds, max, reverse), (key) => this.row(key));
  }

  /** What `walk` shows, as a list. */
  list(options: WalkOptions = {}): Row<V>[] {
    return [...this.walk(options)];
  }

  /**
   * A few rows on the way from the youngest key to the oldest: for clients that go through a table while it changes.
   * With the cursors that the calls return, on whichever replica, each key that is there all the while is shown once,
   * and keys that come meanwhile are not. For reads: what a scan shows is no part of the hash, so entries cannot.
   *
   * @param cursor 0 to begin
   * @param count keys to look at; fewer rows are returned if some are due
   */
  scan(cursor: number, count: number): TableScan<V> {
    if (this.#entry !== null) throw new TypeError("a table is scanned by reads, not within an entry");
    const keys = this.#rows.takeBelow(cursor === 0 ? Infinity : cursor, count);
    const last = keys.length < count ? undefined : keys[keys.length - 1];
    const rows = keys.flatMap((key) => this.row(key) ?? []);
    return { cursor: last === undefined ? 0 : this.#rows.find(last)!.serial, rows };
  }

  /**
   * The table as it was behind the entry at `index`, for reads until the next entry: its rows at the moment of the last
   * change up to there. How far back that goes is up to `versions`, and no further than to the first entry since the
   * table was made or restored.
   *
   * @returns undefined if it is not known any more
   */
  at(index: number): TableVersion<V> | undefined {
    if (this.#entry !== null) throw new TypeError("a version of a table is looked at by reads, not within an entry");
    return this.#history?.version(this.#rows, index);
  }

  /** Reads see the table at the moment of `view` from now on. */
  look(view: View): void {
    this.#timeMs = view.timeMs;
  }

  /** An entry begins: writes are allowed, and noted. */
  begin(entry: Entry): void {
    if (this.#entry !== null) throw new TypeError("a table's entry begins when the one before it has ended");
    this.#entry = entry;
    this.#timeMs = entry.timeMs;
    this.#rows.nextTurn();
    this.#serial = this.#rows.serial;
  }

  /**
   * Tells watchers of each key that the entry changed, once, in the order in which it first changed them; a key that
   * came and went is nothing, and one that was set again behind a `clear` is told where it was set. `commit` does it, if this was not called; call it first on each of several tables, since
   * it alone can throw.
   */
  announce(): void {
    const entry = this.#mustBeOpen("announce");
    this.#changes.tell(this.#rows, entry, this.#telling);
    this.#isAnnounced = true;
  }

  /** The entry ends, and what it wrote stays. If telling watchers throws, it goes on: call `rollback`. */
  commit(): void {
    if (!this.#isAnnounced) this.announce();
    this.#history?.record(this.#entry!, this.#changes);
    this.#endEntry();
  }

  /** The entry ends, and is as if it had not been. */
  rollback(): void {
    this.#mustBeOpen("rollback");
    this.#rows = this.#changes.undone(this.#rows);
    this.#rows.serial = this.#serial;
    this.#endEntry();
  }

  /** The log time at which the next key falls due, or null. */
  wakeAt(): number | null {
    return this.#rows.nextDueMs();
  }

  /**
   * Deletes keys that are due, by (time, key).
   *
   * @param max keys at most; the rest goes with the next entry that sweeps
   * @returns how many were deleted
   */
  sweep(max: number = SWEEP_MAX): number {
    const { timeMs } = this.#mustBeOpen("sweep");
    return this.#changes.sweep(this.#rows, timeMs, max);
  }

  /**
   * A digest over all keys, values, revisions and expiries, 32 bits. It depends on what the table holds alone, and is
   * the same on every runtime, and after a restore.
   */
  hash(): number {
    return this.#rows.sum;
  }

  /**
   * The table as it is now, in pieces of about 250 rows or 64 KiB, and its end with size and hash. Nothing is copied;
   * take the pieces between entries, however many pass. Until the last one is taken, or `return()` is called, it keeps
   * the old row of each key that changes before its turn.
   *
   * @throws DraftError BUSY if four snapshots are under way
   */
  snapshot(): IterableIterator<TablePiece<V>, void> {
    if (this.#entry !== null) throw new TypeError("a snapshot is taken between entries, not within one");
    return new TableSnapshot(this.#rows, () => this.#entry !== null);
  }

  /**
   * Begins to replace what the table holds. Until the loader's `finish`, it holds what it held; snapshots of that stay
   * what they are.
   */
  load(): TableLoader<V> {
    return new TableLoader<V>((rows) => {
      if (this.#entry !== null) throw new TypeError("a table is restored between entries, not within one");
      this.#rows = rows;
      this.#history?.forget();
    });
  }

  #endEntry(): void {
    this.#entry = null;
    this.#isAnnounced = false;
    this.#changes.end();
  }

  #isDue(row: HeldRow<V>): boolean {
    return row.expiresAtMs !== 0 && row.expiresAtMs <= this.#timeMs;
  }

  #mustBeOpen(method: string): Entry {
    if (this.#entry !== null) return this.#entry;
    throw new TypeError(`a table changes within an entry: ${method} was called outside of one`);
  }
}
