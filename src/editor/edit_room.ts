/** What it means that an edit failed by its disk, and how much room it wants. */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Task, wait } from "../base/task.ts";
import { isDiskFull } from "../host/files.ts";
import type { Disk, FileStat } from "../host/host.ts";
import { editFields } from "../wal/edit_record.ts";
import { ENVELOPE_BYTES } from "../wal/record.ts";
import { segmentName } from "../wal/segment.ts";
import type { Plan } from "./edit_plan.ts";
import type { OfflineHost } from "./log_files.ts";
import type { GroupLog } from "./offline_log.ts";

/**
 * Refuses an edit that the disk has no room for, before anything is touched: a log that finds none waits for it.
 *
 * @throws DraftError DISK_FULL
 */
export function* requireRoom({ disk }: OfflineHost, log: GroupLog, plan: Plan): Task<void> {
  const wanted = yield* wantedBytes(disk, log, plan);
  const free = yield* wait<number>((done) => disk.freeBytes(log.directory, done));
  if (free < wanted) throw noRoom(log, `it wants ${wanted} bytes, ${free} are free`);
}

/** An error that ended an edit. @returns what to throw: as a DraftError if it is the system's */
export function editError<E>(log: GroupLog, error: E): E | DraftError {
  if (error instanceof DraftError || !(error instanceof Error) || !("code" in error)) return error;
  if (isDiskFull(error)) return noRoom(log, error.message);
  return new DraftError("STORAGE_FAILED", `the edit cannot be written: ${error.message}: check the disk, then: draft log last --data ${shellWord(log.directory)}`, { cause: error });
}

function noRoom({ directory }: GroupLog, why: string): DraftError {
  return new DraftError("DISK_FULL", `the edit is not made, the disk is full: ${why}: make room, see draft log last --data ${shellWord(directory)}, then type it again`);
}

/** What is saved before the log is touched, and a segment for the edit itself, if the last one has no room for it. */
function* wantedBytes(disk: Disk, { files, scan, read }: GroupLog, { cuts, removed, edit }: Plan): Task<number> {
  const segmentBytes = function* (sequence: number): Task<number> {
    return (yield* wait<FileStat | null>((done) => disk.stat(`${files.directory}/${segmentName(sequence)}`, done)))?.bytes ?? 0;
  };
  let bytes = 0;
  if (cuts) {
    for (const sequence of files.sequences) if (sequence >= scan.end.sequence) bytes += yield* segmentBytes(sequence);
    return bytes;
  }
  const ownBytes = yield* segmentBytes(scan.end.sequence);
  if (scan.end.offset + ENVELOPE_BYTES + editFields(edit).bytes > ownBytes) bytes += ownBytes;
  for (let next = removed?.from ?? 1; next <= (removed?.to ?? 0);) {
    const part = yield* read(next, removed?.to ?? 0);
    bytes += part.runs.reduce((sum, run) => sum + run.length, 0);
    next = part.to + 1;
  }
  return bytes;
}
