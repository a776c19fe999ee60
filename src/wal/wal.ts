/**
 * The write-ahead log of all groups on one node. What is appended during a turn waits; `flush` at its end makes a
 * batch of it: one write, one sync. What is appended while a batch is under way becomes the next one by itself, so
 * batches grow with the load and need no timer. A failed write or sync fences the WAL: nothing is told any more, and
 * nothing is tried again, since nobody knows what the disk holds.
 */
import { assert, AssertionFailed } from "../base/assert.ts";
import { getU64, viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import type { Host } from "../host/host.ts";
import type { GroupId, HardState, Index, LogPoint } from "../raft/types.ts";
import { BatchWriter } from "./batch_writer.ts";
import { type CompactionCounts, Compactor } from "./compactor.ts";
import { type Edit, editFields, writeEditBody } from "./edit_record.ts";
import type { MarkFile } from "./mark.ts";
import { MarkTimer } from "./mark_timer.ts";
import { Mender } from "./mender.ts";
import { ReadQueue } from "./read_queue.ts";
import { hardStateBodyBytes, madeBodyBytes, pointBodyBytes, RecordType, writeHardStateBody, writeMadeBody, writePointBody } from "./record.ts";
import { RecordQueue } from "./record_queue.ts";
import type { Place, SegmentUse, WalIdentity } from "./segment.ts";
import type { SegmentRoom } from "./segment_room.ts";
import { StallWatch } from "./stall_watch.ts";
import { WalGroup } from "./wal_group.ts";
import type { WalOptions } from "./wal_options.ts";
import type { EntriesRead, ReadRequest, SegmentSource } from "./wal_read.ts";

/** What a WAL begins with once its files were read. */
export interface WalParts {
  readonly host: Pick<Host, "clock" | "disk" | "random" | "log">;
  readonly directory: string;
  readonly identity: WalIdentity;
  readonly options: WalOptions;
  readonly groups: Map<GroupId, WalGroup>;
  readonly segments: Map<number, SegmentUse>;
  readonly mark: MarkFile;
  /** Makes the room; told where to report a failure. */
  readonly room: (onFailure: (error: Error) => void) => SegmentRoom;
  /** Where the next batch goes; offset 0 if the segment has no header yet. */
  readonly end: Place;
  readonly lastBatch: number;
  readonly firstSegment: number;
}

/** The log of one node. Made by `openWal`. */
export class Wal {
  #host: WalParts["host"];
  #options: WalOptions;
  #writer: BatchWriter;
  #groups: Map<GroupId, WalGroup>;
  #queue: RecordQueue;
  #reads: ReadQueue;
  /** Use: reading what is durable, beside the reads that wait. */
  readonly source: SegmentSource;
  readonly mender: Mender;
  /** Use: what freeing old segments took so far. */
  readonly compaction: Readonly<CompactionCounts>;
  #room: SegmentRoom;
  #mark: MarkFile;
  #watch: StallWatch;
  #compactor: Compactor;
  #compacting = false;
  #markTimer: MarkTimer;
  #inFlight = false;
  #failed = false;
  #closed: Done<void> | null = null;
  #finishing = false;

  constructor(parts: WalParts) {
    const { options, host, groups, segments, mark, directory } = parts;
    this.#host = host;
    this.#options = options;
    this.#groups = groups;
    this.#mark = mark;
    const queue = new RecordQueue(options.slabBytes, options.recordBytesMax);
    const source = { disk: host.disk, directory, saltOf: (sequence: number) => segments.get(sequence)?.salt ?? 0 };
    const reads = new ReadQueue(source);
    const room = parts.room((error) => this.#fail(error));
    this.#queue = queue;
    this.#reads = reads;
    this.source = source;
    this.#room = room;
    this.#watch = new StallWatch(host.clock, options.stallMs, () => this.#inFlight && !this.#failed && !room.isExhausted, options.onStall);
    const writer = new BatchWriter(parts.identity, { ...parts, ...options, source, room, watch: this.#watch });
    this.#writer = writer;
    this.#markTimer = new MarkTimer({ clock: host.clock, writer, mark, markMs: options.markMs, failed: (error) => this.#fail(error) });
    const flush = (): void => this.flush();
    this.mender = new Mender({ ...host, reads, writer, segments, flush, evacuate: (...which) => this.#compactor.evacuate(...which) });
    this.#compactor = new Compactor({ ...host, groups, segments, queue, writer, reads, mender: this.mender, mark, room, segmentBytes: options.segmentBytes, pauseMs: options.relocateMs, flush, due: () => this.#compact() });
    this.compaction = this.#compactor.counts;
    room.start();
    host.clock.soon(() => this.#compact());
  }

  /** Bytes that wait for their batch. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** Whether a write or sync failed. */
  get fenced(): boolean {
    return this.#failed;
  }

  /** Index of the last entry that was appended to the group; 0 if there is none. */
  lastIndex(group: GroupId): Index {
    return this.#groups.get(group)?.appended.last ?? 0;
  }

  /** Room for `bytes` bytes of sealed entries, to be passed to {@link appendEntries} next: then they are written from where they lie. */
  reserve(bytes: number): Uint8Array {
    return this.#queue.reserve(bytes);
  }

  /**
   * Appends `count` sealed entries of one group.
   *
   * @param run the entries one behind the other, as they were sealed; never changed afterwards
   */
  appendEntries(group: GroupId, firstIndex: Index, count: number, run: Uint8Array): void {
    const log = this.groupOf(group);
    assert(count > 0 && run.length % 8 === 0, "a run holds entries", group, firstIndex, count, run.length);
    assert(firstIndex === log.appended.last + 1, "a run continues its group", group, log.appended.last, firstIndex);
    assert(getU64(viewOf(run), 24) === firstIndex, "the first sealed index is the run's", group, firstIndex);
    log.appended.last += count;
    this.#queue.addRun(group, firstIndex, count, run);
  }

  appendHardState(group: GroupId, hardState: HardState): void {
    this.groupOf(group);
    this.#queue.add({ group, type: RecordType.hardState, firstIndex: 0, bytes: hardStateBodyBytes }, (body) => writeHardStateBody(body, hardState));
  }

  /** All up to `index` is committed, and durable here: the next hard state that is said again says so. No record by itself. */
  committed(group: GroupId, index: Index): void {
    this.groupOf(group).committedTo(index);
  }

  /** Removes the entry at `from` and all after it. */
  appendTruncate(group: GroupId, from: Index): void {
    const { appended } = this.groupOf(group);
    assert(from > appended.prefix && from <= appended.last, "what is truncated is there", group, appended.prefix, appended.last, from);
    appended.last = from - 1;
    this.#queue.add({ group, type: RecordType.truncate, firstIndex: from, bytes: 0 }, () => {});
  }

  /** A snapshot file of the group at `point` is there, and durable. */
  appendSnapshotMark(group: GroupId, point: LogPoint): void {
    const { appended } = this.groupOf(group);
    assert(point.index >= appended.snapshot && point.index > 0, "snapshots go forward", group, appended.snapshot, point.index);
    appended.snapshot = point.index;
    this.#addPoint(group, RecordType.snapshotMark, point, new Uint8Array(0));
  }

  /**
   * Removes all at and before `point`, which a marked snapshot holds. If the log ends before it, it begins anew behind it:
   * then the record is the mark of that snapshot too. What conflicts with the point is truncated before.
   * @param context what the caller wants told with the point at the next start
   */
  appendCompact(group: GroupId, point: LogPoint, context: Uint8Array): void {
    const { appended } = this.groupOf(group);
    assert(point.index > appended.prefix, "a prefix grows", group, appended.prefix, point.index);
    if (point.index > appended.last) appended.snapshot = Math.max(appended.snapshot, point.index);
    assert(point.index <= appended.snapshot, "what leaves the log is in a durable snapshot", group, appended.snapshot, point.index);
    appended.prefix = point.index;
    appended.last = Math.max(appended.last, point.index);
    this.#addPoint(group, RecordType.compactPrefix, point, context);
  }

  /** Makes a group; the first record of it. */
  appendGroupMade(group: GroupId, genesis: Uint8Array): void {
    assert(!this.#groups.has(group), "a group is made once", group);
    this.#groups.set(group, new WalGroup(group, genesis.slice()));
    this.#queue.add({ group, type: RecordType.groupMade, firstIndex: 0, bytes: madeBodyBytes(genesis) }, (body) => writeMadeBody(body, genesis));
  }

  /** Appends an edit: all that it does in one record. */
  appendEdit(group: GroupId, edit: Edit): void {
    this.groupOf(group).expect(edit);
    this.#queue.add({ group, type: RecordType.edit, ...editFields(edit) }, (body) => writeEditBody(body, edit));
  }

  /** Stores entries again that are damaged or absent. @returns false if they left the log meanwhile */
  appendAgain(group: GroupId, firstIndex: Index, count: number, run: Uint8Array): boolean {
    const { appended } = this.groupOf(group);
    if (firstIndex <= appended.prefix || firstIndex + count - 1 > appended.last) return false;
    this.#queue.add({ group, type: RecordType.relocated, firstIndex, count, bytes: run.length }, (body) => body.set(run));
    return true;
  }

  /** Gives the reserve back, for somebody who found no room; false if it is gone already. */
  giveReserve(): boolean {
    return this.#room.giveReserve();
  }

  /** Calls `done` once everything that was appended before is durable; in the order of the calls. */
  barrier(done: Done<void>): void {
    this.#queue.barrier(done);
    if (this.#queue.added === this.#queue.durable) this.#host.clock.soon(() => this.#tellBarriers());
  }

  /** The turn is over: what was appended becomes a batch, at once or when the one in flight is durable. */
  flush(): void {
    const isNothing = this.#queue.length === 0 && this.#writer.relocations.length === 0;
    if (this.#inFlight || this.#failed || this.#finishing || isNothing) return;
    this.#inFlight = true;
    this.#watch.begin();
    runTask(this.#writer.write(this.#queue), (...[error]) => error === null ? this.#batchDone() : this.#fail(error));
  }

  /**
   * Reads entries `from`..`to` of a group back, as many as fit `bytesMax`, but one at least; fewer if the rest is not
   * durable yet.
   *
   * @param done gets verified runs; or DAMAGED naming the place, if nobody else has what is rotten here, UNREACHABLE while
   *   not everybody could be asked; NOT_FOUND, or COMPACTED for what left the log
   */
  read(group: GroupId, from: Index, to: Index, bytesMax: number, done: Done<EntriesRead>, how?: Pick<ReadRequest, "windows" | "waits">): void {
    if (this.#failed) return;
    this.mender.read(this.groupOf(group), { group, from, to, bytesMax, ...how }, done);
    this.#host.clock.soon(() => this.#reads.pump());
  }

  /** Makes everything durable, marks it and closes the files. Reads that wait are not answered any more. */
  close(done: Done<void>): void {
    assert(this.#closed === null, "a WAL is closed once");
    this.#closed = done;
    for (const part of [this.#compactor, this.mender]) part.stop();
    if (this.#failed) this.#host.clock.soon(() => done(new DraftError("STORAGE_FAILED", "log cannot be closed cleanly: a write failed before")));
    else if (!this.#inFlight && this.#queue.length === 0) this.#finish();
    else this.flush();
  }

  #addPoint(group: GroupId, type: number, point: LogPoint, context: Uint8Array): void {
    this.#queue.add({ group, type, firstIndex: point.index, bytes: pointBodyBytes(context) }, (body) => writePointBody(body, point, context));
  }

  groupOf(group: GroupId): WalGroup {
    const log = this.#groups.get(group);
    assert(log !== undefined, "the group was made", group);
    return log;
  }

  #batchDone(): void {
    if (this.#failed) return;
    this.#inFlight = false;
    this.#markTimer.begin();
    this.flush(); // The disk gets its next batch before this one's completions are told: they take their time.
    this.#reads.pump();
    this.#tellBarriers();
    this.#compact();
    // Whoever was just told may have closed it, and so ended it, within the call.
    if (this.#closed !== null && !this.#finishing && !this.#inFlight && this.#queue.length === 0) this.#finish();
  }

  #compact(): void {
    if (this.#compacting || this.#failed || this.#closed !== null || !this.#options.compacts || !this.#compactor.isDue) return;
    this.#compacting = true;
    runTask(this.#compactor.work(), (...[error]) => {
      this.#compacting = false;
      if (error === null) this.#compact();
      else this.#fail(error);
    });
  }

  #tellBarriers(): void {
    if (!this.#failed) for (const done of this.#queue.takeBarriers()) done(null, undefined);
  }

  #fail(error: Error): void {
    if (error instanceof AssertionFailed) throw error;
    if (this.#failed) return;
    this.#failed = true;
    for (const part of [this.#markTimer, this.#watch, this.#room, this.#compactor, this.mender]) part.stop();
    this.#reads.stop(() => {});
    const failure = new DraftError("STORAGE_FAILED", `log cannot be written: ${error.message}; the node stops, since what the disk holds is unknown`, { cause: error });
    this.#options.onFailure(failure);
    // Whoever waits for the end of a clean close hears that there is none.
    this.#closed?.(failure);
  }

  /** The files are closed once: what is appended from here on is nobody's any more. */
  #finish(): void {
    this.#finishing = true;
    for (const part of [this.#watch, this.#markTimer]) part.stop();
    this.#reads.stop(() => runTask(this.#closeFiles(), (...[error]) => {
      if (this.#failed) return;
      const done = this.#closed as Done<void>;
      if (error === null) done(null, undefined);
      else done(error);
    }));
  }

  *#closeFiles(): Task<void> {
    yield* wait<void>((done) => this.#mark.write(this.#writer.durable, done));
    yield* this.#room.close();
    yield* wait<void>((done) => this.#mark.close(done));
  }
}
