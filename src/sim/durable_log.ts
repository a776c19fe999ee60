/**
 * What one machine would give back if its power were cut now and chance kept nothing of what is not durable: who it is,
 * its log and the snapshot before it, read from a copy of the disk as the next process would read them.
 */
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { runTask, type Task, wait } from "../base/task.ts";
import { readWhole } from "../host/files.ts";
import type { Disk } from "../host/host.ts";
import { IDENTITY_NAME } from "../node/data_dir.ts";
import { decodeIdentity, type Identity } from "../node/identity.ts";
import { snapshotDirectory } from "../node/open_group.ts";
import { type GroupId, type Index, type LogPoint, MAIN_GROUP } from "../raft/types.ts";
import { openMark } from "../wal/mark.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import { sequenceOf } from "../wal/segment.ts";
import { snapshotName } from "../wal/snapshot_directory.ts";
import { verifySnapshot } from "../wal/snapshot_reader.ts";
import type { WalVisitor } from "../wal/telling.ts";
import { Scheduler } from "./scheduler.ts";
import type { SimDisk } from "./sim_disk.ts";

const IDENTITY_BYTES_MAX = 1_048_576;
const READ_BYTES = 65_536;

/** Term and chain of an entry; the chain stands for all before it. */
export interface DurablePoint extends Pick<LogPoint, "term" | "chain"> {
  /** Of what somebody wrote; 0 of a configuration, which every member keeps. */
  readonly payloadBytes: number;
}

/** What is durable of group `main`. */
export interface DurableLog {
  /** The newest snapshot that the log names and that can be read; null if there is none. */
  readonly snapshot: LogPoint | null;
  /** The entries that are in the log. */
  readonly entries: ReadonlyMap<Index, DurablePoint>;
  /** Why none of this can be read; null if it can. */
  readonly damage: string | null;
  /** Null if it is not there, or cannot be read. */
  readonly identity: Identity | null;
}

/**
 * Reads what is durable on `disk`, and changes nothing there.
 *
 * @param directory the data directory
 */
export function readDurableLog(disk: SimDisk, directory: string): DurableLog {
  const scheduler = new Scheduler();
  const found: { log: DurableLog } = { log: nothing("it could not be read to its end", null) };
  runTask(read(disk.afterPowerCut(scheduler).boot(), directory), (...[error, log]) => {
    found.log = error === null ? log : nothing(error.message, null);
  });
  while (scheduler.step());
  return found.log;
}

function nothing(damage: string, identity: Identity | null): DurableLog {
  return { snapshot: null, entries: new Map(), damage, identity };
}

function* read(disk: Disk, directory: string): Task<DurableLog> {
  const path = `${directory}/${IDENTITY_NAME}`;
  const content = yield* readWhole(disk, path, IDENTITY_BYTES_MAX);
  if (content === null) return nothing("it has no identity", null);
  const identity = decodeIdentity(content, path);
  try {
    return yield* readLog(disk, directory, identity);
  } catch (error) {
    return nothing((error as Error).message, identity);
  }
}

function* readLog(disk: Disk, directory: string, identity: Identity): Task<DurableLog> {
  const wal = `${directory}/wal`;
  const sequences = (yield* wait<string[]>((done) => disk.list(wal, done))).map(sequenceOf).filter((sequence) => sequence > 0);
  const { mark } = yield* openMark(disk, wal, identity.incarnation, false);
  const log = new LogReader();
  yield* scanLog({ disk, directory: wal, identity, mark, readBytes: READ_BYTES }, sequences, new RecoveredGroups(log));
  const { snapshot, entries } = log;
  // A witness marks positions, and has no files.
  if (identity.welcome?.witness === true) return { snapshot, entries, damage: null, identity };
  if (snapshot !== null) yield* verifySnapshot(disk, `${snapshotDirectory(directory, MAIN_GROUP)}/${snapshotName(snapshot)}`);
  else if (log.baseIndex > 0) throw new DraftError("DAMAGED", `the log begins behind index ${log.baseIndex} and names no snapshot`);
  return { snapshot, entries, damage: null, identity };
}

/** Keeps what is told of group `main`. */
class LogReader implements WalVisitor {
  readonly entries: Map<Index, DurablePoint> = new Map();
  snapshot: LogPoint | null = null;
  baseIndex: Index = 0;

  groupMade(group: GroupId): void {
    if (group !== MAIN_GROUP) return;
    this.entries.clear();
    this.snapshot = null;
    this.baseIndex = 0;
  }

  hardState(): void {}

  truncated(group: GroupId, from: Index): void {
    if (group !== MAIN_GROUP) return;
    for (const index of this.entries.keys()) if (index >= from) this.entries.delete(index);
  }

  entry(group: GroupId, { kind, index, term, chain }: EntryHead, payload: Uint8Array): void {
    if (group === MAIN_GROUP) this.entries.set(index, { term, chain, payloadBytes: kind === EntryKind.config ? 0 : payload.length });
  }

  compacted(group: GroupId, { index: through }: LogPoint): void {
    if (group !== MAIN_GROUP) return;
    this.baseIndex = through;
    for (const index of this.entries.keys()) if (index <= through) this.entries.delete(index);
  }

  snapshotMarked(group: GroupId, point: LogPoint): void {
    if (group === MAIN_GROUP) this.snapshot = point;
  }

  edited(): void {}
}
