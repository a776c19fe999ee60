/**
 * Puts a batch together, finds it a place, writes and syncs it. One batch at a time: the next one may say that this
 * one is durable, which is what recovery relies on.
 */
import { type Task, wait } from "../base/task.ts";
import { isDiskFull, writeAll } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import type { GroupId, HardState } from "../raft/types.ts";
import { type Edit, editFields, readEditBody, writeEditBody } from "./edit_record.ts";
import type { Mark, MarkFile } from "./mark.ts";
import {
  baseBodyBytes, hardStateBodyBytes, type PointBody, readHardStateBody, readPointBody, RecordType, writeBaseBody, writeHardStateBody,
} from "./record.ts";
import { makeRecord, type PendingRecord, recordBytes, type RecordQueue, sealBatch } from "./record_queue.ts";
import { type Relocation, stillHolds } from "./relocation.ts";
import { HEADER_BYTES, type Place, type SegmentUse, type WalIdentity, writeSegmentHeader } from "./segment.ts";
import type { SegmentFile } from "./segment_file.ts";
import type { SegmentRoom } from "./segment_room.ts";
import type { StallWatch } from "./stall_watch.ts";
import type { WalGroup } from "./wal_group.ts";
import { learnLast, type SegmentSource } from "./wal_read.ts";

/** A hard state is said again behind so many bytes of its group's entries, where segments are long. */
const UNSAID_BYTES_MAX = 65_536;

/** In short segments, so many times in each. */
const SAID_A_SEGMENT = 8;

/** What batches are written with. */
export interface BatchWriterParts {
  readonly host: Pick<Host, "random">;
  readonly groups: ReadonlyMap<GroupId, WalGroup>;
  readonly segments: Map<number, SegmentUse>;
  readonly source: SegmentSource;
  readonly room: SegmentRoom;
  readonly mark: MarkFile;
  readonly watch: StallWatch;
  readonly batchBytesMax: number;
  readonly segmentBytes: number;
  /** Where the next batch goes; offset 0 if the segment has no header yet. */
  readonly end: Place;
  readonly lastBatch: number;
  readonly firstSegment: number;
}

/** Writes the batches of one WAL. */
export class BatchWriter {
  /** Segments from the next on bear this. */
  identity: WalIdentity;
  /** Use: what the mark file may say. Invariant: up to here all was written and synced. */
  durable: Mark;
  /** Use: when a mark is due. Invariant: the mark file says at least this batch. */
  markedBatch: number;
  /** Use: each goes into the next batch if it still holds then. */
  readonly relocations: Relocation[] = [];
  /** Use: whether to look for segments that nothing needs. Invariant: true if a log was cut since the last look. */
  hasGarbage = true;
  /** Use: as `hasGarbage`, for hard states and the like are never cut. Counts from the last look on. */
  begunSegments = 0;
  #parts: BatchWriterParts;
  readonly #unsaidBytesMax: number;
  #offset: number;
  #lastBatch: number;
  #touched: WalGroup[] = [];

  constructor(identity: WalIdentity, parts: BatchWriterParts) {
    this.identity = identity;
    this.#parts = parts;
    this.#unsaidBytesMax = Math.min(UNSAID_BYTES_MAX, parts.segmentBytes / SAID_A_SEGMENT);
    this.#offset = parts.end.offset;
    this.#lastBatch = parts.lastBatch;
    this.durable = { batch: parts.lastBatch, ...parts.end, firstSegment: parts.firstSegment };
    this.markedBatch = parts.lastBatch;
  }

