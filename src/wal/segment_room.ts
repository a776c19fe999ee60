/**
 * Room for the WAL: the segment in use and the next one, filled with zeros in the background ahead of the batches. A
 * batch is written only into room that was filled and synced, so it never meets a full disk, and its sync has no
 * new blocks to account for (twice as fast as a growing file). A segment that nothing needs any more becomes the next
 * one, which spares the zeros; of such files a few are kept, under their old names. One disk call at a time.
 * On a full disk (disk_space.ts) nothing is made ahead, only what a batch waits for.
 */
import { assert } from "../base/assert.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import { isDiskFull } from "../host/files.ts";
import type { Clock, Disk, Timer } from "../host/host.ts";
import type { DiskSpace } from "./disk_space.ts";
import { segmentName } from "./segment.ts";
import { CHUNK_BYTES, fillChunk, makeSegment, recycleSegment, type SegmentFile } from "./segment_file.ts";

/** What a batch that waits is given on a full disk, at a time. */
const LAST_CHUNK_BYTES = 65_536;

/** Dead segments that are kept to be used again. */
const SPARES_MAX = 2;

/** What the room needs. */
export interface RoomOptions {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentBytes: number;
  /** A full disk is tried again so often. */
  readonly retryMs: number;
  readonly space: DiskSpace;
  /** Told of any other error; nothing more is done then. */
  readonly onFailure: (error: Error) => void;
}

/** What is to be done next: a segment to fill, or what has to be done besides. */
type Job = SegmentFile | "make" | "remove" | "grow" | "give";

/** The segment in use, the next one, and the work that fills them. */
export class SegmentRoom {
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
  #isGiving = false;
  #isPausing = false;

  constructor(current: SegmentFile, options: RoomOptions) {
    this.#current = current;
    this.#options = options;
    this.#nextBytes = options.segmentBytes;
  }

  get current(): SegmentFile {
    return this.#current;
  }

  /** Whether a batch waits for room that there is not: the disk does not stand still then. */
  get isExhausted(): boolean {
    return this.#options.space.isExhausted || this.#isPausing;
  }

  /** Begins or goes on to fill. */
  start(): void {
    if (this.#working || this.#stopped || this.#retry !== null || this.#job() === null) return;
    this.#working = true;
    runTask(this.#work(), (...[error, isDone]) => this.#workEnded(error, isDone === true));
  }

  /** Takes the file of a dead segment: it is used again, or removed. A full disk is tried again at once. */
  takeBack(sequence: number): void {
    this.#spares.push(sequence);
    this.#startAgain();
  }

  /** Gives the reserve back, for somebody who found no room; false if it is gone already. */
  giveReserve(): boolean {
    const { space } = this.#options;
    const isThere = space.reserve.bytes > 0 && !this.#stopped;
    if (isThere) {
      this.#isGiving = true;
      space.tell(true);
      this.#startAgain();
    }
    return isThere;
  }

  #startAgain(): void {
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
    const { space, clock, retryMs } = this.#options;
    space.isExhausted = !this.giveReserve();
    space.tell(true);
    this.#isPausing = true;
    yield* wait<void>((done) => {
      clock.setTimer(retryMs, () => done(null, undefined));
    });
    this.#isPausing = false;
  }

  /** A write got through that had met a full disk. */
  hasRoom(): void {
    const { space } = this.#options;
    space.isExhausted = false;
    if (!this.#working && this.#retry === null && this.#job() === null) space.tell(false);
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
      if (this.isExhausted) this.start();
      else this.#startAgain();
    });
  }

  /** What is to be done next: what makes room first, then what a batch waits for, then what is made ahead. */
  #job(): Job | null {
    const { space } = this.#options;
    if (this.#isGiving) return "give";
    if (space.isFull && this.#spares.length > 0) return this.#next === null ? "make" : "remove";
    if (this.#current.filledBytes < this.#current.sizeBytes && !this.#rolling) return this.#current;
    if (this.#next === null) return "make";
    if (this.#next.filledBytes < this.#next.sizeBytes) return this.#next;
    if (this.#spares.length > SPARES_MAX) return "remove";
    return space.reserve.missingBytes > 0 ? "grow" : null;
  }

  /** @returns false if it ended because the disk counts as full */
  *#work(): Task<boolean> {
    const { space } = this.#options;
    for (let job = this.#job(); job !== null && !this.#stopped; job = this.#job()) {
      const bytes = this.#newBytes(job);
      if (bytes > 0 && !(yield* space.hasFor(bytes)) && this.#waiting.length === 0) return false;
      yield* this.#do(job, bytes);
      space.isExhausted = false;
      this.#closeRetired();
      this.#tellWaiting();
    }
    return true;
  }

  /** What the job takes of the disk. */
  #newBytes(job: Job): number {
    const { isFull, reserve } = this.#options.space;
    if (job === "give" || job === "remove" || job === "make") return 0;
    if (job === "grow") return Math.min(CHUNK_BYTES, reserve.missingBytes);
    return Math.min(isFull ? LAST_CHUNK_BYTES : CHUNK_BYTES, job.sizeBytes - job.filledBytes);
  }

  *#do(job: Job, bytes: number): Task<void> {
    const { space } = this.#options;
    switch (job) {
      case "make": {
        const next = yield* this.#makeNext();
        // A batch that needs more may have come meanwhile.
        next.sizeBytes = this.#nextBytes;
        this.#next = next;
        return;
      }
      case "remove": return yield* this.#removeSpare();
      case "grow": return yield* space.reserve.grow(bytes);
      case "give":
        yield* space.giveReserve();
        this.#isGiving = false;
        return;
      default:
        this.#busyWith = job;
        yield* fillChunk(job, job.sizeBytes, bytes);
        this.#busyWith = null;
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

  #workEnded(error: Error | null, isDone: boolean): void {
    this.#working = false;
    this.#busyWith = null;
    this.#closeRetired();
    if (this.#stopped) {
      this.#stoppedDone();
    } else if (error === null && isDone) {
      if (!this.#isPausing) this.#options.space.tell(false);
      this.start();
    } else if (error === null || isDiskFull(error)) {
      this.#ranOut(error !== null);
    } else {
      this.stop();
      this.#options.onFailure(error);
    }
  }

  /** @param isMet the disk took no more; else it only counts as full */
  #ranOut(isMet: boolean): void {
    const { space } = this.#options;
    if (isMet) space.met();
    if (isMet && this.giveReserve()) return;
    space.isExhausted = isMet && this.#waiting.length > 0;
    space.tell(true);
    this.#retry = this.#options.clock.setTimer(this.#options.retryMs, () => {
      this.#retry = null;
      this.start();
    });
    // A batch came while what was free was asked for.
    if (!isMet && this.#waiting.length > 0) this.#startAgain();
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
