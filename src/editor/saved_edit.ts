/**
 * What an edit removes from a log, saved beside it before the log is touched: `edits/<number>-<change>.entries` in the
 * data directory. Nothing reads it by itself; `draft log check` verifies it, and a person has the entries.
 *
 * ```text
 * offset size type  field          format 1, little-endian
 *      0    8       0xD7 "DRFEDT", then 1, the version
 *      8    4  u32  length of the head
 *     12    4  u32  CRC-32 of the head
 *     16            head: CBOR [cluster id, node id, group, edit, change, from, to, term, votedFor, commitIndex, boot];
 *                   from and to are 0 if nothing was removed
 *                   sealed entries from..to, one behind the other
 * ```
 */
import { concatBytes, crc32, equalBytes, viewOf } from "../base/bytes.ts";
import { decode, encode } from "../base/codec.ts";
import { chainAfter, readHeader, readRun, ENTRY_HEADER_BYTES, sealedBytes } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { readUpTo, removeIfThere, writeAll } from "../host/files.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import type { Index } from "../raft/types.ts";
import type { Plan } from "./edit_plan.ts";
import type { GroupLog } from "./offline_log.ts";

/** First bytes of a saved edit; the last one is the version. */
export const SAVED_MAGIC: Uint8Array = Uint8Array.of(0xd7, 0x44, 0x52, 0x46, 0x45, 0x44, 0x54, 1);

/** Saves what `plan` removes, durably. A try before that came to nothing is overwritten. @returns the file */
export function* saveEdit(disk: Disk, log: GroupLog, plan: Plan): Task<string> {
  const directory = `${log.directory}/edits`;
  yield* wait<void>((done) => disk.makeDirectory(directory, done));
  yield* wait<void>((done) => disk.syncDirectory(log.directory, done));
  const { mark, content } = plan.edit;
  const path = `${directory}/${mark.number}-${content.change}.entries`;
  const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
  try {
    yield* wait<void>((done) => file.truncate(0, done));
    yield* write(file, log, plan);
    yield* wait<void>((done) => file.sync(done));
  } catch (error) {
    // A part of what an edit removes is of no use, and takes room.
    yield* removeIfThere(disk, path);
    throw error;
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
  yield* wait<void>((done) => disk.syncDirectory(directory, done));
  return path;
}

function* write(file: File, log: GroupLog, { edit: { mark, content }, removed }: Plan): Task<void> {
  const { identity: { clusterId, nodeId }, group: { group }, hardState: { term, votedFor, commitIndex } } = log;
  const { from, to } = removed ?? { from: 0, to: -1 };
  const head = encode([clusterId, nodeId, group, mark.number, content.change, from, Math.max(to, 0), term, votedFor, commitIndex, mark.boot]);
  const lengths = new Uint8Array(8);
  viewOf(lengths).setUint32(0, head.length, true);
  viewOf(lengths).setUint32(4, crc32(head, 0, head.length, 0), true);
  const front = concatBytes([SAVED_MAGIC, lengths, head]);
  yield* writeAll(file, [front], 0);
  let at = front.length;
  for (let next = from; next <= to;) {
    const read = yield* log.read(next, to);
    yield* writeAll(file, read.runs, at);
    at += read.runs.reduce((sum, run) => sum + run.length, 0);
    next = read.to + 1;
  }
}

/** What the head of a saved edit says. */
export interface SavedHead {
  readonly clusterId: string;
  readonly nodeId: string;
  readonly group: number;
  readonly edit: number;
  readonly change: string;
  readonly from: Index;
  readonly to: Index;
}

const HEAD_AT = 16;
const READ_BYTES = 1_048_576;

/**
 * Reads a saved edit and verifies all of it.
 *
 * @throws DraftError DAMAGED naming file and place
 */
export function* readSavedEdit(disk: Disk, path: string): Task<{ readonly head: SavedHead; readonly entries: number }> {
  const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
  const file = yield* wait<File>((done) => disk.open(path, {}, done));
  try {
    const { head, end } = yield* readHead(file, path);
    return { head, entries: yield* countEntries(file, path, head, { from: end, to: stat?.bytes ?? 0 }) };
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
}

function* readHead(file: File, path: string): Task<{ head: SavedHead; end: number }> {
  const front = yield* readUpTo(file, 0, HEAD_AT);
  if (front.length < HEAD_AT || !equalBytes(front.subarray(0, 8), SAVED_MAGIC)) throw damaged(path, 0, "it does not begin as a saved edit of this version does");
  const length = viewOf(front).getUint32(8, true);
  const bytes = yield* readUpTo(file, HEAD_AT, Math.min(length, READ_BYTES));
  if (bytes.length !== length || crc32(bytes, 0, length, 0) !== viewOf(front).getUint32(12, true)) throw damaged(path, 8, "its head does not fit its sum");
  const [clusterId, nodeId, group, edit, change, from, to] = decode(bytes) as [string, string, number, number, string, Index, Index];
  return { head: { clusterId, nodeId, group, edit, change, from, to }, end: HEAD_AT + length };
}

/** Verifies the entries behind the head, one after the other. */
function* countEntries(file: File, path: string, { from, to }: SavedHead, place: { readonly from: number; readonly to: number }): Task<number> {
  let chain: number | null = null;
  let at = place.from;
  const count = from === 0 ? 0 : to - from + 1;
  for (let index = from; index < from + count; index++) {
    const front = yield* readUpTo(file, at, ENTRY_HEADER_BYTES);
    const head = readHeader(front, viewOf(front), 0);
    if (head === null) throw damaged(path, at, `the header of entry ${index} does not fit its sum`);
    const run = yield* readUpTo(file, at, Math.min(sealedBytes(head.payloadBytes), place.to - at));
    const { fault } = readRun(run);
    if (fault !== null || head.index !== index || (chain !== null && chainAfter(chain, head) !== head.chain)) {
      throw damaged(path, at, `entry ${index} ${fault === null ? "does not continue the one before" : `has a ${fault} that does not fit its sum`}`);
    }
    ({ chain } = head);
    at += run.length;
  }
  if (at !== place.to) throw damaged(path, at, "something stands behind the last entry");
  return count;
}

function damaged(path: string, at: number, what: string): DraftError {
  return new DraftError("DAMAGED", `saved edit "${path}" is damaged at offset ${at}: ${what}`);
}
