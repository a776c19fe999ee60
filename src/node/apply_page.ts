/** Entries that are read back from the log to be applied. */
import { viewOf } from "../base/bytes.ts";
import { endOf } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { Index } from "../raft/types.ts";
import type { ReadWindows } from "../wal/read_windows.ts";
import type { EntriesRead } from "../wal/wal_read.ts";
import { Tail, type TailReader } from "./tail.ts";

/** Entries that were read back. */
export interface Page {
  readonly reader: TailReader;
  readonly to: Index;
  /** The memory that they lie in. */
  readonly windows: ReadWindows;
}

/** A disk that fails to read is not a log that holds something wrong: only the log itself says that it is damaged. */
export function unreadable(error: Error, from: Index, to: Index): DraftError {
  if (error instanceof DraftError && error.code === "DAMAGED") return error;
  return new DraftError("STORAGE_FAILED", `committed entries ${from} to ${to} cannot be read back: ${error.message}`, { cause: error });
}

/** A tail of what was read. */
export function pageOf({ from, runs }: EntriesRead): Tail {
  const page = new Tail(from);
  for (const run of runs) {
    const view = viewOf(run);
    let count = 0;
    for (let at = 0; at < run.length; at = endOf(view, at)) count += 1;
    page.push(run, page.next, count);
  }
  return page;
}
