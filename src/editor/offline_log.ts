/**
 * A data directory that no process uses, read as a node would read it at its start. Looking writes nothing but the lock
 * file, which keeps processes away meanwhile.
 */
import { type EntryHead, readHeader } from "../base/entry.ts";
import { viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { runTask, type Task, wait } from "../base/task.ts";
import type { Disk, FileStat, Host } from "../host/host.ts";
import { type DataDir, openDataDir } from "../node/data_dir.ts";
import { decodeGenesis } from "../node/genesis.ts";
import { type Identity, storageIdentity } from "../node/identity.ts";
import { snapshotDirectory } from "../node/open_group.ts";
import { decodeLogStart } from "../raft/log_start.ts";
import { RecoveredLog } from "../node/recovered_log.ts";
import type { Configuration, HardState, Index, LogPoint } from "../raft/types.ts";
import { openMark } from "../wal/mark.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import type { Scan } from "../wal/scan.ts";
import { sequenceOf, type WalIdentity } from "../wal/segment.ts";
import { snapshotName } from "../wal/snapshot_directory.ts";
import { SnapshotReader } from "../wal/snapshot_reader.ts";
import type { EditMark } from "../wal/edit_record.ts";
import type { WalGroup } from "../wal/wal_group.ts";
import { readEntries } from "../wal/wal_read.ts";

const READ_BYTES = 1024 * 1024;
const POINTS_MAX = 64;

/** What offline work needs of a host. */
export type OfflineHost = Pick<Host, "clock" | "disk" | "random" | "log">;

/** The log of one group. */
export interface GroupLog {
  readonly directory: string;
  readonly identity: Identity;
  /** What segments and snapshots bear: what the node was when the log began. */
  readonly owner: WalIdentity;
  readonly group: WalGroup;
  readonly hardState: HardState;
  /** All that the log holds and what the point says where it begins, ascending by index; the first may be the genesis'. */
  readonly configurations: readonly Configuration[];
  /** The newest of them. */
  readonly configuration: Configuration;
  /** Log time where the log begins. */
  readonly startMs: number;
  /** The last offline edit; null if there was none. */
  readonly edit: EditMark | null;
  /** Version of the machine that is in force at `index`; as far as the log tells, where its snapshot cannot be read. */
  readonly machineVersionAt: (index: Index) => number;
  readonly scan: Scan;
  /** Sealed entries `from`..`to`, or as many as fit one read, and the index of the last of them. */
  read(from: Index, to: Index): Task<{ readonly runs: readonly Uint8Array[]; readonly to: Index }>;
}

/**
 * Opens the log of `group` in `directory` for as long as `use` runs.
 *
 * @throws DraftError NOT_FOUND, IN_USE, WRONG_IDENTITY, DAMAGED
 */
export function withGroupLog<T>(
  host: OfflineHost,
  { directory, group }: { readonly directory: string; readonly group: number },
  use: (log: GroupLog, dataDir: DataDir) => Task<T>,
): Promise<T> {
  return runOffline(openedLog(host, { directory, group }, use));
}

/** Runs a task that opens what it needs by itself. */
export function runOffline<T>(task: Task<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    runTask(task, (...[error, value]) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
}

/** As {@link withGroupLog}, as a task. */
export function* openedLog<T>(
  host: OfflineHost,
  { directory, group }: { readonly directory: string; readonly group: number },
  use: (log: GroupLog, dataDir: DataDir) => Task<T>,
): Task<T> {
  const { disk } = host;
  // Opening a directory makes it: what is not there must not be made by looking.
  const stat = yield* wait<FileStat | null>((done) => disk.stat(`${directory}/identity`, done));
  if (stat === null) throw new DraftError("NOT_FOUND", `"${directory}" is no data directory: draft log last --data DIR`);
  const dataDir = yield* openDataDir(host, directory, { nodeId: null, machine: null });
  try {
    return yield* use(yield* groupLog(host, dataDir, group), dataDir);
  } finally {
    dataDir.close();
  }
}

function* groupLog({ disk }: OfflineHost, dataDir: DataDir, groupId: number): Task<GroupLog> {
  const directory = `${dataDir.path}/wal`;
  const stat = yield* wait<FileStat | null>((done) => disk.stat(directory, done));
  const { identity } = dataDir;
  if (identity === null || identity.genesis === null || stat === null) throw noGroup(dataDir.path);
  const sequences = yield* segmentsIn(disk, directory);
  if (sequences.length === 0) throw noGroup(dataDir.path);
  const owner = storageIdentity(identity);
  const { file, mark } = yield* openMark(disk, directory, owner.incarnation, false);
  yield* wait<void>((done) => file.close(done));
  const source = { disk, directory, identity: owner, mark, readBytes: READ_BYTES };
  const told = new RecoveredLog(groupId);
  const scan = yield* scanLog(source, sequences, new RecoveredGroups(told));
  const group = scan.groups.logs().get(groupId);
  if (group === undefined) throw noGroup(dataDir.path);
  const { configurations } = told.recovered();
  const snapshotVersion = yield* versionInSnapshot(disk, dataDir, told);
  const saltOf = (sequence: number): number => scan.segments.get(sequence)?.salt ?? 0;
  return {
    directory: dataDir.path, identity, owner, group, hardState: group.hardState, configurations, configuration: configurations.at(-1) as Configuration, startMs: startOf(group), edit: told.edit, scan,
    machineVersionAt: (index) => told.machineVersionAt(index, snapshotVersion),
    *read(from, to) {
      const route = group.index.route(from, to, POINTS_MAX);
      const request = { group: groupId, from, to: route.to, bytesMax: READ_BYTES };
      return yield* readEntries({ disk, directory, points: route.points, saltOf }, request);
    },
  };
}

/** The machine's version that the newest snapshot was taken at; 0 if there is none that can be read. */
function* versionInSnapshot(disk: Disk, { path, identity }: DataDir, { group, snapshotPoint }: RecoveredLog): Task<number> {
  if (snapshotPoint === null || identity?.welcome?.witness === true) return 0;
  try {
    const reader = yield* SnapshotReader.open(disk, `${snapshotDirectory(path, group)}/${snapshotName(snapshotPoint)}`);
    yield* reader.close();
    return reader.head.machineVersion;
  } catch (error) {
    if (error instanceof DraftError && error.code === "DAMAGED") return 0;
    throw error;
  }
}

function startOf({ prefix, context, genesis }: WalGroup): number {
  return prefix.index > 0 ? decodeLogStart(prefix, context).timeMs : decodeGenesis(genesis).foundedMs;
}

/** The numbers of the segments in a WAL's directory. */
export function* segmentsIn(disk: Host["disk"], directory: string): Task<number[]> {
  const names = yield* wait<string[]>((done) => disk.list(directory, done));
  return names.map(sequenceOf).filter((sequence) => sequence > 0);
}

function noGroup(directory: string): DraftError {
  return new DraftError("NOT_FOUND", `"${directory}" holds no log of that group yet: draft serve --data ${shellWord(directory)} founds or joins a cluster`);
}

/** The configuration in force once the log ends at `index`. */
export function configurationAt({ configurations }: GroupLog, index: Index): Configuration {
  return configurations.findLast((each) => each.index <= index) ?? (configurations[0] as Configuration);
}

/** Where the log stands at `index`, which it holds, or which is its beginning; and log time there. */
export function* pointAt(log: GroupLog, index: Index): Task<LogPoint & { readonly timeMs: number }> {
  const { prefix } = log.group;
  if (index === prefix.index) return { ...prefix, timeMs: log.startMs };
  const { term, chain, timeMs } = yield* headAt(log, index);
  return { index, term, chain, timeMs };
}

function* headAt(log: GroupLog, index: Index): Task<EntryHead> {
  const run = (yield* log.read(index, index)).runs[0] as Uint8Array;
  return readHeader(run, viewOf(run), 0) as EntryHead;
}
