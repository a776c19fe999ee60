/**
 * Room for the WAL: the segment in use and the next one, filled with zeros in the background ahead of the batches. A
 * batch is written only into room that was filled and synced, so it never meets a full disk, and its sync has no
 * new blocks to account for (twice as fast as a growing file). A segment that nothing needs any more becomes the next
 * one, which spares the zeros; of such files a few are kept, under their old names. One disk call at a time.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import { isHostError, writeAll } from "../host/files.ts";
import type { Clock, Disk, File, Timer } from "../host/host.ts";
import { FileSync } from "./file_sync.ts";
import { HEADER_BYTES, segmentName } from "./segment.ts";

/** Written and synced at a time. */
const CHUNK_BYTES = 1_048_576;
const ZEROS: Uint8Array = new Uint8Array(CHUNK_BYTES);

/** Dead segments that are kept to be used again. */
const SPARES_MAX = 2;

/** A segment that is open for writing. */
export interface SegmentFile {
  readonly sequence: number;
  readonly file: File;
  readonly sync: FileSync;
  /** Up to where it may be filled. */
  sizeBytes: number;
  /** Up to where it is filled with zeros, or was written, durably. */
  filledBytes: number;
}

/** What the room needs. */
export interface RoomOptions {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentBytes: number;
  /** A full disk is tried again so often. */
  readonly retryMs: number;
  /** Told false when the disk is full, true when there is room again. */
  readonly onSpace: (hasRoom: boolean) => void;
  /** Told of any other error; nothing more is done then. */
  readonly onFailure: (error: Error) => void;
}

/** Whether `error` says that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  return isHostError(error, "ENOSPC") || isHostError(error, "EDQUOT");
}

/** Makes the segment file `sequence` in `directory`, empty, its name durable. */
export function* makeSegment(disk: Disk, directory: string, sequence: number, sizeBytes: number): Task<SegmentFile> {
  const path = `${directory}/${segmentName(sequence)}`;
  const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
  try {
    yield* wait<void>((done) => file.truncate(0, done));
    yield* wait<void>((done) => disk.syncDirectory(directory, done));
  } catch (error) {
    file.close(() => {});
    throw error;
  }
  return { sequence, file, sync: new FileSync(file), sizeBytes, filledBytes: 0 };
}

/**
 * Makes the dead segment `spare` the segment `sequence`: renamed, durably, and its header cleared. What else it holds
 * stays: its records bear another salt than those that will be written over them.
 */
export function* recycleSegment(disk: Disk, directory: string, spare: number, sequence: number, sizeBytes: number): Task<SegmentFile> {
  const path = `${directory}/${segmentName(sequence)}`;
  yield* wait<void>((done) => disk.rename(`${directory}/${segmentName(spare)}`, path, done));
  yield* wait<void>((done) => disk.syncDirectory(directory, done));
  const file = yield* wait<File>((done) => disk.open(path, { write: true }, done));
  try {
    const fileBytes = yield* wait<number>((done) => file.sizeBytes(done));
    if (fileBytes > sizeBytes) yield* wait<void>((done) => file.truncate(sizeBytes, done));
    yield* writeAll(file, [ZEROS.subarray(0, HEADER_BYTES)], 0);
    const sync = new FileSync(file);
    yield* sync.run();
    return { sequence, file, sync, sizeBytes, filledBytes: Math.max(HEADER_BYTES, Math.min(fileBytes, sizeBytes)) };
  } catch (error) {
    file.close(() => {});
    throw error;
  }
}

/** Fills the next chunk of `segment` with zeros, at most up to `end`. A full disk may be tried again, a sync never. */
export function* fillChunk(segment: SegmentFile, end: number): Task<void> {
  const bytes = Math.min(CHUNK_BYTES, end - segment.filledBytes);
  yield* writeAll(segment.file, [bytes === CHUNK_BYTES ? ZEROS : ZEROS.subarray(0, bytes)], segment.filledBytes);
  try {
    yield* segment.sync.run();
  } catch (error) {
    // Whatever its reason: it may be a batch's pages that were lost, since both are written to the same file.
    throw new DraftError("STORAGE_FAILED", `sync of segment ${segment.sequence} failed: ${String(error)}`, { cause: error });
  }
  segment.filledBytes += bytes;
}

/** The segment in use, the next one, and the work that fills them. */
export class SegmentRoom {
  /** Whether the disk was full when it was last tried. */
  full = false;
  #options: RoomOptions;
  #current: SegmentFile;
  #next: SegmentFile | null = null;
  /** What the next segment must hold at least. */
  #nextBytes: number;
  #busyWith: SegmentFile | null = null;
  #rolling = false;
  #stoppedDone: () => void = () => {};
  #working = false;
  #stopped = false;
  #waiting: { readonly isReady: () => boolean; readonly done: Done<void> }[] = [];
  #retry: Timer | null = null;
  #retired: SegmentFile[] = [];
  /** Sequences of dead segments whose files are there. */
  #spares: number[] = [];

  constructor(current: SegmentFile, options: RoomOptions) {
    this.#current = current;
    this.#options = options;
    this.#nextBytes = options.segmentBytes;
  }

  get current(): SegmentFile {
    return this.#current;
  }

