/**
 * The files of a log as they are before it is cut at what is damaged: `edits/<number>-damaged` of the data directory has
 * those that will change. What a disk cannot read is copied as other bytes, which no sum fits. What a machine held on
 * disk itself goes there too: it may be the last that shows what the entries did that are lost.
 */
import { type Task, wait } from "../base/task.ts";
import { parentOf, readWhole, removeIfThere, writeAll } from "../host/files.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import { MARK_NAME } from "../wal/mark.ts";
import { segmentName } from "../wal/segment.ts";
import { openReader } from "../wal/segment_reader.ts";
import type { LogFiles } from "./log_files.ts";

const PIECE_BYTES = 1_048_576;
const MARK_BYTES_MAX = 65_536;

/**
 * Where the files go before edit `number` cuts the log of the data directory `path`. What an earlier try saved stays: it
 * is of a log that was whole then.
 */
export function* damagedDirectory(disk: Disk, path: string, number: number): Task<string> {
  const first = `${path}/edits/${number}-damaged`;
  let target = first;
  for (let again = 2; yield* holdsFiles(disk, target); again++) target = `${first}-${again}`;
  return target;
}

/** Where the directory of the machine goes. */
export function savedMachine(target: string): string {
  return `${target}/machine`;
}

/**
 * Copies the mark and the segments from `sequence` on, durably. Of a try that fails nothing stays but an empty directory,
 * which the next one fills.
 *
 * @param path the data directory
 * @returns where the copies are: {@link damagedDirectory}
 */
export function* saveFiles(disk: Disk, path: string, { directory, sequences }: LogFiles, { number, sequence }: { readonly number: number; readonly sequence: number }): Task<string> {
  const edits = `${path}/edits`;
  yield* wait<void>((done) => disk.makeDirectory(edits, done));
  yield* wait<void>((done) => disk.syncDirectory(path, done));
  const target = yield* damagedDirectory(disk, path, number);
  yield* wait<void>((done) => disk.makeDirectory(target, done));
  yield* wait<void>((done) => disk.syncDirectory(edits, done));
  try {
    yield* saveAll(disk, target, directory, sequences.filter((other) => other >= sequence));
  } catch (error) {
    for (const name of yield* wait<string[]>((done) => disk.list(target, done))) yield* removeIfThere(disk, `${target}/${name}`);
    throw error;
  }
  return target;
}

function* holdsFiles(disk: Disk, path: string): Task<boolean> {
  if ((yield* wait<FileStat | null>((done) => disk.stat(path, done))) === null) return false;
  return (yield* wait<string[]>((done) => disk.list(path, done))).length > 0;
}

function* saveAll(disk: Disk, target: string, directory: string, sequences: readonly number[]): Task<void> {
  const mark = yield* readWhole(disk, `${directory}/${MARK_NAME}`, MARK_BYTES_MAX);
  if (mark !== null) yield* save(disk, `${target}/${MARK_NAME}`, (file) => writeAll(file, [mark], 0));
  for (const each of sequences) yield* save(disk, `${target}/${segmentName(each)}`, (file) => copySegment(disk, directory, each, file));
  yield* wait<void>((done) => disk.syncDirectory(target, done));
}

/**
 * Moves the directory of the machine, if it is there, to the files saved in `target`, durably. A crash leaves all of it
 * in either place.
 */
export function* saveMachine(disk: Disk, directory: string, target: string): Task<void> {
  if ((yield* wait<FileStat | null>((done) => disk.stat(directory, done))) === null) return;
  yield* wait<void>((done) => disk.rename(directory, savedMachine(target), done));
  yield* wait<void>((done) => disk.syncDirectory(target, done));
  yield* wait<void>((done) => disk.syncDirectory(parentOf(directory), done));
}

function* save(disk: Disk, path: string, write: (file: File) => Task<void>): Task<void> {
  const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
  try {
    yield* write(file);
    yield* wait<void>((done) => file.sync(done));
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
}

function* copySegment(disk: Disk, directory: string, sequence: number, file: File): Task<void> {
  const reader = yield* openReader({ disk, directory, readBytes: PIECE_BYTES }, sequence);
  try {
    for (let at = 0; at < reader.sizeBytes;) {
      const length = Math.min(PIECE_BYTES, reader.sizeBytes - at);
      if (!(yield* reader.load(at, length))) return;
      yield* writeAll(file, [reader.bytes.subarray(reader.at(at), reader.at(at + length))], at);
      at += length;
    }
  } finally {
    yield* reader.close();
  }
}
