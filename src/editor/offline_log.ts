/**
 * A data directory that no process uses, read as a node would read it at its start. What is damaged is named, and what
 * can be read besides is there all the same.
 */
import { type EntryHead, readHeader } from "../base/entry.ts";
import { viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { runTask, type Task } from "../base/task.ts";
import type { Disk } from "../host/host.ts";
import type { DataDir } from "../node/data_dir.ts";
import { decodeGenesis } from "../node/genesis.ts";
import type { Identity } from "../node/identity.ts";
import { snapshotDirectory } from "../node/open_group.ts";
import { decodeLogStart } from "../raft/log_start.ts";
import { RecoveredLog } from "../node/recovered_log.ts";
import type { Configuration, GroupId, HardState, Index, LogPoint } from "../raft/types.ts";
import type { EditMark } from "../wal/edit_record.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import type { Scan } from "../wal/scan.ts";
import { snapshotName } from "../wal/snapshot_directory.ts";
import { SnapshotReader } from "../wal/snapshot_reader.ts";
import type { WalGroup } from "../wal/wal_group.ts";
import { readEntries, type SegmentSource } from "../wal/wal_read.ts";
import { type Damage, damageOf, partsOf, refusal } from "./damage.ts";
import { findLog, type LogFiles, type OfflineHost, sourceOf, withDirectory } from "./log_files.ts";

const READ_BYTES = 1024 * 1024;
const POINTS_MAX = 64;

/** What can be read of a log: all of it, or a part. */
export interface Entries {
  /** The data directory. */
  readonly directory: string;
  readonly identity: Identity;
  /** As it stands at the end of the log. */
  readonly group: WalGroup;
  /** Null of a sound log. */
  readonly damage: Damage | null;
  /** Sealed entries `from`..`to`, or as many as fit one read, and the index of the last of them. */
  read(from: Index, to: Index): Task<{ readonly runs: readonly Uint8Array[]; readonly to: Index }>;
}

/** The log of one group. */
export interface GroupLog extends Entries {
  readonly files: LogFiles;
  readonly owner: LogFiles["owner"];
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
}

/** Which log is meant, and what comes of damage: an error if nothing is said. */
export interface LogWanted {
  readonly directory: string;
  readonly group: GroupId;
  /** `stop`: the log is what stands before the first damage. `read on`: it is all that can be read. */
  readonly onDamage?: "refuse" | "stop" | "read on";
}

/**
 * Opens the log of `group` in `directory` for as long as `use` runs.
 *
 * @throws DraftError NOT_FOUND, IN_USE, WRONG_IDENTITY, DAMAGED
 */
export function withGroupLog<T>(host: OfflineHost, wanted: LogWanted, use: (log: GroupLog, dataDir: DataDir) => Task<T>): Promise<T> {
  return runOffline(openedLog(host, wanted, use));
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
export function openedLog<T>(host: OfflineHost, { directory, group, onDamage = "refuse" }: LogWanted, use: (log: GroupLog, dataDir: DataDir) => Task<T>): Task<T> {
  return withDirectory(host, directory, function* (dataDir) {
    const files = yield* findLog(host.disk, dataDir);
    if (files === null) throw noGroup(dataDir.path);
    const log = yield* groupLog(host, dataDir, files, group, onDamage === "stop" ? "stop" : "read on");
    if (log.damage !== null && onDamage === "refuse") throw refusal(log.damage, dataDir.path);
    return yield* use(log, dataDir);
  });
}

function* groupLog({ disk }: OfflineHost, dataDir: DataDir, files: LogFiles, groupId: GroupId, onDamage: "stop" | "read on"): Task<GroupLog> {
  const told = new RecoveredLog(groupId);
  const scan = yield* scanLog(sourceOf(disk, files, onDamage), files.sequences, new RecoveredGroups(told));
  const damage = damageOf(files, scan, groupId);
  const group = scan.groups.logs().get(groupId);
  if (group === undefined) throw damage === null ? noGroup(dataDir.path) : refusal(damage, dataDir.path);
  // Of what stands behind damage only the newest is certain.
  const configurations = damage === null ? told.recovered().configurations : told.configurationsSince();
  const snapshotVersion = yield* versionInSnapshot(disk, dataDir, told);
  const source = { disk, directory: files.directory, saltOf: (sequence: number): number => scan.segments.get(sequence)?.salt ?? 0 };
  return {
    ...readable(dataDir, group, source, damage), files, owner: files.owner, hardState: group.hardState,
    configurations, configuration: configurations.at(-1) as Configuration, startMs: startOf(group), edit: group.edit, scan,
    machineVersionAt: (index) => told.machineVersionAt(index, snapshotVersion),
  };
}

/** What can be read of a group through `source`. */
export function readable({ path, identity }: DataDir, group: WalGroup, source: SegmentSource, damage: Damage | null): Entries {
  return {
    directory: path, identity: identity as Identity, group, damage,
    *read(from, to) {
      const part = partsOf(damage, from, to)[0];
      if (part === undefined || part.isAbsent) throw refusal(damage as Damage, path, `entry ${from} is lost`);
      const route = group.index.route(from, part.to, POINTS_MAX);
      const request = { group: group.group, from, to: route.to, bytesMax: READ_BYTES };
      return yield* readEntries({ ...source, points: route.points }, request);
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

/** @returns an error to throw */
export function noGroup(directory: string): DraftError {
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
