/**
 * Gets a snapshot for one group from the member that its leader named. A line that breaks is dialled again and the
 * transfer goes on where it stood; what cannot be had from this member is given up, and the core is told, whose leader
 * then names another. One at a time: whoever leads meanwhile finds it going on.
 */
import { DraftError, type ErrorCode } from "../base/errors.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import type { Host, Timer } from "../host/host.ts";
import type { Interview } from "../net/interview.ts";
import type { Peer } from "../net/link.ts";
import type { EventBody } from "../raft/event.ts";
import type { GroupId, Index, LogPoint, MemberNumber } from "../raft/types.ts";
import { type FetchingName, fetchingName, removeFetchedBut } from "../wal/snapshot_directory.ts";
import type { SnapshotHead } from "../wal/snapshot_format.ts";
import { PartialSnapshot } from "./partial_snapshot.ts";
import { questionTuple, readPiece, readWhich } from "./snapshot_questions.ts";

/** Connections in a row that brought nothing, until the source is given up. */
const TRIES_MAX = 5;

/** Between two connections; doubles up to the longest while none brings anything. */
const PAUSE_MS = 100;
const PAUSE_MS_MAX = 1000;

/** After trouble with this node's own disk nothing is fetched for so long. */
const DISK_PAUSE_MS = 10_000;

/** Pieces that are asked for and not written yet: one crosses the line while the other is written. */
const WINDOW = 2;

export interface SnapshotFetchOptions {
  readonly host: Pick<Host, "clock" | "disk" | "log">;
  readonly clusterId: string;
  readonly group: GroupId;
  /** Of the group's snapshots; it is there. */
  readonly directory: string;
  readonly pieceBytes: number;
  /** Room that the log needs: no snapshot is begun that would take it. */
  readonly spareBytes: number;
  /** Where the member of this number is; null if nobody knows. */
  readonly peer: (member: MemberNumber) => Peer | null;
  /** Up to where the log is known committed: a snapshot that brings no more is of no use. */
  readonly committed: () => Index;
  readonly dial: (peer: Peer, done: Done<Interview>) => void;
  readonly submit: (event: EventBody) => void;
}

/** What is no fault of this node: what was fetched so far stays, another member may have the rest. */
const FAULTS_OF_SOURCE: readonly ErrorCode[] = ["UNREACHABLE", "FORBIDDEN", "BAD_REQUEST"];

/** The fetches of one group. */
export class SnapshotFetch {
  readonly #options: SnapshotFetchOptions;
  #running = false;
  #ended = false;
  /** What is here could not be removed after the disk had failed: nothing of it is gone on with. */
  #distrusts = false;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  /** What is here of the snapshot that is fetched. */
  #partial: PartialSnapshot | null = null;
  #interview: Interview | null = null;
  #pause: { readonly timer: Timer; readonly done: Done<void> } | null = null;

  constructor(options: SnapshotFetchOptions) {
    this.#options = options;
  }

  /** Whether one is under way. */
  get isRunning(): boolean {
    return this.#running;
  }

  /** Whether the file of this name is being written. */
  isFetching(name: string): boolean {
    return this.#partial !== null && fetchingName(this.#partial.name) === name;
  }

  /** Gets a snapshot of the leader's entry `leaders` or of a later one from the member; one that is being fetched already goes on. */
  begin(from: MemberNumber, leaders: LogPoint): void {
    const { host: { clock, log }, submit } = this.#options;
    if (this.#running || this.#ended) return;
    if (clock.monotonicMs() < this.#notBeforeMs) return submit({ type: "snapshotFetching", index: 0 });
    this.#running = true;
    runTask(this.#fetch(from, leaders), (...[error, head]) => {
      this.#running = false;
      this.#partial = null;
      if (this.#ended) return;
      if (error !== null) return this.#givenUp(from, error);
      if (head === null) return submit({ type: "snapshotFetching", index: 0 });
      const { point, timeMs, configuration } = head;
      log.write("info", `snapshot of index ${point.index} fetched`, { index: point.index, from });
      submit({ type: "snapshotFetched", point, timeMs, configuration });
    });
  }

  /** Nothing is fetched any more. What is here already stays for the next process. */
  end(): void {
    this.#ended = true;
    this.#interview?.close();
    const pause = this.#pause;
    this.#pause = null;
    pause?.timer.cancel();
    pause?.done(stopping());
  }

  #givenUp(from: MemberNumber, error: Error): void {
    const { host: { clock, log }, submit } = this.#options;
    if (!(error instanceof DraftError) || error.code === "DISK_FULL") this.#notBeforeMs = clock.monotonicMs() + DISK_PAUSE_MS;
    log.write(isOfSource(error) ? "info" : "warn", `no snapshot was fetched from member ${from}: ${error.message}`);
    submit({ type: "snapshotFetching", index: 0 });
  }

  /** Null: the log has come so far by itself. */
  *#fetch(from: MemberNumber, leaders: LogPoint): Task<SnapshotHead | null> {
    try {
      const isWanted = yield* this.#insist(from, leaders.index);
      const partial = this.#partial;
      if (isWanted && partial !== null) return yield* partial.finish(leaders);
      yield* this.#letGo(false);
      return null;
    } catch (error) {
      yield* this.#letGo(this.#ended || isOfSource(error));
      throw error;
    }
  }

