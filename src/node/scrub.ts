/**
 * The scrub: closed segments of the log and the newest snapshot are read again while the node runs, slowly, so that what
 * rots is found while others still have it. A rotten segment leaves the log (wal/mender.ts), a rotten snapshot is written
 * anew from the machine. What nobody else has, and the machine holds, leaves the log behind a snapshot. What cannot be
 * mended is told until it is.
 */
import { AssertionFailed } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import { isHostError } from "../host/files.ts";
import type { Clock, Disk, Log, Timer } from "../host/host.ts";
import type { ScrubStatus } from "../net/client_answers.ts";
import type { EventBody } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Index, LogPoint } from "../raft/types.ts";
import { scrubSegment } from "../wal/scrub_segment.ts";
import { segmentName, type SegmentUse } from "../wal/segment.ts";
import { snapshotName } from "../wal/snapshot_directory.ts";
import { SnapshotReader, verifySnapshot } from "../wal/snapshot_reader.ts";
import type { Wal } from "../wal/wal.ts";
import type { Alarm, GroupObserver } from "./group_observer.ts";
import type { GroupSnapshots } from "./group_snapshots.ts";

/** Read at a time; the rest behind it keeps the rate. */
const PIECE_BYTES = 262_144;

/** What is not mended yet is tried again after so long. */
const RETRY_MS = 5_000;

export interface ScrubPolicy {
  /** Read so fast at most; 0: nothing is read for its own sake. */
  readonly bytesPerSecond: number;
  /** From the beginning of one pass to that of the next, at least. */
  readonly passMs: number;
}

export interface ScrubOptions extends ScrubPolicy {
  /** Of the group. */
  readonly name: string;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly words: Log;
  readonly wal: Pick<Wal, "mender" | "source" | "groupOf">;
  /** Of its snapshots. */
  readonly directory: string;
  readonly state: RaftState;
  readonly snapshots: Pick<GroupSnapshots, "request">;
  readonly submit: (event: EventBody) => void;
}

/** One thing that was found rotten. */
interface Found {
  readonly what: string;
  /** Whether it is the log's or the group's still. */
  readonly stands: () => boolean;
  readonly mend: () => void;
}

/** Reads the files of one group's node again. */
export class Scrub implements GroupObserver {
  readonly #options: ScrubOptions;
  /** By file: of each the newest. */
  readonly #found: Map<string, Found> = new Map();
  #status: ScrubStatus = { passes: 0, lastPassMs: null, bytes: 0, found: 0, mended: 0 };
  #timer: Timer | null = null;
  #retry: Timer | null = null;
  #wake: Done<void> | null = null;
  #owedBytes = 0;
  /** Why the last pass did not come to its end; empty if it did. */
  #failure = "";
  #isRenewing = false;
  #ended = false;

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  /** The group takes part from here on. */
  opened(): void {
    const { wal: { mender }, bytesPerSecond, words } = this.#options;
    mender.onRot = (sequence, what) => this.#rottenSegment(sequence, what);
    if (bytesPerSecond === 0) return;
    runTask(this.#run(), (...[error]) => {
      if (error !== null && !this.#ended) words.write("error", `files are not read again any more: ${error.message}`);
    });
  }

  stepped(): void {}

  sent(): void {}

  /** For the status. */
  get status(): ScrubStatus {
    this.#settle();
    return this.#status;
  }

  /** Whether entries of the log cannot be read. */
  get lacksEntries(): boolean {
    return this.#found.size > 0 && this.#options.wal.mender.unmended !== null;
  }

