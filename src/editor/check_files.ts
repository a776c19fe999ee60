/**
 * Verifies what a stopped node's directory holds: every record and entry of the log that counts, and every snapshot; or
 * one file. What is damaged is named, place by place, with what it lost and what to do. Memory is bounded by the longest
 * record.
 */
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { readUpTo } from "../host/files.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import type { DataDir } from "../node/data_dir.ts";
import { decodeGenesis } from "../node/genesis.ts";
import { snapshotDirectory } from "../node/open_group.ts";
import { RecoveredLog } from "../node/recovered_log.ts";
import { type GroupId, type LogPoint, MAIN_GROUP } from "../raft/types.ts";
import type { EntryRange } from "../wal/damage.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import type { Scan } from "../wal/scan.ts";
import { listSnapshots, snapshotName } from "../wal/snapshot_directory.ts";
import { verifySnapshot } from "../wal/snapshot_reader.ts";
import { type Damage, damageOf, lossText } from "./damage.ts";
import { logOutlook, snapshotOutlook } from "./damage_outlook.ts";
import { findLog, type LogFiles, type OfflineHost, sourceOf, withDirectory } from "./log_files.ts";
import { readSavedEdit, SAVED_MAGIC } from "./saved_edit.ts";

/** What was verified, or why it could not be. */
export interface Checked {
  readonly path: string;
  readonly what: "log" | "snapshot" | "saved edit" | "file" | "place";
  /** Of what counts; of a place that is damaged what cannot be read, null if nothing behind it can. */
  readonly bytes: number | null;
  /** What it holds, in words; empty if nothing of it can be read. */
  readonly holds: string;
  /** Null if all of it is sound. */
  readonly damage: string | null;
  /** Of a place. */
  readonly offset?: number;
  /** Entries of a log that are lost. */
  readonly lost?: readonly EntryRange[];
  /** What a start makes of the damage, and what to type. */
  readonly next?: string;
}

type Told = (checked: Checked) => void;

const SNAPSHOT_MAGIC = "draftsnp";

/**
 * Verifies a data directory; `told` hears of each part as it is done.
 *
 * @throws DraftError NOT_FOUND, IN_USE, WRONG_IDENTITY; DAMAGED of the identity file, without which nothing else is known
 */
export function checkDirectory(host: OfflineHost, directory: string, told: Told): Task<void> {
  const { disk } = host;
  return withDirectory(host, directory, function* (dataDir): Task<void> {
    const files = yield* findLog(disk, dataDir);
    if (files === null) return told({ path: `${dataDir.path}/wal`, what: "log", bytes: 0, holds: "nothing yet", damage: null });
    const named = yield* checkLog(disk, dataDir, files, told);
    // Of what a witness's log begins behind there is no file.
    const isWitness = dataDir.identity?.welcome?.witness === true;
    for (const [group, point] of named) yield* checkSnapshots(disk, dataDir, group, isWitness ? null : point, told);
  });
}

/** Verifies the log. @returns the groups, and the snapshot that each names; group 1 and none where it cannot be read */
function* checkLog(disk: Disk, dataDir: DataDir, files: LogFiles, told: Told): Task<Map<GroupId, LogPoint | null>> {
  const { directory: path } = files;
  const heard = new RecoveredLog(MAIN_GROUP);
  let scan: Scan;
  try {
    scan = yield* scanLog(sourceOf(disk, files, "read on"), files.sequences, new RecoveredGroups(heard));
  } catch (error) {
    told({ path, what: "log", bytes: 0, holds: "", damage: damageIn(error) });
    return new Map([[MAIN_GROUP, null]]);
  }
  const logs = scan.groups.logs();
  const bytes = [...scan.segments.values()].reduce((sum, { end }) => sum + end, 0);
  const groups = [...logs.values()].map(({ group, prefix, lastIndex }) => `group ${group} from index ${prefix.index + 1} to ${lastIndex}`).join(", ");
  const holds = logs.size === 0 ? "" : `${scan.segments.size} segments, ${scan.lastBatch} batches, ${groups}`;
  const damage = damageOf(files, scan, MAIN_GROUP);
  if (damage === null) told({ path, what: "log", bytes, holds, damage: null });
  else tellDamage(damage, { path, bytes, holds }, { dataDir, heard, scan }, told);
  return logs.size === 0 ? new Map([[MAIN_GROUP, null]]) : new Map([...logs].map(([group, { snapshot }]) => [group, snapshot.index === 0 ? null : snapshot]));
}

