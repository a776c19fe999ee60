/**
 * The lock on a data directory, by SQLite: the one way to a lock of the kernel that Bun, Deno and Node all have, and
 * the same one in each. (flock needs bun:ffi or Deno, a pid file anywhere else: three kinds that do not see each other,
 * so that one runtime could open what another one holds.) An exclusive transaction on a file that stays empty takes
 * an fcntl lock, on Windows LockFileEx; it ends with the process, however that ends. 0.6 ms on Bun, 1 ms on Node, 15 ms
 * on Deno, which loads SQLite for it.
 */
import type { DatabaseSync } from "node:sqlite";
import type { FileLock } from "./host.ts";

const SQLITE_BUSY = 5;

/**
 * Takes the lock that the file at `path` stands for, making the file if it is missing.
 *
 * @returns the lock, or null if another process, or this one, holds it
 * @throws the system's error if the file cannot be opened
 */
export function takeLock(path: string): FileLock | null {
  const sqlite = process.getBuiltinModule("node:sqlite");
  const database = new sqlite.DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 0");
    // The transaction begins with a journal, which is a file and wants room: on a full disk nobody could even look.
    database.exec("PRAGMA journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
    return new SqliteLock(database);
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("errcode" in error && error.errcode === SQLITE_BUSY) || error.message.includes("database is locked");
}

/** The listener that closes it at exit also keeps the database named: one that nobody names is collected, lock and all. */
class SqliteLock implements FileLock {
  readonly #close: () => void;

  constructor(database: DatabaseSync) {
    this.#close = () => database.close();
    process.once("exit", this.#close);
  }

  release(): void {
    if (!process.listeners("exit").includes(this.#close)) return;
    process.off("exit", this.#close);
    this.#close();
  }
}
