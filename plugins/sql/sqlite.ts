/** SQLite as the runtime brings it: `node:sqlite`, which Bun, Deno and Node share. */
import process from "node:process";
import type * as sqliteModule from "node:sqlite";
import type { DatabaseSync } from "node:sqlite";

type Sqlite = typeof sqliteModule;

/** Bytes of one text or blob, and of one row. They decide what is refused, so they are the same on every runtime. */
const VALUE_BYTES_MAX = 16 * 1024 * 1024;
const LIMITS = { length: VALUE_BYTES_MAX, sqlLength: 4_000_000, column: 2000, exprDepth: 1000, compoundSelect: 500, functionArg: 127, attach: 0, likePatternLength: 50_000, variableNumber: 32_766, triggerDepth: 100 };

/** WAL: what is committed outlives the process at once, and a power cut as far as the disk had it. One process has the file. */
const SETTINGS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 1000;
  PRAGMA foreign_keys = ON;
  PRAGMA recursive_triggers = OFF;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -16000;
`;

/** @throws Error if this runtime has none */
export function loadSqlite(): Sqlite {
  const sqlite = process.getBuiltinModule("node:sqlite") as Sqlite | undefined;
  if (sqlite?.DatabaseSync === undefined) {
    throw new Error("this runtime has no node:sqlite, which the machine sql keeps its state in: run draft's executable, Bun, Deno 2.2 or Node 24");
  }
  return sqlite;
}

/** Opens the database at `path`, or makes it. */
export function openDatabase({ DatabaseSync }: Sqlite, path: string): DatabaseSync {
  const database = new DatabaseSync(path, {
    enableForeignKeyConstraints: true, enableDoubleQuotedStringLiterals: false, allowExtension: false, timeout: 0, limits: LIMITS,
  });
  try {
    database.exec(SETTINGS);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** A connection for functions of dates: without files, and without ours. */
export function openCalendar({ DatabaseSync }: Sqlite): DatabaseSync {
  return new DatabaseSync(":memory:");
}

/** Whether what fails in the midst of rows comes out of an iteration here; where not, all rows are taken at once. */
export function iterationTells(calendar: DatabaseSync): boolean {
  const fails = calendar.prepare("SELECT abs(column1) FROM (VALUES (1), (-9223372036854775808))");
  fails.setReadBigInts(true);
  try {
    for (const row of fails.iterate()) if (row === null) return false;
  } catch {
    return true;
  }
  return false;
}
