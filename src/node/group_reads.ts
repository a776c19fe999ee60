/**
 * Reads of one group: gathered for a turn, given an index and a log time by the core, answered once this node's machine
 * has come as far.
 */
import { DraftError } from "../base/errors.ts";
import { heldBytes } from "../base/held_bytes.ts";
import type { Applier } from "../machine/applier.ts";
import type { Command } from "../machine/machine.ts";
import type { Index, Term } from "../raft/types.ts";
import type { AnswerDone, ReadOptions } from "./node_api.ts";

/** Reads that wait, at most. */
export const READS_MAX = 65_536;

/** One read that waits. */
interface PendingRead {
  readonly command: Command;
  /** What it is counted as. */
  readonly bytes: number;
  readonly minIndex: Index;
  readonly deadlineMs: number;
  readonly done: AnswerDone;
}

/** What the core is asked under one id. */
export interface AskedReads {
  readonly readId: number;
  readonly lease: boolean;
}

const NOTHING: readonly AskedReads[] = [];

/** How far the machine has to be. */
export interface ReadPoint {
  readonly index: Index;
  /** Log time when the leader confirmed the reads: what is due by then is not to be seen. */
  readonly timeMs: number;
  /** The term of that leader. */
  readonly term: Term;
}

/** Reads that were told how far the machine has to be. */
interface Pointed extends ReadPoint {
  readonly reads: readonly PendingRead[];
}

/** The reads of one group. */
export class GroupReads {
  readonly #applier: Applier;
  /** Gathered in this turn; one read index serves them all, and one all that a lease will do for. */
  #gathered: PendingRead[] = [];
  #leased: PendingRead[] = [];
  /** Waiting for the read index that was asked for under this id. */
  readonly #asked: Map<number, PendingRead[]> = new Map();
  /** The machine has not come so far yet. */
  #pointed: Pointed[] = [];
  #nextReadId = 1;
  #waiting = 0;
  #waitingBytes = 0;
  readonly #bytesMax: number;

  /** @param bytesMax bytes of the commands that wait, at most */
  constructor(applier: Applier, bytesMax: number) {
    this.#applier = applier;
    this.#bytesMax = bytesMax;
  }

  /** Reads that wait. */
  get size(): number {
    return this.#waiting;
  }