  /** Takes a batch out of the queue, finds it a place, writes and syncs it. */
  *write(queue: RecordQueue): Task<void> {
    const { room, watch, mark, segments } = this.#parts;
    const taken = queue.take(this.#parts.batchBytesMax);
    const relocations = this.relocations.splice(0);
    const moved = relocations.filter((each) => stillHolds(each, taken));
    const wanted = moved.length > 0 ? [...taken, ...moved.map(({ record }) => record)] : taken;
    if (wanted.length === 0) return relocations.forEach(({ done }) => done(null, false));
    const own = [...this.#unsaid(wanted), ...wanted];
    const bytes = own.reduce((sum, record) => sum + recordBytes(record), 0);
    const isFirst = this.#offset === 0 || this.#offset + bytes > room.current.sizeBytes;
    const repeated = isFirst ? [...yield* this.#bases(), ...this.#edits()] : [];
    const records = isFirst ? [...repeated, ...own] : own;
    const batchBytes = repeated.reduce((sum, record) => sum + recordBytes(record), bytes);
    const previousEnd = this.#offset;
    if (isFirst) yield* this.#takeSegment(HEADER_BYTES + batchBytes);
    const segment = room.current;
    const offset = isFirst ? HEADER_BYTES : this.#offset;
    const end = offset + batchBytes;
    yield* room.ready(end);
    watch.progressed();
    const batch = this.#lastBatch + 1;
    const parts: Uint8Array[] = [];
    if (isFirst) parts.push(this.#newHeader(segment.sequence, repeated.length, batch, previousEnd));
    const use = segments.get(segment.sequence) as SegmentUse;
    parts.push(...sealBatch(records, batch, offset, use.salt));
    this.#place(records, { sequence: segment.sequence, offset });
    use.begin += batchBytes - bytes;
    use.end = end;
    this.#offset = end;
    this.#lastBatch = batch;
    yield* this.#writeParts(segment, parts, isFirst ? 0 : offset);
    yield* segment.sync.run();
    watch.progressed();
    this.durable = { batch, sequence: segment.sequence, offset: end, firstSegment: this.durable.firstSegment };
    // Without the mark, a segment that gets lost as a whole would look like one that was never begun.
    if (isFirst) {
      yield* wait<void>((done) => mark.write(this.durable, done));
      this.markedBatch = batch;
      this.begunSegments += 1;
    }
    queue.durable += taken.length;
    for (const log of this.#touched) log.landed();
    this.#touched.length = 0;
    for (const each of relocations) each.done(null, moved.includes(each));
  }

  /** The log begins with that segment: a record that says so is durable. */
  beginsWith(sequence: number): void {
    this.durable = { ...this.durable, firstSegment: sequence };
  }

  /** Takes a segment into use that has room for `bytes`: the first one, which is there, or the next. */
  *#takeSegment(bytes: number): Task<void> {
    const { room } = this.#parts;
    if (this.#offset > 0) yield* room.roll(bytes);
    else room.current.sizeBytes = Math.max(room.current.sizeBytes, bytes);
  }

  /** What the new segment repeats of each group, as it stands before the batch. */
  *#bases(): Task<PendingRecord[]> {
    const bases: PendingRecord[] = [];
    for (const log of this.#parts.groups.values()) {
      if (!log.isPlaced) continue;
      // Only where a truncation was the group's last record of all: what it left is durable, and read back.
      if (!log.knowsLast) yield* learnLast(this.#parts.source, log);
      const base = log.base();
      const record = makeRecord({ group: log.group, type: RecordType.base, firstIndex: 0, bytes: baseBodyBytes(base) });
      writeBaseBody(record.body, base);
      bases.push(record);
    }
    return bases;
  }

  /**
   * Hard states that were said long ago: what is lost between two sayings of one is never the newest. Each tells what was
   * committed since, so that the files of a leader that stays know it, though neither term nor vote changes.
   */
  #unsaid(wanted: readonly PendingRecord[]): PendingRecord[] {
    const groups = new Set(wanted.map(({ group }) => group));
    return [...groups].flatMap((group) => {
      const log = this.#parts.groups.get(group);
      if (log === undefined || log.unsaidBytes < this.#unsaidBytesMax) return [];
      const record = makeRecord({ group, type: RecordType.hardState, firstIndex: 0, bytes: hardStateBodyBytes });
      writeHardStateBody(record.body, log.hardStateAgain());
      return [record];
    });
  }

  /** What a new segment repeats besides, behind all bases: the last edit of each group. */
  #edits(): PendingRecord[] {
    return [...this.#parts.groups.values()].flatMap(({ group, isPlaced, edit }) =>
      isPlaced && edit !== null ? [editRecord(group, { mark: edit, content: { change: "none" } })] : []);
  }

  #newHeader(sequence: number, repeated: number, firstBatch: number, previousEnd: number): Uint8Array {
    const salt = this.#parts.host.random.u32();
    this.#parts.segments.set(sequence, { salt, begin: HEADER_BYTES, end: HEADER_BYTES });
    return writeSegmentHeader({ ...this.identity, sequence, salt, repeated, firstBatch, previousEnd });
  }

  /** The records have their places: groups and index follow. */
  #place(records: readonly PendingRecord[], place: Place): void {
    let { offset } = place;
    for (const record of records) {
      const bodyAt = { sequence: place.sequence, offset: offset + recordBytes(record) - record.body.length };
      offset += recordBytes(record);
      const log = this.#parts.groups.get(record.group);
      if (log === undefined) continue;
      this.#touched.push(log);
      this.#take(log, record, bodyAt);
    }
  }

  #take(log: WalGroup, record: PendingRecord, place: Place): void {
    const { type, firstIndex, count, body } = record;
    const run = { firstIndex, count, run: body, place, recordEnd: place.offset + body.length };
    if (type === RecordType.hardState || type === RecordType.base) log.unsaidBytes = 0;
    if (type === RecordType.entries) {
      log.append(run);
      log.unsaidBytes += body.length;
    }
    else if (type === RecordType.relocated) log.relocate(run);
    else if (type === RecordType.truncate) log.truncate(firstIndex);
    else if (type === RecordType.hardState) log.hardState = readHardStateBody(body) as HardState;
    else if (type === RecordType.groupMade) log.isPlaced = true;
    else if (type === RecordType.edit) {
      log.edited(readEditBody(body, record) as Edit, place);
      this.hasGarbage = true;
    }
    else if (type === RecordType.compactPrefix || type === RecordType.snapshotMark) {
      const { point, context } = readPointBody(body, firstIndex) as PointBody;
      if (type === RecordType.snapshotMark) log.snapshot = point;
      else log.compact(point, context);
      this.hasGarbage = true;
    }
  }

  /** Writes a batch. A full disk, which the room should have met before, takes nothing: the write waits for room. */
  *#writeParts(segment: SegmentFile, parts: readonly Uint8Array[], at: number): Task<void> {
    const { room, watch } = this.#parts;
    for (let tries = 1; ; tries++) {
      try {
        yield* writeAll(segment.file, parts, at);
        watch.progressed();
        if (tries > 1) room.hasRoom();
        return;
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        yield* room.pause();
        watch.progressed();
      }
    }
  }
}

/** An edit as a record, in memory of its own. */
export function editRecord(group: GroupId, edit: Edit): PendingRecord {
  const record = makeRecord({ group, type: RecordType.edit, ...editFields(edit) });
  writeEditBody(record.body, edit);
  return record;
}