  /** Begins or goes on to fill. */
  start(): void {
    if (this.#working || this.#stopped || this.#retry !== null || this.#job() === null) return;
    this.#working = true;
    runTask(this.#work(), (...[error]) => this.#workEnded(error));
  }

  /** Takes the file of a dead segment: it is used again, or removed. A full disk is tried again at once. */
  takeBack(sequence: number): void {
    this.#spares.push(sequence);
    this.#retry?.cancel();
    this.#retry = null;
    this.start();
  }

  /** Waits until the segment in use is filled up to `end`. */
  *ready(end: number): Task<void> {
    if (this.#current.filledBytes >= end) return;
    assert(end <= this.#current.sizeBytes, "the batch fits its segment", end, this.#current.sizeBytes);
    yield* this.#until(() => this.#current.filledBytes >= end);
  }

  /** Takes the next segment into use, once it has room for `bytes`. */
  *roll(bytes: number): Task<SegmentFile> {
    this.#nextBytes = Math.max(this.#options.segmentBytes, bytes);
    this.#rolling = true;
    if (this.#next !== null) this.#next.sizeBytes = Math.max(this.#next.sizeBytes, this.#nextBytes);
    yield* this.#until(() => this.#next !== null && this.#next.filledBytes >= bytes);
    const next = this.#next;
    assert(next !== null, "the next segment is there", this.#current.sequence + 1);
    this.#retired.push(this.#current);
    this.#closeRetired();
    this.#current = next;
    this.#next = null;
    this.#nextBytes = this.#options.segmentBytes;
    this.#rolling = false;
    this.start();
    return next;
  }

  /** Waits until a full disk is tried again; for a write that met one all the same. */
  *pause(): Task<void> {
    this.#becomeFull();
    yield* wait<void>((done) => {
      this.#options.clock.setTimer(this.#options.retryMs, () => done(null, undefined));
    });
  }

  /** A write got through. */
  hasRoom(): void {
    if (!this.full) return;
    this.full = false;
    this.#options.onSpace(true);
  }

  /** Does nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#retry = null;
    this.#waiting = [];
  }

  /** Stops, and closes the files once the call that is under way has ended. */
  *close(): Task<void> {
    this.stop();
    if (this.#working) {
      yield* wait<void>((done) => {
        this.#stoppedDone = () => done(null, undefined);
      });
    }
    for (const segment of [this.#current, this.#next]) {
      if (segment !== null) yield* wait<void>((done) => segment.file.close(done));
    }
  }

  *#until(isReady: () => boolean): Task<void> {
    if (isReady()) return;
    yield* wait<void>((done) => {
      this.#waiting.push({ isReady, done });
      this.start();
    });
  }

  /** What is to be filled: the segment in use first, unless a batch waits for the next one. */
  #job(): SegmentFile | "make" | "remove" | null {
    if (this.#current.filledBytes < this.#current.sizeBytes && !this.#rolling) return this.#current;
    if (this.#next === null) return "make";
    if (this.#next.filledBytes < this.#next.sizeBytes) return this.#next;
    return this.#spares.length > SPARES_MAX ? "remove" : null;
  }

  *#work(): Task<void> {
    for (let job = this.#job(); job !== null && !this.#stopped; job = this.#job()) {
      if (job === "make") {
        const next = yield* this.#makeNext();
        // A batch that needs more may have come meanwhile.
        next.sizeBytes = this.#nextBytes;
        this.#next = next;
      } else if (job === "remove") {
        yield* this.#removeSpare();
      } else {
        this.#busyWith = job;
        yield* fillChunk(job, job.sizeBytes);
        this.#busyWith = null;
      }
      this.#closeRetired();
      if (!this.#stopped) this.hasRoom();
      this.#tellWaiting();
    }
  }

  *#makeNext(): Task<SegmentFile> {
    const { disk, directory, segmentBytes } = this.#options;
    const sequence = this.#current.sequence + 1;
    const spare = this.#spares.shift();
    if (spare === undefined) return yield* makeSegment(disk, directory, sequence, 0);
    return yield* recycleSegment(disk, directory, spare, sequence, segmentBytes);
  }

  *#removeSpare(): Task<void> {
    const { disk, directory } = this.#options;
    const spare = this.#spares.shift() as number;
    yield* wait<void>((done) => disk.unlink(`${directory}/${segmentName(spare)}`, done));
    yield* wait<void>((done) => disk.syncDirectory(directory, done));
  }

  #workEnded(error: Error | null): void {
    this.#working = false;
    this.#busyWith = null;
    this.#closeRetired();
    if (this.#stopped) {
      this.#stoppedDone();
    } else if (error === null) {
      this.start();
    } else if (isDiskFull(error)) {
      this.#becomeFull();
      this.#retry = this.#options.clock.setTimer(this.#options.retryMs, () => {
        this.#retry = null;
        this.start();
      });
    } else {
      this.stop();
      this.#options.onFailure(error);
    }
  }

  #becomeFull(): void {
    if (this.full) return;
    this.full = true;
    this.#options.onSpace(false);
  }

  #tellWaiting(): void {
    const ready = this.#waiting.filter((waiter) => waiter.isReady());
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.done(null, undefined);
  }

  /** Closes the segments that are no longer written, but for one in which a call is under way. */
  #closeRetired(): void {
    const idle = this.#retired.filter((segment) => segment !== this.#busyWith);
    this.#retired = this.#retired.filter((segment) => segment === this.#busyWith);
    for (const segment of idle) segment.file.close(() => {});
  }
}