  /**
   * Takes a read. A stale one is answered as soon as its least index is applied, now if it is.
   *
   * @returns false if too many wait already: then `done` is not called
   */
  add(command: Command, options: ReadOptions, nowMs: number, done: AnswerDone): boolean {
    const bytes = heldBytes(command);
    const read = { command, bytes, minIndex: options.minIndex, deadlineMs: nowMs + options.timeoutMs, done };
    if (options.level === "stale" && this.#reaches(options.minIndex)) {
      this.#answer(read);
      return true;
    }
    if (this.#waiting >= READS_MAX || this.#waitingBytes + bytes > this.#bytesMax) return false;
    this.#waiting += 1;
    this.#waitingBytes += bytes;
    if (options.level === "stale") this.#pointed.push({ index: 0, timeMs: 0, term: 0, reads: [read] });
    else if (options.level === "lease") this.#leased.push(read);
    else this.#gathered.push(read);
    return true;
  }

  /** What the core shall find an index for: all that was gathered, and apart from it all that a lease will do for. */
  takeGathered(): readonly AskedReads[] {
    if (!this.hasGathered) return NOTHING;
    const asked: AskedReads[] = [];
    for (const reads of [this.#gathered, this.#leased]) {
      if (reads.length === 0) continue;
      const readId = this.#nextReadId++;
      this.#asked.set(readId, reads);
      asked.push({ readId, lease: reads === this.#leased });
    }
    this.#gathered = [];
    this.#leased = [];
    return asked;
  }

  /** Whether a turn is wanted that asks the core. */
  get hasGathered(): boolean {
    return this.#gathered.length > 0 || this.#leased.length > 0;
  }

  /** The core found the point. */
  answered(readId: number, point: ReadPoint): void {
    const reads = this.#asked.get(readId);
    if (reads === undefined) return;
    this.#asked.delete(readId);
    this.#pointed.push({ ...point, reads });
  }

  /** The core will not find one. */
  failed(readId: number, error: DraftError): void {
    const reads = this.#asked.get(readId);
    if (reads === undefined) return;
    this.#asked.delete(readId);
    for (const read of reads) {
      this.#leave(read);
      read.done(error);
    }
  }

  /**
   * Answers what can be answered by the state as it is. It may be newer than the index that was named: an entry that was
   * sealed long ago and committed only now brings what has expired since. Then the leader, which has it as well, appends
   * a time entry. Only another leader's clock may have to come so far first: its own time is asked for instead.
   *
   * @param term the term as this node knows it
   */
  answerApplied(term: Term): void {
    if (this.#pointed.length === 0) return;
    const applied = this.#applied;
    const waiting = this.#pointed;
    this.#pointed = [];
    for (const batch of waiting) {
      if (batch.index > applied) this.#pointed.push(batch);
      else if (this.#hasPassed(batch.timeMs)) this.#answerAll(batch);
      else if (batch.term === term) this.#pointed.push(batch);
      else this.#gathered.push(...batch.reads);
    }
  }

  #answerAll(batch: Pointed): void {
    for (const read of batch.reads) {
      if (this.#reaches(read.minIndex)) {
        this.#leave(read);
        this.#answer(read);
      } else this.#pointed.push({ ...batch, reads: [read] });
    }
  }

  /** It waits no more. */
  #leave(read: PendingRead): void {
    this.#waiting -= 1;
    this.#waitingBytes -= read.bytes;
  }

  /** Whether the machine shows nothing that is due by `timeMs`: log time is there, or nothing waits for it. */
  #hasPassed(timeMs: number): boolean {
    if (this.#applier.lastApplied.timeMs >= timeMs) return true;
    const wakeAtMs = this.#applier.wakeAt();
    return wakeAtMs === null || wakeAtMs > timeMs;
  }

  /** Whether there is a state to read that holds what clients call the entry at `index`. */
  #reaches(index: Index): boolean {
    return this.#applied >= 0 && this.#applier.beginning.shown(this.#applied) >= index;
  }

  get #applied(): Index {
    return this.#applier.readableIndex;
  }

  #answer(read: PendingRead): void {
    const reply = this.#applier.query(read.command);
    if (reply instanceof DraftError) read.done(reply);
    else read.done({ index: this.#applier.beginning.shown(this.#applied), reply });
  }

  /** The node ends: none is answered any more. */
  end(error: DraftError): void {
    const waiting = [...this.#gathered, ...this.#leased, ...[...this.#asked.values()].flat(), ...this.#pointed.flatMap((batch) => batch.reads)];
    this.#gathered = [];
    this.#leased = [];
    this.#asked.clear();
    this.#pointed = [];
    this.#waiting = 0;
    this.#waitingBytes = 0;
    for (const read of waiting) read.done(error);
  }

  /** Tells those whose time is up. A read changes nothing, so it is definitely not done. */
  expire(nowMs: number): void {
    for (const [readId, reads] of this.#asked) {
      const rest = this.#withoutExpired(reads, nowMs, () => "no leader confirmed it");
      if (rest.length > 0) this.#asked.set(readId, rest);
      else this.#asked.delete(readId);
    }
    this.#pointed = this.#pointed
      .map((batch) => ({ ...batch, reads: this.#withoutExpired(batch.reads, nowMs, (read) => this.#whyPointed(batch, read)) }))
      .filter((batch) => batch.reads.length > 0);
  }

  /** Why a read still waits whose point is known. */
  #whyPointed(point: ReadPoint, { minIndex }: PendingRead): string {
    const { beginning } = this.#applier;
    const applied = this.#applied < 0 ? "nothing" : String(beginning.shown(this.#applied));
    if (!this.#reaches(minIndex)) return `this node has applied ${applied}, ${minIndex} was asked for: see draft admin states`;
    if (point.index > this.#applied) return `this node has applied ${applied}, ${beginning.shown(point.index)} was committed when it was asked: see draft admin states`;
    return "the machine's time has not come as far as the leader's: see draft admin states";
  }

  #withoutExpired(reads: readonly PendingRead[], nowMs: number, why: (read: PendingRead) => string): PendingRead[] {
    return reads.filter((read) => {
      if (read.deadlineMs > nowMs) return true;
      this.#leave(read);
      read.done(new DraftError("TIMEOUT", `the read was not answered in time: ${why(read)}`, { outcome: "not-done" }));
      return false;
    });
  }
}
