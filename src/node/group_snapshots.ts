/**
 * The snapshots of one group on this node: when one is taken, and how; and the machine's restart from one that came from
 * another member. One of these is under way at a time, and each is one disk call after the other, beside the log.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { Progress } from "../base/progress.ts";
import { type Done, type Operation, runTask, type Task, wait } from "../base/task.ts";
import { isDiskFull } from "../host/files.ts";
import type { Clock, Disk, Log, Timer } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import type { BegunSnapshot } from "../machine/saved_state.ts";
import type { EventBody } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import { bytesBetween } from "../raft/trail.ts";
import type { Configuration, Index, LogPoint } from "../raft/types.ts";
import type { Space } from "../wal/disk_space.ts";
import { removeOlder, snapshotName } from "../wal/snapshot_directory.ts";
import { PieceKind, type SnapshotHead } from "../wal/snapshot_format.ts";
import { SnapshotWriter } from "../wal/snapshot_writer.ts";
import type { GroupLog } from "./group_ports.ts";
import { Pace } from "./pace.ts";
import { restoreSnapshot } from "./restore_snapshot.ts";

/** The feature level that this draft writes. */
export const FEATURE_LEVEL = 1;

/** A snapshot that came to nothing is tried again after so long: a disk that is full may have room by then. */
const RETRY_MS = 10_000;

/** With the reserve given back, one that found no room is tried again sooner. */
const RESERVE_RETRY_MS = 1_000;

/** A superseded snapshot that is in use is looked at again after so long. */
const SWEEP_MS = 30_000;

export interface SnapshotPolicy {
  /** Log behind the last snapshot, in sealed bytes and in entries, that calls for the next one. */
  readonly snapshotBytes: number;
  readonly snapshotEntries: number;
}

export interface GroupSnapshotsOptions extends SnapshotPolicy {
  /** On a full disk one is taken once the whole log has so many bytes: all that it holds leaves the log then. */
  readonly fullDiskBytes: number;
  /** How much room there is on the disk. */
  readonly space: () => Space;
  readonly clusterId: string;
  /** Of this group's snapshots; it is there. */
  readonly directory: string;
  readonly state: RaftState;
  readonly applier: Applier;
  readonly log: GroupLog;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly words: Log;
  readonly submit: (event: EventBody) => void;
  /** A turn is wanted: records wait for their batch. */
  readonly wake: () => void;
  /** Whether the file of this name is being served to another member, or fetched from one. */
  readonly isInUse: (name: string) => boolean;
  /** See the applier's `restore`. */
  readonly promised: () => void;
}

/** Tells what became of a snapshot that was asked for: the index that it holds. */
export type SnapshotDone = Done<Index>;

/** Takes and restores snapshots. */
export class GroupSnapshots {
  readonly #options: GroupSnapshotsOptions;
  #taking = false;
  /** The one that is being taken is void: the machine that it shows is about to be replaced. */
  #void = false;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #asked: SnapshotDone[] = [];
  #ended = false;
  readonly #pace: Pace;
  #restoring: LogPoint | null = null;
  #sweep: Timer | null = null;
  #again: Timer | null = null;
  /** Came while another one was restored. */
  #next: { readonly point: LogPoint; readonly done: Done<void> } | null = null;

  constructor(options: GroupSnapshotsOptions) {
    this.#options = options;
    this.#pace = new Pace(options.clock);
  }

