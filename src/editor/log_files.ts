/** The files of a log that no process writes, as they are found: the one way to them, for all that is done offline. */
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk, FileStat, Host } from "../host/host.ts";
import { type DataDir, openDataDir } from "../node/data_dir.ts";
import { storageIdentity } from "../node/identity.ts";
import { MARK_NAME, type Mark, openMark } from "../wal/mark.ts";
import type { RecoverySource } from "../wal/scan.ts";
import { sequenceOf, type WalIdentity } from "../wal/segment.ts";

const READ_BYTES = 4 * 1_048_576;

/** What offline work needs of a host. */
export type OfflineHost = Pick<Host, "clock" | "disk" | "random" | "log">;

/** A log, not read yet. */
export interface LogFiles {
  /** Where the segments are. */
  readonly directory: string;
  /** What segments and snapshots bear: what the node was when the log began. */
  readonly owner: WalIdentity;
  readonly sequences: readonly number[];
  /** Of the log's first segment if the file cannot be believed: nothing is vouched for by it then. */
  readonly mark: Mark;
  /** What is wrong with the mark file; null if nothing is. */
  readonly markFault: DraftError | null;
}

/**
 * Holds the data directory for as long as `use` runs. Looking writes nothing but the lock file, which keeps processes
 * away meanwhile.
 *
 * @throws DraftError NOT_FOUND, IN_USE, WRONG_IDENTITY; DAMAGED of the identity file, without which nothing else is known
 */
export function* withDirectory<T>(host: OfflineHost, directory: string, use: (dataDir: DataDir) => Task<T>): Task<T> {
  const { disk } = host;
  // Opening a directory makes it: what is not there must not be made by looking.
  const stat = yield* wait<FileStat | null>((done) => disk.stat(`${directory}/identity`, done));
  if (stat === null) throw new DraftError("NOT_FOUND", `"${directory}" is no data directory: draft log last --data DIR`);
  const dataDir = yield* openDataDir(host, directory, { nodeId: null, machine: null });
  try {
    return yield* use(dataDir);
  } finally {
    dataDir.close();
  }
}

/**
 * The log of the directory; null if it has none yet.
 *
 * @throws DraftError WRONG_IDENTITY
 */
export function* findLog(disk: Disk, { path, identity }: DataDir): Task<LogFiles | null> {
  const directory = `${path}/wal`;
  const stat = yield* wait<FileStat | null>((done) => disk.stat(directory, done));
  if (identity === null || identity.genesis === null || stat === null) return null;
  const names = yield* wait<string[]>((done) => disk.list(directory, done));
  const sequences = names.map(sequenceOf).filter((sequence) => sequence > 0);
  if (sequences.length === 0 && !names.includes(MARK_NAME)) return null;
  const owner = storageIdentity(identity);
  try {
    const { file, mark } = yield* openMark(disk, directory, owner.incarnation, false);
    yield* wait<void>((done) => file.close(done));
    return { directory, owner, sequences, mark, markFault: null };
  } catch (error) {
    if (!(error instanceof DraftError) || error.code !== "DAMAGED") throw error;
    const mark = { batch: 0, sequence: 0, offset: 0, firstSegment: Math.min(...sequences) };
    return { directory, owner, sequences, mark, markFault: error };
  }
}

/** What the log is read with. */
export function sourceOf(disk: Disk, { directory, owner, mark }: LogFiles, onDamage: "stop" | "read on"): RecoverySource {
  return { disk, directory, identity: owner, mark, readBytes: READ_BYTES, onDamage };
}
