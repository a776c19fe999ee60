/**
 * Frees the oldest segments, in the background. Those without live entries go at once: a record says with which
 * segment the log begins, then both slots of the mark file say so, and only then a file is removed or used again. If
 * more than half of the log is dead and yet a few entries hold the oldest segment, they are relocated. At most one
 * operation of this is under way at a time.
 */
import { AssertionFailed } from "../base/assert.ts";
import { type Task, wait } from "../base/task.ts";
import type { Clock, Log, Timer } from "../host/host.ts";
import type { GroupId } from "../raft/types.ts";
import type { BatchWriter } from "./batch_writer.ts";
import type { MarkFile } from "./mark.ts";
import { isRot, type Mender } from "./mender.ts";
import type { ReadQueue } from "./read_queue.ts";
import { RecordType } from "./record.ts";
import type { RecordQueue } from "./record_queue.ts";
import { type Piece, pieceIn, relocatedRecord } from "./relocation.ts";
import type { SegmentUse } from "./segment.ts";
import type { SegmentRoom } from "./segment_room.ts";
import type { WalGroup } from "./wal_group.ts";
import type { EntriesRead } from "./wal_read.ts";

/** Copied at a time. */
const PIECE_BYTES_MAX = 262_144;

/** The log may hold so many segments' worth of dead bytes before anything is copied. */
const DEAD_SEGMENTS = 2;

/** A look takes as long as the log is: one for each so large part that it grew by. */
const GROWN_PART = 1 / 8;

/** What the compactor works on. */
export interface CompactorParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly groups: ReadonlyMap<GroupId, WalGroup>;
  readonly segments: Map<number, SegmentUse>;
  readonly queue: RecordQueue;
  readonly writer: BatchWriter;
  readonly reads: ReadQueue;
  readonly mender: Pick<Mender, "mend">;
  readonly mark: MarkFile;
  readonly room: SegmentRoom;
  readonly segmentBytes: number;
  /** Between two pieces that are copied. */
  readonly pauseMs: number;
  /** Makes a batch of what was added, as soon as one may begin. */
  readonly flush: () => void;
  /** There is something to free, though no batch says so. */
  readonly due: () => void;
}

/** What a compactor did so far. */
export interface CompactionCounts {
  /** Segments that left the log. */
  freed: number;
  /** Bytes of entries that were copied. */
  relocatedBytes: number;
}

