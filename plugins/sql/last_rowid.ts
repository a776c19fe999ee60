/**
 * The last row number that there is. Where a table uses it SQLite draws the numbers of later rows by chance, differently
 * on each node; and a table with AUTOINCREMENT takes no more, which SQLite tells as it tells of a full disk. So no
 * statement may leave a row with that number behind.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

const LAST = "9223372036854775807";

/** Looks for the last row number in tables. */
export class LastRowid {
  readonly #database: DatabaseSync;
  /** By table; null for one whose rows have no numbers. */
  readonly #lookups: Map<string, StatementSync | null> = new Map();
  readonly #isTable: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#isTable = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE");
  }

  /** The first of `tables` that has a row with it; null if none has. */
  usedIn(tables: Iterable<string>): string | null {
    for (const table of tables) if (this.#lookup(table)?.get() !== undefined) return table;
    return null;
  }

  /** The schema changed: a name may mean another table now. */
  forget(): void {
    this.#lookups.clear();
  }

  #lookup(table: string): StatementSync | null {
    let lookup = this.#lookups.get(table);
    if (lookup === undefined) {
      lookup = this.#prepare(table);
      this.#lookups.set(table, lookup);
    }
    return lookup;
  }

  #prepare(table: string): StatementSync | null {
    if (this.#isTable.get(table) === undefined) return null;
    try {
      return this.#database.prepare(`SELECT 1 FROM "${table.replaceAll('"', '""')}" WHERE _rowid_ = ${LAST}`);
    } catch {
      // A table WITHOUT ROWID.
      return null;
    }
  }
}