/** Tells each place, then what all of them come to. */
function tellDamage(
  damage: Damage, log: Pick<Checked, "path" | "bytes" | "holds">, { dataDir, heard, scan }: { readonly dataDir: DataDir; readonly heard: RecoveredLog; readonly scan: Scan }, told: Told,
): void {
  for (const { path, offset, bytes, words } of damage.places) told({ path, what: "place", offset, bytes, holds: "", damage: words });
  const lastIndex = scan.groups.lastIndex(MAIN_GROUP);
  const configuration = heard.isMade ? heard.configurationsSince().at(-1) : undefined;
  const { genesis } = dataDir.identity ?? { genesis: null };
  const members = configuration ?? decodeGenesis(genesis as Uint8Array).configuration;
  const next = logOutlook(damage, { dataDir, configuration: members, lastIndex });
  told({ ...log, what: "log", damage: lossText(damage, lastIndex), lost: damage.loss?.absent ?? [], next });
}

function* checkSnapshots(disk: Disk, dataDir: DataDir, group: GroupId, named: LogPoint | null, told: Told): Task<void> {
  const directory = snapshotDirectory(dataDir.path, group);
  const next = snapshotOutlook(dataDir);
  const stat = yield* wait<FileStat | null>((done) => disk.stat(directory, done));
  const files = stat === null ? [] : (yield* listSnapshots(disk, directory)).map(snapshotName);
  const wanted = named === null ? null : snapshotName(named);
  if (wanted !== null && !files.includes(wanted)) {
    told({ path: `${directory}/${wanted}`, what: "snapshot", bytes: 0, holds: "", damage: "it is missing, and the log names it", next });
  }
  for (const name of files) {
    const checked = yield* checkSnapshot(disk, `${directory}/${name}`);
    told(checked.damage !== null && name === wanted ? { ...checked, next } : checked);
  }
}

function* checkSnapshot(disk: Disk, path: string): Task<Checked> {
  const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
  const bytes = stat?.bytes ?? 0;
  try {
    const { point, machine, machineVersion } = yield* verifySnapshot(disk, path);
    return { path, what: "snapshot", bytes, holds: `machine ${machine} of version ${machineVersion} as of index ${point.index}, term ${point.term}`, damage: null };
  } catch (error) {
    return { path, what: "snapshot", bytes, holds: "", damage: damageIn(error) };
  }
}

/**
 * Verifies one file, by what it begins with: a snapshot, which is what a backup is, or what an edit saved.
 *
 * @throws DraftError NOT_FOUND
 */
export function* checkFile(disk: Disk, path: string): Task<Checked> {
  const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
  if (stat === null || stat.directory) throw new DraftError("NOT_FOUND", `no file "${path}": draft log check FILE, or --data DIR for a directory`);
  const file = yield* wait<File>((done) => disk.open(path, {}, done));
  const front = yield* readUpTo(file, 0, 8);
  yield* wait<void>((done) => file.close(done));
  if (new TextDecoder().decode(front) === SNAPSHOT_MAGIC) return yield* checkSnapshot(disk, path);
  if (!SAVED_MAGIC.every((byte, at) => at === 7 || front[at] === byte)) {
    // The first bytes of a backup may be what is damaged.
    return { path, what: "file", bytes: stat.bytes, holds: "", damage: "it begins neither as a backup or another snapshot nor as a saved edit does" };
  }
  try {
    const { head: { nodeId, change, edit }, entries } = yield* readSavedEdit(disk, path);
    return { path, what: "saved edit", bytes: stat.bytes, holds: `${entries} entries that edit ${edit} (${change}) of ${nodeId} removed`, damage: null };
  } catch (error) {
    return { path, what: "saved edit", bytes: stat.bytes, holds: "", damage: damageIn(error) };
  }
}

/** What is damaged; any other error goes on. */
function damageIn(error: unknown): string {
  if (error instanceof DraftError && (error.code === "DAMAGED" || error.code === "WRONG_IDENTITY")) return error.message;
  throw error;
}
