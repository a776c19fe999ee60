/**
 * Verifies what a stopped node's directory holds: every record and entry of the log that counts, and every snapshot; or
 * one file. Memory is bounded by the longest record.
 */
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { readUpTo } from "../host/files.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import type { DataDir } from "../node/data_dir.ts";
import { openDataDir } from "../node/data_dir.ts";
import { storageIdentity } from "../node/identity.ts";
import { snapshotDirectory } from "../node/open_group.ts";
import type { GroupId, LogPoint } from "../raft/types.ts";
import { openMark } from "../wal/mark.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import { listSnapshots, snapshotName } from "../wal/snapshot_directory.ts";
import { verifySnapshot } from "../wal/snapshot_reader.ts";
import { NOBODY } from "../wal/telling.ts";
import { type OfflineHost, segmentsIn } from "./offline_log.ts";
import { readSavedEdit, SAVED_MAGIC } from "./saved_edit.ts";

/** What was verified, or why it could not be. */
export interface Checked {
  readonly path: string;
  readonly what: "log" | "snapshot" | "saved edit" | "file";
  readonly bytes: number;
  /** What it holds, in words; empty if it is damaged. */
  readonly holds: string;
  /** Null if all of it is sound. */
  readonly damage: string | null;
}

const READ_BYTES = 4 * 1_048_576;
const SNAPSHOT_MAGIC = "draftsnp";

/**
 * Verifies a data directory; `told` hears of each part as it is done.
 *
 * @throws DraftError NOT_FOUND, IN_USE, WRONG_IDENTITY; DAMAGED of the identity file, without which nothing else is known
 */
export function* checkDirectory(host: OfflineHost, directory: string, told: (checked: Checked) => void): Task<void> {
  const { disk } = host;
  const stat = yield* wait<FileStat | null>((done) => disk.stat(`${directory}/identity`, done));
  if (stat === null) throw new DraftError("NOT_FOUND", `"${directory}" is no data directory: draft log check --data DIR`);
  const dataDir = yield* openDataDir(host, directory, { nodeId: null, machine: null });
  try {
    const named = yield* checkLog(disk, dataDir, told);
    // Of what a witness's log begins behind there is no file.
    const isWitness = dataDir.identity?.welcome?.witness === true;
    for (const [group, point] of named) yield* checkSnapshots(disk, snapshotDirectory(directory, group), isWitness ? null : point, told);
  } finally {
    dataDir.close();
  }
}

/** Verifies the log. @returns the groups, and the snapshot that each names; group 1 and none where it cannot be read */
function* checkLog(disk: Disk, { path, identity }: DataDir, told: (checked: Checked) => void): Task<Map<GroupId, LogPoint | null>> {
  const directory = `${path}/wal`;
  const stat = yield* wait<FileStat | null>((done) => disk.stat(directory, done));
  if (identity === null || identity.genesis === null || stat === null) {
    told({ path: directory, what: "log", bytes: 0, holds: "nothing yet", damage: null });
    return new Map();
  }
  const sequences = yield* segmentsIn(disk, directory);
  const owner = storageIdentity(identity);
  try {
    const { file, mark } = yield* openMark(disk, directory, owner.incarnation, sequences.length === 0);
    yield* wait<void>((done) => file.close(done));
    const scan = yield* scanLog({ disk, directory, identity: owner, mark, readBytes: READ_BYTES }, sequences, new RecoveredGroups(NOBODY));
    const logs = scan.groups.logs();
    const bytes = [...scan.segments.values()].reduce((sum, { end }) => sum + end, 0);
    const holds = [...logs.values()].map(({ group, prefix, lastIndex }) => `group ${group} from index ${prefix.index + 1} to ${lastIndex}`).join(", ");
    told({ path: directory, what: "log", bytes, holds: `${scan.segments.size} segments, ${scan.lastBatch} batches, ${holds}`, damage: null });
    return new Map([...logs].map(([group, { snapshot }]) => [group, snapshot.index === 0 ? null : snapshot]));
  } catch (error) {
    told({ path: directory, what: "log", bytes: 0, holds: "", damage: damageIn(error) });
    return new Map([[1, null]]);
  }
}

function* checkSnapshots(disk: Disk, directory: string, named: LogPoint | null, told: (checked: Checked) => void): Task<void> {
  const stat = yield* wait<FileStat | null>((done) => disk.stat(directory, done));
  const files = stat === null ? [] : (yield* listSnapshots(disk, directory)).map(snapshotName);
  const wanted = named === null ? null : snapshotName(named);
  if (wanted !== null && !files.includes(wanted)) {
    told({ path: `${directory}/${wanted}`, what: "snapshot", bytes: 0, holds: "", damage: "it is missing, and the log names it" });
  }
  for (const name of files) told(yield* checkSnapshot(disk, `${directory}/${name}`));
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
