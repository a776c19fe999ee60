/**
 * Entries that the disk gives back no more while the node runs: they are got again from elsewhere, proved by the entry
 * behind them, and go into a batch as relocated ones do. So a crash at any step leaves the log as it was or mended, and a
 * group that went on meanwhile wins. Once a segment was found rotten all that lives up to its end moves on, and it leaves
 * the log: no file is written over.
 */
import { assert } from "../base/assert.ts";
import { viewOf } from "../base/bytes.ts";
import { type EntryHead, readHeader, readRun } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import { isHostError } from "../host/files.ts";
import type { Clock, Timer } from "../host/host.ts";
import type { GroupId, Index, LogPoint } from "../raft/types.ts";
import type { BatchWriter } from "./batch_writer.ts";
import type { ReadQueue } from "./read_queue.ts";
import { type Piece, pieceAt, relocatedRecord } from "./relocation.ts";
import type { SegmentUse } from "./segment.ts";
import type { WalGroup } from "./wal_group.ts";
import { POINT_EVERY_BYTES } from "./wal_index.ts";
import { type EntriesRead, type ReadRequest } from "./wal_read.ts";

/** Between two tries of a read that waits until what it wants is mended. */
const RETRY_MS = 500;

/** What is missing, and what proves it: the entry behind it, or, where the log ends with it, its own last point. */
export interface MissingEntries {
  readonly group: GroupId;
  readonly from: Index;
  readonly to: Index;
  readonly above: EntryHead | LogPoint;
}

/** The entries, ascending; or nobody has them; or not everybody could be asked. */
export type Regained = readonly Uint8Array[] | "lacking" | "silent";

/** Rotten entries that nobody gave back yet. */
export interface Unmended {
  readonly group: GroupId;
  readonly from: Index;
  readonly to: Index;
  readonly outcome: "lacking" | "silent";
  /** What the disk gave, with file and offset. */
  readonly what: string;
}

export interface MenderParts {
  readonly clock: Clock;
  readonly reads: ReadQueue;
  readonly writer: BatchWriter;
  readonly segments: ReadonlyMap<number, SegmentUse>;
  readonly flush: () => void;
  /** All that lives up to the end of the segment is to move on; with `isRetry` also if that was tried before. */
  readonly evacuate: (sequence: number, isRetry: boolean) => void;
}

/** A part of the log that was read in vain. */
interface Rotten {
  readonly piece: Piece;
  readonly what: string;
}

/** Whether the error says that the disk does not hold what was written. */
export function isRot(error: unknown): boolean {
  return (error instanceof DraftError && error.code === "DAMAGED") || isHostError(error, "EIO");
}

/** Mends the log of one node. */
export class Mender {
  /** Use: gets entries again; null while there is nobody to ask. */
  regain: ((missing: MissingEntries, done: Done<Regained>) => void) | null = null;
  /** Use: hears of each segment in which something rotten was found by a read. */
  onRot: (sequence: number, what: string) => void = () => undefined;
  /** Entries that were got again. */
  mendedEntries = 0;
  /** What could not be mended when it was tried last; null if nothing. */
  unmended: Unmended | null = null;
  readonly #parts: MenderParts;
  #isBusy = false;
  readonly #waiting: Done<void>[] = [];
  readonly #timers: Set<Timer> = new Set();
  #isStopped = false;

  constructor(parts: MenderParts) {
    this.#parts = parts;
  }

  /** Something of the segment cannot be read, be it entries or not: it leaves the log. */
  rotten(sequence: number, what: string): void {
    this.onRot(sequence, what);
    this.#parts.evacuate(sequence, false);
  }

  /** What was rotten and stands yet is tried again. */
  retry(sequence: number): void {
    this.#parts.evacuate(sequence, true);
  }

  /** Segments that are not written to any more, the oldest first. */
  closedSegments(): { readonly sequence: number; readonly use: SegmentUse }[] {
    const { segments, writer } = this.#parts;
    return [...segments].filter(([sequence]) => sequence < writer.durable.sequence)
      .map(([sequence, use]) => ({ sequence, use })).sort((a, b) => a.sequence - b.sequence);
  }

  /** Whether the segment is the log's still. */
  stands(sequence: number, use?: SegmentUse): boolean {
    const now = this.#parts.segments.get(sequence);
    return now !== undefined && (use === undefined || now === use);
  }

