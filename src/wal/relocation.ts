/**
 * Relocating: entries of a group are copied from the oldest segment to the newest, so that the oldest can go. They are
 * read in the background, and meanwhile the group goes on: a piece counts for nothing unless, when its batch is put
 * together, the index still points at the copy that was read.
 */
import type { Done } from "../base/task.ts";
import type { Index } from "../raft/types.ts";
import { RecordType } from "./record.ts";
import { makeRecord, type PendingRecord } from "./record_queue.ts";
import type { WalGroup } from "./wal_group.ts";
import type { IndexPoint } from "./wal_index.ts";

/** Consecutive entries of one group in one segment, as the index showed them. */
export interface Piece {
  readonly log: WalGroup;
  readonly from: Index;
  readonly to: Index;
  readonly bytes: number;
  readonly points: readonly IndexPoint[];
}

/** A piece that was read and waits for its batch. */
export interface Relocation {
  readonly piece: Piece;
  readonly record: PendingRecord;
  /** Told whether the piece was in its batch, once that is durable. */
  readonly done: Done<boolean>;
}

/** What of the group is to be copied next out of the segment: at most `bytesMax` bytes, but for one point's. */
export function pieceIn(log: WalGroup, sequence: number, bytesMax: number): Piece | null {
  const first = log.index.firstIn(sequence);
  if (first < 0) return null;
  const points: IndexPoint[] = [];
  let bytes = 0;
  let next = log.index.point(first);
  while (next !== null && next.sequence === sequence && (points.length === 0 || bytes + next.bytes <= bytesMax)) {
    points.push(next);
    bytes += next.bytes;
    next = log.index.point(first + points.length);
  }
  const from = Math.max((points[0] as IndexPoint).index, log.prefix.index + 1);
  return { log, from, to: next === null ? log.lastIndex : next.index - 1, bytes, points };
}

/** The entries between two points of the index, the one at `index` among them; null if the group does not hold it. */
export function pieceAt(log: WalGroup, index: Index): Piece | null {
  if (index <= log.prefix.index || index > log.lastIndex) return null;
  const at = log.index.find(index);
  const point = log.index.point(at);
  if (point === null) return null;
  const next = log.index.point(at + 1);
  return { log, from: Math.max(point.index, log.prefix.index + 1), to: next === null ? log.lastIndex : next.index - 1, bytes: point.bytes, points: [point] };
}

/** The record that a piece becomes. */
export function relocatedRecord({ log, from, to }: Piece, runs: readonly Uint8Array[]): PendingRecord {
  const bytes = runs.reduce((sum, run) => sum + run.length, 0);
  const record = makeRecord({ group: log.group, type: RecordType.relocated, firstIndex: from, count: to - from + 1, bytes });
  let at = 0;
  for (const run of runs) {
    record.body.set(run, at);
    at += run.length;
  }
  return record;
}

/**
 * Whether the index, behind the records of the batch, still points at what was read. No place is written twice, so
 * equal points say that nothing of the piece was cut and written again meanwhile.
 */
export function stillHolds({ piece }: Relocation, batch: readonly PendingRecord[]): boolean {
  const { log, from, to, points } = piece;
  for (const { group, type, firstIndex } of batch) {
    if (group !== log.group) continue;
    if (type === RecordType.truncate && firstIndex <= to) return false;
    if (type === RecordType.compactPrefix && firstIndex >= from) return false;
  }
  if (from <= log.prefix.index || to > log.lastIndex) return false;
  const first = log.index.find(from);
  return points.every((point, at) => {
    const now = log.index.point(first + at);
    return now !== null && now.index === point.index && now.sequence === point.sequence && now.offset === point.offset;
  }) && (log.index.point(first + points.length)?.index ?? Number.POSITIVE_INFINITY) > to;
}
