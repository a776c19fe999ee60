/** One open database: draft's own tables in it, and the transactions that entries are. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Commit } from "../../src/machine/machine.ts";
import { Functions } from "./functions.ts";
import { Rules } from "./rules.ts";
import { iterationTells, loadSqlite, openCalendar, openDatabase } from "./sqlite.ts";

const FORMAT = 1;

/** `draft_state` has one row: how far the state has come. Memos are what draft keeps of commits (docs/sql.md). */
const TABLES = `
  CREATE TABLE IF NOT EXISTS draft_state (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, applied INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS draft_memos (applied INTEGER PRIMARY KEY, memo BLOB NOT NULL) STRICT;
  INSERT OR IGNORE INTO draft_state VALUES (1, ${FORMAT}, 0);
`;

/** A database that is open. */
export class Store {
  readonly database: DatabaseSync;
  readonly rules: Rules = new Rules();
  readonly functions: Functions;
  /** See {@link iterationTells}. */
  readonly iterates: boolean;
  readonly #calendar: DatabaseSync;
  readonly #forget: StatementSync;
  readonly #remember: StatementSync;
  readonly #advance: StatementSync;

  /** @throws Error if it cannot be read */
  constructor(path: string) {
    const sqlite = loadSqlite();
    this.database = openDatabase(sqlite, path);
    try {
      this.database.exec(`BEGIN; ${TABLES} COMMIT;`);
      const format = this.database.prepare("SELECT format FROM draft_state").get()?.["format"];
      if (format !== FORMAT) throw new Error(`it is of format ${String(format)}, ${FORMAT} is known: run the release that wrote it`);
    } catch (error) {
      this.database.close();
      throw error;
    }
    this.#calendar = openCalendar(sqlite);
    this.iterates = iterationTells(this.#calendar);
    // The row that is inserted first in an entry: what last_insert_rowid() and changes() say must not be another entry's.
    this.database.exec("CREATE TEMP TABLE draft_reset (id INTEGER PRIMARY KEY)");
    this.functions = new Functions(this.database, this.#calendar);
    this.#forget = this.database.prepare("DELETE FROM draft_memos WHERE applied < ?");
    this.#remember = this.database.prepare("INSERT INTO draft_memos VALUES (?, ?)");
    this.#advance = this.database.prepare("UPDATE draft_state SET applied = ?");
    this.database.setAuthorizer(this.rules.authorize);
  }

  /** Index of the last commit. */
  get applied(): number {
    return Number(this.database.prepare("SELECT applied FROM draft_state").get()?.["applied"]);
  }

  /** Entries from here on are one transaction with the next commit. */
  begin(): void {
    if (!this.database.isTransaction) this.database.exec("BEGIN");
  }

  commit({ index, memo, memosFrom }: Commit): void {
    this.begin();
    this.#forget.run(BigInt(memosFrom));
    this.#remember.run(BigInt(index), memo);
    this.#advance.run(BigInt(index));
    this.database.exec("COMMIT");
  }

  *memos(from: number): Generator<Uint8Array> {
    const next = this.database.prepare("SELECT applied, memo FROM draft_memos WHERE applied >= ? ORDER BY applied LIMIT 1");
    for (let at = from; ; ) {
      const row = next.get(BigInt(at));
      if (row === undefined) return;
      yield row["memo"] as Uint8Array;
      at = Number(row["applied"]) + 1;
    }
  }

  /** Of a state that came from another node: only the last memo says something of it. */
  forgetMemos(): void {
    this.database.exec("DELETE FROM draft_memos WHERE applied < (SELECT applied FROM draft_state)");
  }

  /**
   * Writes all that was committed into the file itself, where it stands still until {@link thaw}.
   *
   * @throws Error if it could not
   */
  freeze(): void {
    const { busy } = this.database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { readonly busy: number };
    if (busy !== 0) throw new Error("the database is busy");
    this.database.exec("PRAGMA wal_autocheckpoint = 0");
  }

  thaw(): void {
    this.database.exec("PRAGMA wal_autocheckpoint = 1000");
  }

  /** Ends it; what was not committed is undone. */
  close(): void {
    this.functions.close();
    this.database.close();
  }
}