  /** Entries were applied: begins a snapshot if it is time for one. */
  consider(): void {
    // The pieces of a backup are in the log alone, until it is whole.
    if (this.#options.applier.beginning.isGathering) return;
    if (this.#taking || this.#ended || this.#restoring !== null || this.#options.applier.readableIndex < 0) return;
    const { clock } = this.#options;
    if (this.#asked.length === 0 && (!this.#isDue() || clock.monotonicMs() < this.#notBeforeMs)) return;
    this.#taking = true;
    this.#void = false;
    runTask(this.#take(), (...[error, index]) => {
      this.#taking = false;
      if (error === null) this.#tell(null, index);
      else this.#failed(error);
    });
  }

  #isDue(): boolean {
    const { state: { trail, snapshotIndex }, applier, snapshotBytes, snapshotEntries, fullDiskBytes, space } = this.#options;
    const { index } = applier.lastApplied;
    if (index <= snapshotIndex) return false;
    if (space() !== "ample" && bytesBetween(trail, trail.base.index + 1, index) >= fullDiskBytes) return true;
    return index - snapshotIndex >= snapshotEntries || bytesBetween(trail, snapshotIndex + 1, index) >= snapshotBytes;
  }

  /**
   * Takes one now; `done` is told once it is durable. What was applied already is enough, if a snapshot has it; not with
   * `isAnew`, where that snapshot rots: it is written once more.
   */
  request(done: SnapshotDone, isAnew: boolean = false): void {
    const { state, applier } = this.#options;
    if (this.#ended) return done(new DraftError("STOPPING", "the node ends: no snapshot is taken any more"));
    if (applier.beginning.isGathering) return done(new DraftError("CHANGE_PENDING", "a backup is being restored: no snapshot is taken until draft admin restore FILE has ended, or, where it was given up, anything is written, or ten minutes have passed"));
    if (!isAnew && applier.lastApplied.index <= state.snapshotIndex) return done(null, state.snapshotIndex);
    this.#asked.push(done);
    this.consider();
  }

  /** Restores the machine from the file of `point`, which is durable; `done` when it holds it. */
  install(point: LogPoint, done: Done<void>): void {
    this.#void = true;
    if (this.#restoring !== null || this.#taking) {
      // A later one makes one that waits superfluous.
      this.#next = { point, done };
      return;
    }
    this.#restoring = point;
    runTask(this.#restore(point), (...[error]) => {
      this.#restoring = null;
      if (error === null) done(null, undefined);
      else done(error);
      this.#installNext();
    });
  }

  #installNext(): void {
    const next = this.#next;
    if (next === null || this.#ended) return;
    this.#next = null;
    this.install(next.point, next.done);
  }

  /** Nothing is begun any more; what is under way ends by itself. */
  end(): void {
    this.#ended = true;
    this.#void = true;
    this.#sweep?.cancel();
    this.#again?.cancel();
    this.#pace.end();
    this.#tell(new DraftError("STOPPING", "the node ends: the snapshot was not finished"), 0);
  }

  *#take(): Task<Index> {
    const { disk, directory, applier, log, submit, wake, words } = this.#options;
    const begun = applier.snapshot();
    const head = this.#headOf(begun);
    let writer: SnapshotWriter | null = null;
    try {
      writer = yield* SnapshotWriter.begin(disk, directory, head);
      yield* this.#write(writer, begun);
      yield* writer.finish();
    } catch (error) {
      begun.pieces.close();
      begun.sessions.close();
      begun.changes.close();
      if (writer !== null) yield* writer.abandon();
      throw error;
    }
    const { point, timeMs } = head;
    if (this.#void) throw replaced();
    log.appendSnapshotMark(head.group, point);
    wake();
    yield* wait<void>((done) => log.barrier(done));
    submit({ type: "snapshotStored", point, timeMs });
    words.write("info", `snapshot of index ${point.index} taken`, { index: point.index, bytes: writer.sizeBytes });
    yield* this.#removeOlder(point.index);
    return point.index;
  }

  /** What a start on a state on disk needs comes first: that start reads no further. */
  *#write(writer: SnapshotWriter, { pieces, sessions, changes, point }: BegunSnapshot): Task<void> {
    const parts: readonly [kind: number, next: Operation<Uint8Array | null>][] = [
      [PieceKind.sessions, (done) => done(null, sessions.next())],
      [PieceKind.changes, (done) => done(null, changes.next())],
      [PieceKind.machine, (done) => pieces.next(done)],
    ];
    for (const [kind, next] of parts) {
      for (let piece = yield* this.#paced(point.index, next); piece !== null; piece = yield* this.#paced(point.index, next)) yield* writer.piece(kind, piece);
    }
  }

  /** The next piece, and the rest that the loop is owed for it. */
  *#paced(index: Index, next: Operation<Uint8Array | null>): Task<Uint8Array | null> {
    const { clock, state: { trail }, snapshotBytes } = this.#options;
    const beganMs = clock.monotonicMs();
    const piece = yield* wait<Uint8Array | null>(next);
    if (this.#void) throw replaced();
    const workedMs = clock.monotonicMs() - beganMs;
    // What is written meanwhile stays in the log until this is done: the more of it, the less rest.
    const behindBytes = trail.lastIndex > index ? bytesBetween(trail, index + 1, trail.lastIndex) : 0;
    yield* this.#pace.rest(workedMs, behindBytes / snapshotBytes);
    if (this.#void) throw replaced();
    return piece;
  }

  #headOf({ point, timeMs, origin, machineVersion, digest, checks, streamed }: BegunSnapshot): SnapshotHead {
    const { clusterId, state, applier } = this.#options;
    const configuration = configurationAt(state, point.index);
    return {
      clusterId, group: state.config.group, point, featureLevel: FEATURE_LEVEL, machine: applier.plugin.name,
      machineVersion, streamed, timeMs, digest, configuration, checks, origin, emptied: false,
    };
  }

  *#restore(point: LogPoint): Task<void> {
    const { disk, directory, applier, clusterId, clock, state, log, promised, words } = this.#options;
    const path = `${directory}/${snapshotName(point)}`;
    // Until the log durably names this one, a start wants the one before, and no state on disk that is beyond its log.
    yield* wait<void>((done) => log.barrier(done));
    const progress = new Progress(() => clock.monotonicMs(), (text) => words.write("info", text));
    yield* restoreSnapshot(disk, applier, { path, clusterId, group: state.config.group, point, progress }, promised);
    words.write("info", `machine restored from the snapshot of index ${point.index}`, { index: point.index });
    yield* this.#removeOlder(point.index);
  }

