/**
 * Makes an offline edit, or takes the last one back. What the edit removes is saved first; then one record does it, so
 * that a crash at any point leaves the log as it was or as it shall be.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import type { Disk, FileStat } from "../host/host.ts";
import { setMachineAside } from "../node/machine_start.ts";
import { machineDirectory, snapshotDirectory } from "../node/open_group.ts";
import { cutDamage } from "../wal/cut_damage.ts";
import type { EditMark } from "../wal/edit_record.ts";
import { MARK_NAME, openMark } from "../wal/mark.ts";
import { openWal } from "../wal/open_wal.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import { segmentName } from "../wal/segment.ts";
import { removeSnapshot } from "../wal/snapshot_directory.ts";
import { NOBODY } from "../wal/telling.ts";
import { undoBatch } from "../wal/undo_batch.ts";
import { WAL_DEFAULTS } from "../wal/wal_options.ts";
import { writeEmptySnapshot } from "./empty_snapshot.ts";
import type { Plan } from "./edit_plan.ts";
import { type OfflineHost, sourceOf } from "./log_files.ts";
import type { GroupLog } from "./offline_log.ts";
import { editError, requireRoom } from "./edit_room.ts";
import { saveEdit } from "./saved_edit.ts";
import { saveFiles, saveMachine } from "./saved_files.ts";

/**
 * Makes the edit, durably.
 *
 * @param plugin the group's machine; null will do unless the plan empties it
 * @returns the file that holds what was removed
 * @throws DraftError DISK_FULL, STORAGE_FAILED
 */
export function* makeEdit(host: OfflineHost, log: GroupLog, plan: Plan, plugin: AnyPlugin | null): Task<string> {
  try {
    yield* requireRoom(host, log, plan);
    return yield* make(host, log, plan, plugin);
  } catch (error) {
    throw editError(log, error);
  }
}

function* make(host: OfflineHost, log: GroupLog, plan: Plan, plugin: AnyPlugin | null): Task<string> {
  const saved = yield* saveEdit(host.disk, log, plan);
  if (plan.cuts) return yield* cut(host, log, plan);
  // The machine's own files may hold what the edit removes. They follow from snapshot and log, and are made anew.
  if (plan.removed !== null) yield* setMachineAside(host.disk, machineDirectory(log.directory));
  if (plan.empties) {
    assert(plugin !== null, "an empty machine is made by its plugin", plan.empties);
    yield* writeEmptySnapshot(host, log, plan, plugin);
  }
  yield* append(host, log, plan);
  return saved;
}

/** Cuts the log where its damage begins. @returns where its files are as they were */
function* cut({ disk }: OfflineHost, log: GroupLog, { edit }: Plan): Task<string> {
  const { files, scan, owner, directory, group: { group } } = log;
  const saved = yield* saveFiles(disk, directory, files, { number: edit.mark.number, sequence: scan.end.sequence });
  // It may be the last that shows what the lost entries did, so it is not emptied.
  yield* saveMachine(disk, machineDirectory(directory), saved);
  yield* cutDamage({ disk, directory: files.directory, owner, sequences: files.sequences, mark: files.mark, scan, group, edit });
  return saved;
}

function* append(host: OfflineHost, log: GroupLog, { edit }: Plan): Task<void> {
  const { directory, owner, group: { group }, scan } = log;
  const path = `${directory}/wal/${segmentName(scan.end.sequence)}`;
  const stat = yield* wait<FileStat | null>((done) => host.disk.stat(path, done));
  let failed: Done<void> = () => {};
  const options = {
    ...WAL_DEFAULTS, segmentBytes: stat?.bytes ?? WAL_DEFAULTS.segmentBytes, compacts: false,
    onFailure: (error: Error) => failed(error), onStall: () => {}, onSpace: () => {},
  };
  const wal = yield* openWal(host, directory, owner, options, NOBODY);
  wal.appendEdit(group, edit);
  wal.flush();
  yield* wait<void>((done) => {
    failed = done;
    wal.barrier(done);
  });
  yield* wait<void>((done) => wal.close(done));
}

/** What `undo` would take back. @throws DraftError CONFLICT if there is nothing, or something was built on it */
export function undoable({ scan, edit, identity, directory, group: { group } }: GroupLog): EditMark {
  if (edit === null) throw new DraftError("CONFLICT", "the log was never edited: there is nothing to take back");
  const isLast = scan.lastEdit.batch === scan.lastBatch && scan.lastEdit.group === group;
  if (scan.lastEdit.isCut) throw new DraftError("CONFLICT", `edit ${edit.number} cut what was damaged, and left nothing of it to be taken back; ${wayBack(directory, edit, edit.boot < identity.bootCount)}`);
  // Whose state an edit took is refused at its start, before it says a word to anybody.
  if ((edit.boot === identity.bootCount || edit.condition === "emptied") && isLast) return edit;
  throw new DraftError("CONFLICT", `edit ${edit.number} cannot be taken back: the node was started since, and others may rely on what it said; what the edit removed is in the directory's edits folder`);
}

/** To the files as they were before a cut: no way any more once the node may have acknowledged something since. */
function wayBack(directory: string, { number }: EditMark, wasStarted: boolean): string {
  const copy = `${shellWord(directory)}/edits/${number}-damaged`;
  if (wasStarted) return `the node was started since, and others may rely on what it said, which the files as they were do not hold; they are in ${copy}`;
  const wal = `${shellWord(directory)}/wal`;
  return `to have the files as they were: rm ${wal}/${MARK_NAME} && cp ${copy}/${MARK_NAME} ${copy}/*.seg ${wal}/`;
}

/**
 * Takes the last edit back, durably, and what it wrote besides the log.
 *
 * @throws DraftError CONFLICT as {@link undoable}; COMPACTED
 */
export function* undoEdit({ disk }: OfflineHost, log: GroupLog): Task<EditMark> {
  const edit = undoable(log);
  const directory = `${log.directory}/wal`;
  const opened = yield* openMark(disk, directory, log.owner.incarnation, false);
  try {
    yield* undoBatch(disk, directory, opened, log.scan);
  } finally {
    yield* wait<void>((done) => opened.file.close(done));
  }
  yield* removeUnnamed(disk, log);
  return edit;
}

/** Removes the snapshot that the log named with the edit, and does not without it. */
function* removeUnnamed(disk: Disk, { files, directory, group: { group, prefix, snapshot } }: GroupLog): Task<void> {
  // What an edit empties begins behind the snapshot that it wrote.
  if (snapshot.index === 0 || snapshot.index !== prefix.index) return;
  const { file, mark } = yield* openMark(disk, files.directory, files.owner.incarnation, false);
  yield* wait<void>((done) => file.close(done));
  const source = { ...sourceOf(disk, { ...files, mark }, "stop"), onDamage: "refuse" } as const;
  const { groups } = yield* scanLog(source, files.sequences, new RecoveredGroups(NOBODY));
  if (groups.logs().get(group)?.snapshot.index !== snapshot.index) yield* removeSnapshot(disk, snapshotDirectory(directory, group), snapshot);
}