  alarms(): Alarm[] {
    this.#settle();
    const { name, wal: { mender: { unmended } } } = this.#options;
    const found = [...this.#found.values()].map(({ what }) => what);
    const failed: Alarm[] = this.#failure === "" ? [] : [{ code: "STORAGE_FAILED", message: `files of group ${name} are not read again, so what rots in them is not found: ${this.#failure}: it is tried again` }];
    if (found.length === 0) return failed;
    const lost = unmended === null ? "" : `: ${lostText(unmended.from, unmended.to)} of group ${name} cannot be read, and ${unmended.outcome === "lacking" ? "no other member has them in its log" : "not all members answer"}`;
    return [...failed, { code: "DAMAGED", message: `${found.join("; ")}${lost}: it is being mended while the node serves; while this stands keep the other members up, and look at its disk (dmesg)` }];
  }

  /** The node ends. */
  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#retry?.cancel();
    const wake = this.#wake;
    this.#wake = null;
    wake?.(null, undefined);
  }

  *#run(): Task<void> {
    const { clock, passMs } = this.#options;
    while (!this.#ended) {
      const beganMs = clock.monotonicMs();
      yield* this.#rest(Math.min(passMs, RETRY_MS));
      try {
        yield* this.#pass();
        this.#failure = "";
      } catch (error) {
        if (error instanceof AssertionFailed) throw error;
        // What the system refuses now (no descriptor, no memory, no right) it may give later.
        this.#failed(error as Error);
        yield* this.#rest(RETRY_MS);
        continue;
      }
      if (this.#ended) return;
      const endedMs = clock.monotonicMs();
      this.#status = { ...this.#status, passes: this.#status.passes + 1, lastPassMs: Math.round(endedMs - beganMs) };
      yield* this.#rest(Math.max(0, beganMs + passMs - endedMs));
    }
  }

  #failed({ message }: Error): void {
    if (this.#ended || message === this.#failure) return;
    this.#failure = message;
    this.#options.words.write("error", `files are not read again: ${message}: it is tried again`, { group: this.#options.name });
  }

