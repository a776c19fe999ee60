/** What repairing a log asks of it besides what is asked in normal running. */
import { type Task, wait } from "../base/task.ts";
import type { GroupId, Index, LogPoint } from "../raft/types.ts";
import { Telling, type WalVisitor } from "./telling.ts";
import type { Wal } from "./wal.ts";
import { readHeadAt } from "./wal_read.ts";

/** Makes durable what was appended. */
export function* flushed(wal: Pick<Wal, "barrier" | "flush">): Task<void> {
  yield* wait<void>((done) => {
    wal.barrier(done);
    wal.flush();
  });
}

/** Tells the visitor all that the log holds of the group. Nothing of it may be absent, nothing be appended meanwhile. */
export function* tellGroup(wal: Pick<Wal, "source" | "groupOf">, group: GroupId, visitor: WalVisitor): Task<void> {
  yield* new Telling(visitor).whole(wal.source, wal.groupOf(group));
}

/** Term and chain of the entry at `index`, or of the point where the log begins; null if it holds neither. */
export function* pointAt(wal: Pick<Wal, "source" | "groupOf">, group: GroupId, index: Index): Task<LogPoint | null> {
  const log = wal.groupOf(group);
  if (index === log.prefix.index) return log.prefix;
  return index < log.prefix.index || index > log.lastIndex ? null : yield* readHeadAt(wal.source, log, index);
}
