/**
 * Reads of one group: gathered for a turn, given an index by the core, answered once this node has applied it.
 */
import { DraftError } from "../base/errors.ts";
import type { Applier } from "../machine/applier.ts";
import type { Command } from "../machine/machine.ts";
import type { Index } from "../raft/types.ts";
import type { AnswerDone, ReadOptions } from "./node_api.ts";

/** Reads that wait, at most. */
export const READS_MAX = 65_536;

/** One read that waits. */
interface PendingRead {
  readonly command: Command;
  readonly minIndex: Index;
  readonly deadlineMs: number;
  readonly done: AnswerDone;
}

/** The reads of one group. */
export class GroupReads {
  readonly #applier: Applier;
  /** Gathered in this turn; one read index serves them all. */
  #gathered: PendingRead[] = [];
  /** Waiting for the read index that was asked for under this id. */
  readonly #asked: Map<number, PendingRead[]> = new Map();
  /** Their index is known and not applied yet. */
  #indexed: { readonly index: Index; readonly reads: readonly PendingRead[] }[] = [];
  #nextReadId = 1;
  #waiting = 0;

  constructor(applier: Applier) {
    this.#applier = applier;
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
    const read = { command, minIndex: options.minIndex, deadlineMs: nowMs + options.timeoutMs, done };
    if (options.level === "stale" && options.minIndex <= this.#applied) {
      this.#answer(read);
      return true;
    }
    if (this.#waiting >= READS_MAX) return false;
    this.#waiting += 1;
    if (options.level === "stale") this.#indexed.push({ index: options.minIndex, reads: [read] });
    else this.#gathered.push(read);
    return true;
  }

  /** The id under which the core shall find an index for all that was gathered; 0 if nothing was. */
  takeGathered(): number {
    if (this.#gathered.length === 0) return 0;
    const readId = this.#nextReadId++;
    this.#asked.set(readId, this.#gathered);
    this.#gathered = [];
    return readId;
  }

  /** The core found the index. */
  answered(readId: number, index: Index): void {
    const reads = this.#asked.get(readId);
    if (reads === undefined) return;
    this.#asked.delete(readId);
    this.#indexed.push({ index, reads });
  }

  /** The core will not find one. */
  failed(readId: number, error: DraftError): void {
    const reads = this.#asked.get(readId);
    if (reads === undefined) return;
    this.#asked.delete(readId);
    this.#waiting -= reads.length;
    for (const read of reads) read.done(error);
  }

  /** Answers what can be answered by the state as it is. */
  answerApplied(): void {
    if (this.#indexed.length === 0) return;
    const applied = this.#applied;
    const waiting = this.#indexed;
    this.#indexed = [];
    for (const batch of waiting) {
      if (batch.index > applied) {
        this.#indexed.push(batch);
        continue;
      }
      for (const read of batch.reads) {
        if (read.minIndex <= applied) {
          this.#waiting -= 1;
          this.#answer(read);
        } else this.#indexed.push({ index: read.minIndex, reads: [read] });
      }
    }
  }

  get #applied(): Index {
    return this.#applier.readableIndex;
  }

  #answer(read: PendingRead): void {
    const reply = this.#applier.query(read.command);
    if (reply instanceof DraftError) read.done(reply);
    else read.done({ index: this.#applied, reply });
  }

  /** The node ends: none is answered any more. */
  end(error: DraftError): void {
    const waiting = [...this.#gathered, ...[...this.#asked.values()].flat(), ...this.#indexed.flatMap((batch) => batch.reads)];
    this.#gathered = [];
    this.#asked.clear();
    this.#indexed = [];
    this.#waiting = 0;
    for (const read of waiting) read.done(error);
  }

  /** Tells those whose time is up. A read changes nothing, so it is definitely not done. */
  expire(nowMs: number): void {
    for (const [readId, reads] of this.#asked) {
      const rest = this.#withoutExpired(reads, nowMs);
      if (rest.length > 0) this.#asked.set(readId, rest);
      else this.#asked.delete(readId);
    }
    this.#indexed = this.#indexed
      .map((batch) => ({ index: batch.index, reads: this.#withoutExpired(batch.reads, nowMs) }))
      .filter((batch) => batch.reads.length > 0);
  }

  #withoutExpired(reads: readonly PendingRead[], nowMs: number): PendingRead[] {
    return reads.filter((read) => {
      if (read.deadlineMs > nowMs) return true;
      this.#waiting -= 1;
      read.done(new DraftError("TIMEOUT", "the read was not answered in time: no leader confirmed it", { outcome: "not-done" }));
      return false;
    });
  }
}