  *#pass(): Task<void> {
    const { wal: { mender } } = this.#options;
    for (const { sequence, use } of mender.closedSegments()) {
      if (this.#ended) return;
      if (mender.stands(sequence, use)) yield* this.#segment(sequence, use);
    }
    if (!this.#ended) yield* this.#snapshot();
  }

  *#segment(sequence: number, use: SegmentUse): Task<void> {
    const { disk, wal: { mender, source: { directory } } } = this.#options;
    try {
      const fault = yield* scrubSegment({ disk, directory, readBytes: PIECE_BYTES }, sequence, use, (bytes) => this.#pace(bytes));
      // One that left the log meanwhile may hold something else already.
      if (fault === null || this.#ended || !mender.stands(sequence, use)) return;
      mender.rotten(sequence, `log file "${directory}/${segmentName(sequence)}" at offset ${fault.offset} is damaged: ${fault.what}`);
    } catch (error) {
      if (isHostError(error, "EIO")) return mender.rotten(sequence, `log file "${directory}/${segmentName(sequence)}" cannot be opened: ${error.message}`);
      if (!isHostError(error, "ENOENT") || mender.stands(sequence, use)) throw error;
    }
  }

  *#snapshot(): Task<void> {
    const { disk, directory, state } = this.#options;
    const point = this.#newest;
    if (state.config.witness || point.index === 0) return;
    const path = `${directory}/${snapshotName(point)}`;
    try {
      const reader = yield* SnapshotReader.open(disk, path);
      try {
        yield* reader.verify((bytes) => this.#pace(bytes));
      } finally {
        yield* reader.close();
      }
    } catch (error) {
      const isRotten = error instanceof DraftError && error.code === "DAMAGED";
      if (!isRotten && !isHostError(error, "EIO") && !isHostError(error, "ENOENT")) throw error;
      // One that was superseded meanwhile is nobody's any more.
      if (this.#ended || this.#newest.index !== point.index) return;
      this.#rottenSnapshot(path, point, error.message);
    }
  }

  get #newest(): LogPoint {
    return this.#options.wal.groupOf(this.#options.state.config.group).snapshot;
  }

  #rottenSegment(sequence: number, what: string): void {
    const { wal: { mender, source: { directory } } } = this.#options;
    const mend = (): void => {
      if (mender.unmended?.outcome === "lacking") this.#beginBehind(mender.unmended.to);
      mender.retry(sequence);
    };
    this.#find(`${directory}/${segmentName(sequence)}`, { what, stands: () => mender.stands(sequence), mend });
  }

  #rottenSnapshot(path: string, { index }: LogPoint, what: string): void {
    let isThere = true;
    const mend = (): void => {
      if (this.#isRenewing) return;
      this.#isRenewing = true;
      this.#options.snapshots.request((...[error]) => {
        this.#isRenewing = false;
        if (error === null) isThere = false;
        this.#settle();
      }, true);
    };
    this.#find(path, { what, stands: () => isThere && this.#newest.index === index, mend });
    mend();
  }

  #find(file: string, found: Found): void {
    if (this.#ended) return;
    const isKnown = this.#found.has(file);
    this.#found.set(file, found);
    if (isKnown) return;
    this.#status = { ...this.#status, found: this.#status.found + 1 };
    this.#options.words.write("error", `${found.what}: what it held is got again from other members, or from this node's own state`, { group: this.#options.name });
    this.#watch();
  }

  /** What does not stand any more is mended. */
  #settle(): void {
    for (const [file, { stands }] of this.#found) {
      if (stands()) continue;
      this.#found.delete(file);
      this.#status = { ...this.#status, mended: this.#status.mended + 1 };
      this.#options.words.write("info", `mended: ${file} was damaged, and nothing of it is missing`, { group: this.#options.name });
    }
  }

  #watch(): void {
    if (this.#retry !== null || this.#ended) return;
    this.#retry = this.#options.clock.setTimer(RETRY_MS, () => {
      this.#retry = null;
      this.#settle();
      for (const { mend } of this.#found.values()) mend();
      if (this.#found.size > 0) this.#watch();
    });
  }

  /** Nobody has the entries up to `index`; what they did is in the machine, if it came so far: then they may leave the log. */
  #beginBehind(index: Index): void {
    const { snapshots, state, words } = this.#options;
    if (state.config.witness || this.#isRenewing) return;
    const point = this.#newest;
    if (point.index < index) {
      if (state.lastApplied >= index) snapshots.request(() => undefined, true);
      return;
    }
    this.#isRenewing = true;
    runTask(this.#clear(point), (...[error]) => {
      this.#isRenewing = false;
      if (error !== null && !this.#ended) words.write("warn", `the log does not begin behind what was lost yet: ${error.message}`);
    });
  }

  *#clear(point: LogPoint): Task<void> {
    const { disk, directory, state, submit } = this.#options;
    const { timeMs } = yield* verifySnapshot(disk, `${directory}/${snapshotName(point)}`);
    if (this.#ended || state.snapshotIndex < point.index || this.#newest.index !== point.index) return;
    submit({ type: "entriesLost", point, timeMs });
    this.#options.wal.mender.unmended = null;
  }

  /** So many bytes were read. */
  *#pace(bytes: number): Task<void> {
    this.#owedBytes += bytes;
    this.#status = { ...this.#status, bytes: this.#status.bytes + bytes };
    if (this.#owedBytes < PIECE_BYTES) return;
    const restMs = this.#owedBytes / this.#options.bytesPerSecond * 1000;
    this.#owedBytes = 0;
    yield* this.#rest(restMs);
  }

  *#rest(forMs: number): Task<void> {
    if (this.#ended) return;
    yield* wait<void>((done) => {
      this.#wake = done;
      this.#timer = this.#options.clock.setTimer(forMs, () => {
        this.#wake = null;
        done(null, undefined);
      });
    });
  }
}

function lostText(from: Index, to: Index): string {
  return from === to ? `entry ${from}` : `entries ${from} to ${to}`;
}