/** The compaction of one WAL. */
export class Compactor {
  readonly counts: CompactionCounts = { freed: 0, relocatedBytes: 0 };
  readonly #parts: CompactorParts;
  #pause: Timer | null = null;
  #isStopped = false;
  /** Use: the log is to begin behind it, whatever that costs: it cannot be read any more. 0: none. */
  #rottenThrough = 0;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
  }

  /** Begins nothing more; what is under way is not gone on with. */
  stop(): void {
    this.#isStopped = true;
    this.#pause?.cancel();
  }

  /** Whether there may be something to free. */
  get isDue(): boolean {
    const { writer, segments } = this.#parts;
    if (this.#rottenThrough >= writer.durable.firstSegment && writer.begunSegments > 0) return true;
    return writer.hasGarbage || (writer.begunSegments > 0 && writer.begunSegments >= segments.size * GROWN_PART);
  }

  /** The segment cannot be read any more: what lives in it and in those before moves on, so that it can go. */
  evacuate(sequence: number, isRetry: boolean): void {
    // A try that comes to nothing meets the same rot again.
    if (sequence <= this.#rottenThrough && !isRetry) return;
    this.#rottenThrough = Math.max(this.#rottenThrough, sequence);
    this.#parts.writer.hasGarbage = true;
    this.#parts.due();
  }

  /** Frees what can be freed. One run of it at a time. */
  *work(): Task<void> {
    const { writer } = this.#parts;
    writer.hasGarbage = false;
    writer.begunSegments = 0;
    while (!this.#isStopped) {
      const live = this.#liveBytes();
      const first = Math.min(writer.durable.sequence, ...live.keys());
      if (first > writer.durable.firstSegment) {
        yield* this.#beginWith(first);
      } else {
        const isWanted = first < writer.durable.sequence && (first <= this.#rottenThrough || this.#isWorth(live));
        const piece = isWanted ? this.#nextPiece(first) : null;
        if (piece === null || !(yield* this.#relocate(piece))) return;
        yield* wait<void>((done) => {
          this.#pause = this.#parts.clock.setTimer(this.#parts.pauseMs, () => done(null, undefined));
        });
      }
    }
  }

  /** Bytes of entries that are in the log, by segment. */
  #liveBytes(): Map<number, number> {
    const live = new Map<number, number>();
    for (const log of this.#parts.groups.values()) log.index.countBytes(live);
    return live;
  }

  /** Whether copying frees more than it costs: then the log is never longer than twice what is live, and a little. */
  #isWorth(live: ReadonlyMap<number, number>): boolean {
    const { segments, writer, segmentBytes } = this.#parts;
    let used = 0;
    let wanted = 0;
    for (const [sequence, { begin, end }] of segments) {
      if (sequence >= writer.durable.sequence) continue;
      used += end - begin;
      wanted += live.get(sequence) ?? 0;
    }
    return used - wanted >= Math.max(wanted, DEAD_SEGMENTS * segmentBytes);
  }

  #nextPiece(sequence: number): Piece | null {
    for (const log of this.#parts.groups.values()) {
      const piece = pieceIn(log, sequence, PIECE_BYTES_MAX);
      if (piece !== null) return piece;
    }
    return null;
  }

  /** Copies a piece into the next batch. @returns false if it cannot be read */
  *#relocate(piece: Piece): Task<boolean> {
    const { reads, writer, flush, log } = this.#parts;
    const request = { group: piece.log.group, from: piece.from, to: piece.to, bytesMax: Number.MAX_SAFE_INTEGER };
    let read: EntriesRead;
    try {
      read = yield* wait<EntriesRead>((done) => {
        reads.add(piece.log, request, done);
        reads.pump();
      });
    } catch (error) {
      if (isRot(error) && (yield* this.#mend(piece))) return true;
      // The group went on meanwhile, or the disk cannot read: then the segment stays, and whoever needs the entry is told.
      log.write("warn", "log segment stays: its entries cannot be copied", { reason: String(error) });
      return false;
    }
    // Not all of it was durable yet: the next look finds it so.
    if (read.to !== piece.to) return true;
    const record = relocatedRecord(piece, read.runs);
    const isMoved = yield* wait<boolean>((done) => {
      writer.relocations.push({ piece, record, done });
      flush();
    });
    if (isMoved) this.counts.relocatedBytes += read.bytes;
    return true;
  }

  *#mend({ log, from, to }: Piece): Task<boolean> {
    try {
      return (yield* this.#parts.mender.mend(log, from, to)) === "mended";
    } catch (error) {
      if (error instanceof AssertionFailed) throw error;
      this.#parts.log.write("warn", "what cannot be read is not got again yet", { reason: String(error) });
      return false;
    }
  }

  /** Lets the log begin with segment `first`. What lies before is dead from here on. */
  *#beginWith(first: number): Task<void> {
    const { queue, writer, mark, room, reads, segments, flush } = this.#parts;
    queue.add({ group: 0, type: RecordType.firstSegment, firstIndex: first, bytes: 0 }, () => {});
    yield* wait<void>((done) => {
      queue.barrier(done);
      flush();
    });
    const before = writer.durable.firstSegment;
    writer.beginsWith(first);
    // Twice: then each slot says so, and one that rots does not bring removed segments back.
    for (let slot = 0; slot < 2 && !this.#isStopped; slot++) yield* wait<void>((done) => mark.write(writer.durable, done));
    for (let sequence = before; sequence < first && !this.#isStopped; sequence++) {
      yield* wait<void>((done) => reads.whenUnread(sequence, done));
      segments.delete(sequence);
      this.counts.freed += 1;
      room.takeBack(sequence);
    }
  }
}