  /** Transfers over as many connections as it takes; false if it is of no use any more. */
  *#insist(from: MemberNumber, index: Index): Task<boolean> {
    for (let fruitless = 0; ;) {
      const before = this.#partial;
      const had = before?.have ?? 0;
      try {
        return yield* this.#transfer(from, index);
      } catch (error) {
        if (!(error instanceof DraftError) || error.code !== "UNREACHABLE" || this.#ended) throw error;
        const brought = before !== null && this.#partial === before && before.have > had;
        fruitless = brought ? 0 : fruitless + 1;
        if (fruitless >= TRIES_MAX) throw error;
      }
      yield* this.#rest(Math.min(PAUSE_MS * 2 ** fruitless, PAUSE_MS_MAX));
    }
  }

  *#rest(pauseMs: number): Task<void> {
    yield* wait<void>((done) => {
      const timer = this.#options.host.clock.setTimer(pauseMs, () => {
        this.#pause = null;
        done(null, undefined);
      });
      this.#pause = { timer, done };
    });
  }

  *#transfer(from: MemberNumber, index: Index): Task<boolean> {
    const { group, peer, dial } = this.#options;
    const source = peer(from);
    if (source === null) throw new DraftError("FORBIDDEN", `${from} is no member of group ${group}`);
    const interview = yield* wait<Interview>((done) => dial(source, done));
    this.#interview = interview;
    try {
      interview.ask(questionTuple({ type: "which", group, index }));
      const name = readWhich(yield* wait<readonly unknown[]>((done) => interview.next(done)), index);
      const partial = yield* this.#partialOf(name);
      return yield* this.#pieces(interview, partial);
    } finally {
      this.#interview = null;
      interview.close();
    }
  }

  /** What is here of the snapshot; of another one nothing stays. */
  *#partialOf(name: FetchingName): Task<PartialSnapshot> {
    const { host: { disk }, directory, clusterId, group, spareBytes, submit } = this.#options;
    if (this.isFetching(fetchingName(name))) return this.#partial as PartialSnapshot;
    yield* this.#letGo(false);
    if (this.#distrusts) yield* removeFetchedBut(disk, directory, "");
    this.#distrusts = false;
    this.#check();
    submit({ type: "snapshotFetching", index: name.index });
    this.#partial = yield* PartialSnapshot.open({ disk, directory, clusterId, group, name });
    const wantedBytes = name.bytes - this.#partial.have + spareBytes;
    const freeBytes = yield* wait<number>((done) => disk.freeBytes(directory, done));
    if (freeBytes < wantedBytes) throw new DraftError("DISK_FULL", `a snapshot of ${name.bytes} bytes wants ${wantedBytes} free bytes, there are ${freeBytes}`);
    return this.#partial;
  }

  /** Asks for a piece more only when one was written. */
  *#pieces(interview: Interview, partial: PartialSnapshot): Task<boolean> {
    const { group, pieceBytes, committed } = this.#options;
    const { name } = partial;
    let asked = partial.have;
    const askNext = (): void => {
      const length = Math.min(pieceBytes, name.bytes - asked);
      if (length === 0) return;
      interview.ask(questionTuple({ type: "piece", group, name, offset: asked, length }));
      asked += length;
    };
    for (let ahead = 0; ahead < WINDOW; ahead++) askNext();
    while (partial.have < name.bytes) {
      if (committed() >= name.index) return false;
      const answer = yield* wait<readonly unknown[]>((done) => interview.next((...[error, tuple]) => {
        if (error === null) done(null, tuple);
        else done(asBroken(error));
      }));
      yield* partial.append(readPiece(answer, Math.min(pieceBytes, name.bytes - partial.have)));
      this.#check();
      askNext();
    }
    return committed() < name.index;
  }

  #check(): void {
    if (this.#ended) throw stopping();
  }

  /** @param stays what is here may be gone on with */
  *#letGo(stays: boolean): Task<void> {
    const partial = this.#partial;
    if (partial === null) return;
    this.#distrusts = true;
    yield* stays ? partial.close() : partial.remove();
    this.#distrusts = false;
  }
}

/** A source that has begun with a snapshot and refuses a piece of it has it no more: it is asked anew what it has. */
function asBroken(error: Error): Error {
  if (!(error instanceof DraftError) || error.code !== "FORBIDDEN") return error;
  return new DraftError("UNREACHABLE", error.message, { cause: error });
}

function isOfSource(error: unknown): boolean {
  return error instanceof DraftError && FAULTS_OF_SOURCE.includes(error.code);
}

function stopping(): DraftError {
  return new DraftError("STOPPING", "the node ends: the snapshot was not fetched");
}
