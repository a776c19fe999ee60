/**
 * Serves the pieces of this node's snapshots to other members. One disk read at a time, and no more bytes a second than
 * it is told, whoever asks: the disk and the line are the log's. A snapshot that was asked for lately stays, though a
 * newer one supersedes it, so that a transfer comes to its end.
 */
import { concatBytes, viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { runTask, type Task, wait } from "../base/task.ts";
import { isHostError, readUpTo } from "../host/files.ts";
import type { File, Host, Timer } from "../host/host.ts";
import type { BackupAsk } from "../net/backup_request.ts";
import type { Hello } from "../net/hello.ts";
import type { RaftState } from "../raft/state.ts";
import type { Configuration, GroupId, Index } from "../raft/types.ts";
import { listSnapshots, snapshotName } from "../wal/snapshot_directory.ts";
import { END_BYTES } from "../wal/snapshot_format.ts";
import type { Wal } from "../wal/wal.ts";
import type { EntriesRead } from "../wal/wal_read.ts";
import { PIECE_BYTES_MAX, readQuestion, type SnapshotQuestion, whichTuple } from "./snapshot_questions.ts";

/** So long after it was last asked for a snapshot stays. */
export const SERVED_MS = 30_000;

/** A group whose snapshots are served. */
export interface ServedGroup {
  readonly directory: string;
  /** The configuration in force. */
  readonly configuration: () => Configuration;
  /** Reads entries of the group back. */
  readonly read: Wal["read"];
  readonly state: RaftState;
  /** A snapshot was asked for that is not there: takes one, if the machine has come so far. */
  readonly wanted: (index: Index) => void;
}

export interface SnapshotServerOptions {
  readonly host: Pick<Host, "clock" | "disk" | "log">;
  readonly bytesPerSecond: number;
  readonly group: (group: GroupId) => ServedGroup | null;
  /** Why nothing is served now; null if it is. */
  readonly whyNot: () => string | null;
}

type Answer = (reply: readonly unknown[] | string) => void;

interface Job {
  readonly question: SnapshotQuestion;
  readonly group: ServedGroup;
  /** Who asks, for the log. */
  readonly from: string;
  readonly answer: Answer;
}

/** Answers questions for snapshots. */
export class SnapshotServer {
  readonly #options: SnapshotServerOptions;
  readonly #jobs: Job[] = [];
  /** When each file was last asked for, by its path. */
  readonly #askedMs: Map<string, number> = new Map();
  #running = false;
  /** Until then what was sent is as much as may be. */
  #paidMs = Number.NEGATIVE_INFINITY;
  #pause: Timer | null = null;
  #ended = false;

  constructor(options: SnapshotServerOptions) {
    this.#options = options;
  }

  /** One question of a peer, which has no other that waits. */
  asked(from: Hello, tuple: readonly unknown[], answer: Answer): void {
    let question: SnapshotQuestion;
    try {
      question = readQuestion(tuple);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      return answer(error.message);
    }
    const group = this.#options.group(question.group);
    if (group === null) return answer(`group ${question.group} is not here`);
    if (!isMember(group.configuration(), from)) return answer(`node ${from.nodeId} is no member of group ${question.group}`);
    this.#jobs.push({ question, group, from: from.nodeId, answer });
    this.#run();
  }

  /** One question of a client, who may have as many wait as a connection takes. */
  askedByClient(groupId: GroupId, ask: BackupAsk, answer: Answer): void {
    const group = this.#options.group(groupId);
    if (group === null) return answer(`group ${groupId} is not here`);
    const fits = ask.type === "which" || (ask.length > 0 && ask.length <= PIECE_BYTES_MAX);
    if (!fits) return answer(`a piece has 1 to ${PIECE_BYTES_MAX} bytes`);
    const question: SnapshotQuestion = ask.type === "which"
      ? { type: "which", group: groupId, index: ask.index }
      : { type: "piece", group: groupId, name: { index: ask.index, term: ask.term }, offset: ask.offset, length: ask.length };
    this.#jobs.push({ question, group, from: "a backup", answer });
    this.#run();
  }

  /** Whether the file at `path` was asked for lately. */
  isServed(path: string): boolean {
    return this.#options.host.clock.monotonicMs() - (this.#askedMs.get(path) ?? Number.NEGATIVE_INFINITY) < SERVED_MS;
  }

  /** Nothing is answered any more. */
  end(): void {
    this.#ended = true;
    this.#jobs.length = 0;
    this.#pause?.cancel();
  }

  #run(): void {
    const job = this.#jobs[0];
    if (this.#running || this.#ended || job === undefined) return;
    this.#running = true;
    const why = this.#options.whyNot();
    if (why !== null) return this.#finish(why);
    const { clock, log } = this.#options.host;
    const waitMs = job.question.type !== "which" ? this.#paidMs - clock.monotonicMs() : 0;
    const begin = (): void => {
      this.#pause = null;
      runTask(this.#answerTo(job), (...[error, reply]) => {
        if (error === null) return this.#finish(reply);
        log.write("warn", `a snapshot cannot be served to ${job.from}: ${error.message}`);
        this.#finish("the snapshot cannot be read here");
      });
    };
    if (waitMs > 0) this.#pause = clock.setTimer(waitMs, begin);
    else begin();
  }

  #finish(reply: readonly unknown[] | string): void {
    const job = this.#jobs.shift();
    this.#running = false;
    if (this.#ended || job === undefined) return;
    job.answer(reply);
    this.#run();
  }

  *#answerTo({ question, group, from }: Job): Task<readonly unknown[] | string> {
    try {
      if (question.type === "entries") return yield* this.#entries(group, question);
      if (question.type === "which") return yield* this.#which(group, question.index, from);
      return yield* this.#piece(group.directory, question);
    } catch (error) {
      if (isHostError(error, "ENOENT")) return "the snapshot is not here any more";
      throw error;
    }
  }

  /** Who does not know what it has lost itself says nothing: it would pass for one that never had it. */
  *#entries({ state, read }: ServedGroup, { group, from, to }: SnapshotQuestion & { type: "entries" }): Task<readonly unknown[] | string> {
    if (state.editNumber > 0) return "this node's own log was not compared with a leader's yet";
    const { base: { index: begin } } = state.trail;
    const last = Math.min(to, state.durableIndex);
    if (from <= begin || last < to || from > to) return [new Uint8Array(), begin, state.durableIndex];
    try {
      const { runs, bytes } = yield* wait<EntriesRead>((done) => read(group, from, to, PIECE_BYTES_MAX, done));
      this.#pay(bytes);
      return [concatBytes(runs), begin, state.durableIndex];
    } catch (error) {
      if (error instanceof DraftError) return `the entries cannot be read here: ${error.message}`;
      throw error;
    }
  }

  *#which({ directory, wanted }: ServedGroup, index: Index, from: string): Task<readonly unknown[] | string> {
    const { disk, log } = this.#options.host;
    const [newest] = yield* listSnapshots(disk, directory);
    if (newest === undefined || newest.index < index) {
      wanted(index);
      return `no snapshot of index ${index} or later is here`;
    }
    const path = `${directory}/${snapshotName(newest)}`;
    const file = yield* wait<File>((done) => disk.open(path, {}, done));
    this.#touch(path);
    try {
      const bytes = yield* wait<number>((done) => file.sizeBytes(done));
      const end = yield* readUpTo(file, Math.max(0, bytes - END_BYTES), END_BYTES);
      if (end.length < END_BYTES) return "the snapshot is damaged here";
      log.write("info", `serves the snapshot of index ${newest.index} to ${from}`, { index: newest.index, bytes });
      return whichTuple({ ...newest, bytes, sum: viewOf(end).getUint32(4, true) });
    } finally {
      yield* wait<void>((done) => file.close(done));
    }
  }

  *#piece(directory: string, { name, offset, length }: SnapshotQuestion & { type: "piece" }): Task<readonly unknown[] | string> {
    const path = `${directory}/${snapshotName(name)}`;
    const file = yield* wait<File>((done) => this.#options.host.disk.open(path, {}, done));
    this.#touch(path);
    try {
      const bytes = yield* readUpTo(file, offset, length);
      this.#pay(bytes.length);
      return bytes.length === length ? [bytes] : `the snapshot ends before ${offset + length}`;
    } finally {
      yield* wait<void>((done) => file.close(done));
    }
  }

  #touch(path: string): void {
    for (const other of this.#askedMs.keys()) if (!this.isServed(other)) this.#askedMs.delete(other);
    this.#askedMs.set(path, this.#options.host.clock.monotonicMs());
  }

  #pay(bytes: number): void {
    const { host: { clock }, bytesPerSecond } = this.#options;
    this.#paidMs = Math.max(this.#paidMs, clock.monotonicMs()) + bytes / bytesPerSecond * 1000;
  }
}

/** A node that was just added may not know its number yet. */
function isMember({ members }: Configuration, { nodeId, incarnation, memberNumber }: Hello): boolean {
  return members.some(({ id, incarnation: its, number }) => id === nodeId && its === incarnation && (memberNumber === 0 || memberNumber === number));
}