  /** As the queue's `add`: what is rotten is mended first. With `waits` it is tried again until somebody can be asked. */
  read(log: WalGroup, request: ReadRequest, done: Done<EntriesRead>): void {
    const { reads, clock } = this.#parts;
    reads.add(log, request, (...[error, read]) => {
      if (error === null) return done(null, read);
      if (!isRot(error) || this.regain === null) return done(error);
      const { to } = log.index.route(request.from, request.to, Math.ceil(request.bytesMax / POINT_EVERY_BYTES) + 2);
      runTask(this.mend(log, request.from, to), (...[failure, outcome]) => {
        if (this.#isStopped) return;
        if (failure !== null) return done(failure);
        if (outcome === "lacking" || (outcome === "silent" && request.waits !== true)) return done(lostError(error, outcome));
        const again = (): void => {
          this.read(log, request, done);
          reads.pump();
        };
        if (outcome === "mended") return again();
        const timer = clock.setTimer(RETRY_MS, () => {
          this.#timers.delete(timer);
          again();
        });
        this.#timers.add(timer);
      });
    });
  }

  /** Gets again what of `from`..`to` cannot be read; one such task at a time. */
  *mend(log: WalGroup, from: Index, to: Index): Task<"mended" | Unmended["outcome"]> {
    if (this.#isBusy) yield* wait<void>((done) => this.#waiting.push(done));
    this.#isBusy = true;
    try {
      // From the last to the first: each is proved by the one behind it.
      for (const rotten of (yield* this.#rottenIn(log, from, to)).reverse()) {
        const outcome = yield* this.#mendFrom(rotten);
        if (outcome !== "mended") return outcome;
      }
      return "mended";
    } finally {
      this.#isBusy = false;
      this.#waiting.shift()?.(null, undefined);
    }
  }

  /** Nothing is tried again. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
  }

  *#rottenIn(log: WalGroup, from: Index, to: Index): Task<Rotten[]> {
    const rotten: Rotten[] = [];
    for (let index = Math.max(from, log.prefix.index + 1); index <= to;) {
      const piece = pieceAt(log, index);
      if (piece === null) break;
      const what = yield* this.#faultIn(piece);
      if (what !== null) rotten.push({ piece, what });
      index = piece.to + 1;
    }
    return rotten;
  }

  /** What is wrong with the piece on the disk; null if nothing is, or it is not the log's any more. */
  *#faultIn({ log, from, to, points }: Piece): Task<string | null> {
    try {
      yield* this.#read(log, from, to);
      return null;
    } catch (error) {
      const { sequence } = points[0]!;
      if (!isRot(error)) {
        if (error instanceof DraftError) return null;
        throw error;
      }
      const what = error instanceof DraftError ? error.message : `segment ${sequence} of the log cannot be read: ${(error as Error).message}`;
      this.rotten(sequence, what);
      return what;
    }
  }

  /** Mends a piece, and before it those behind it without which it cannot be proved. */
  *#mendFrom(first: Rotten): Task<"mended" | Unmended["outcome"]> {
    for (const stack = [first]; stack.length > 0;) {
      const { piece, what } = stack.at(-1) as Rotten;
      const { log, from, to } = piece;
      if (from <= log.prefix.index || to > log.lastIndex) {
        stack.pop(); // The group went on meanwhile: what it holds now is another look's.
        continue;
      }
      const above = yield* this.#above(piece);
      if (above === "rotten") {
        const next = pieceAt(log, to + 1);
        const fault = next === null ? null : yield* this.#faultIn(next);
        if (next !== null && fault !== null) stack.push({ piece: next, what: fault });
        continue;
      }
      const runs = above === null ? "silent" : yield* this.#regained({ group: log.group, from, to, above });
      if (typeof runs === "string") {
        this.unmended = { group: log.group, from, to, outcome: runs, what };
        return runs;
      }
      yield* this.#store(piece, runs);
      stack.pop();
    }
    this.unmended = null;
    return "mended";
  }

  /** What proves the piece; null while that is not durable. */
  *#above({ log, to }: Piece): Task<EntryHead | LogPoint | "rotten" | null> {
    if (Math.min(to + 1, log.lastIndex) >= log.inFlightFrom) return null;
    if (to >= log.lastIndex) return log.knowsLast ? { index: to, term: log.lastTerm, chain: log.lastChain } : null;
    try {
      const [run] = (yield* this.#read(log, to + 1, to + 1)).runs;
      return run === undefined ? null : readHeader(run, viewOf(run), 0);
    } catch (error) {
      if (isRot(error)) return "rotten";
      if (error instanceof DraftError) return null;
      throw error;
    }
  }

  #read(log: WalGroup, from: Index, to: Index): Task<EntriesRead> {
    return wait<EntriesRead>((done) => {
      this.#parts.reads.add(log, { group: log.group, from, to, bytesMax: Number.MAX_SAFE_INTEGER }, done);
      this.#parts.reads.pump();
    });
  }

  *#regained(missing: MissingEntries): Task<Regained> {
    const { regain } = this;
    return regain === null ? "silent" : yield* wait<Regained>((done) => regain(missing, done));
  }

  *#store(piece: Piece, runs: readonly Uint8Array[]): Task<void> {
    const { writer, flush } = this.#parts;
    const { log, from, to } = piece;
    let next = from;
    for (const run of runs) {
      const { entries, fault } = readRun(run);
      assert(fault === null && entries[0]?.index === next, "entries that come again were verified", from, to, next);
      next += entries.length;
    }
    assert(next === to + 1, "all entries of a piece come again", from, to, next);
    const record = relocatedRecord(piece, runs);
    // Behind the rot, should it be the newest segment's, a start must find the hard state.
    log.unsaidBytes = Number.POSITIVE_INFINITY;
    const isMoved = yield* wait<boolean>((done) => {
      writer.relocations.push({ piece, record, done });
      flush();
    });
    if (isMoved) this.mendedEntries += to - from + 1;
  }
}

function lostError(error: Error, outcome: Unmended["outcome"]): DraftError {
  if (outcome === "silent") return new DraftError("UNREACHABLE", `${error.message}; wants it from another member, and not all of them answer`, { cause: error });
  return new DraftError("DAMAGED", `${error.message}; no other member has it in its log`, { cause: error });
}