  /** What is in use goes when it no longer is. */
  *#removeOlder(index: Index): Task<void> {
    const { disk, directory, clock, words, isInUse } = this.#options;
    this.#sweep?.cancel();
    const staying = yield* removeOlder(disk, directory, index, isInUse);
    if (staying === 0 || this.#ended) return;
    this.#sweep = clock.setTimer(SWEEP_MS, () => {
      runTask(this.#removeOlder(index), (...[error]) => {
        if (error !== null) words.write("warn", `old snapshots stay: ${error.message}`);
      });
    });
  }

  #failed(error: Error): void {
    const { clock, words, log, space } = this.#options;
    const retryMs = isDiskFull(error) && log.giveReserve() ? RESERVE_RETRY_MS : RETRY_MS;
    this.#notBeforeMs = clock.monotonicMs() + retryMs;
    // Nothing may be applied on a full disk that would bring it here again.
    this.#again?.cancel();
    if (!this.#ended && space() !== "ample") this.#again = clock.setTimer(retryMs, () => this.consider());
    if (!this.#void) words.write("warn", `no snapshot was taken: ${error.message}`);
    this.#tell(error, 0);
  }

  #tell(error: Error | null, index: Index): void {
    for (const done of this.#asked.splice(0)) {
      if (error === null) done(null, index);
      else done(error);
    }
    this.#installNext();
  }
}

/** The configuration in force at `index`, which is committed (dissertation 5: "the latest configuration as of that index"). */
export function configurationAt(state: RaftState, index: Index): Configuration {
  const configuration = state.configurations.findLast((each) => each.index <= index);
  assert(configuration !== undefined, "a configuration is in force at each index", index);
  return configuration;
}

function replaced(): DraftError {
  return new DraftError("STOPPING", "another member's snapshot takes the place of this state");
}
