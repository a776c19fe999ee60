/**
 * Writes that were given an index and wait for their outcome. From here on only the log decides: what `apply` returned,
 * TIMEOUT, or LOST (promise 10). A change of leader decides nothing, for the entry may commit all the same.
 */
import { DraftError } from "../base/errors.ts";
import type { CommandEnvelope } from "../machine/command.ts";
import type { Index, Term } from "../raft/types.ts";
import type { AnswerDone } from "./node_api.ts";

/** One write that waits. */
export interface PendingWrite {
  readonly term: Term;
  readonly deadlineMs: number;
  readonly done: AnswerDone;
  /** Its command, if that is known, so that applying it need not decode it again. */
  readonly decoded: CommandEnvelope | null;
}

/** Slots in front that are given back once there are this many, and as many as others. */
const SPARE_SLOTS = 1024;

/** The writes of one group, by index: mostly one behind the other, and answered in that order. */
export class PendingWrites {
  /** The write at `#first + i` is in slot `#head + i`. */
  #slots: (PendingWrite | null)[] = [];
  #head = 0;
  #first: Index = 0;
  #size = 0;
  /** The latest term that an applied entry bore. */
  #appliedTerm: Term = 0;

  get size(): number {
    return this.#size;
  }

  /** Notes that the entry at (index, term) is somebody's write. Another one that waited at this index was cut. */
  add(index: Index, write: PendingWrite): void {
    if (this.#size === 0) {
      this.#slots = [];
      this.#head = 0;
      this.#first = index;
    }
    if (index < this.#first) {
      const gap = Array.from({ length: this.#first - index }, () => null);
      this.#slots = [...gap, ...this.#slots.slice(this.#head)];
      this.#head = 0;
      this.#first = index;
    }
    const at = this.#head + index - this.#first;
    while (this.#slots.length <= at) this.#slots.push(null);
    const cut = this.#take(at);
    this.#slots[at] = write;
    this.#size += 1;
    cut?.done(lost(index, "another entry took its place in this node's log", "unknown"));
  }

  #take(at: number): PendingWrite | null {
    const write = this.#slots[at] ?? null;
    if (write === null) return null;
    this.#slots[at] = null;
    this.#size -= 1;
    return write;
  }

  #at(index: Index): number {
    return index < this.#first ? -1 : this.#head + index - this.#first;
  }

  /** What the command of the write at (index, term) was decoded to; null if that is not known. */
  decoded(index: Index, term: Term): CommandEnvelope | null {
    const write = this.#slots[this.#at(index)] ?? null;
    return write !== null && write.term === term ? write.decoded : null;
  }

  /**
   * The entry at (index, term) was applied with this answer, which comes from the entry at `answeredIndex`: an earlier
   * one, if the command had been sent before.
   *
   * An entry of a later term proves more: terms never fall along the log, so a write of an earlier term at this index
   * or behind it can be committed by nobody any more.
   */
  applied(index: Index, term: Term, reply: unknown, answeredIndex: Index = index): void {
    const newTerm = term > this.#appliedTerm;
    if (newTerm) this.#appliedTerm = term;
    if (this.#size === 0) return;
    const write = this.#take(this.#at(index));
    this.#dropFront(index);
    if (write !== null) {
      if (write.term !== term) write.done(lost(index, "another entry was committed at its index", "not-done"));
      else if (reply instanceof DraftError) write.done(reply);
      else write.done({ index: answeredIndex, reply });
    }
    if (newTerm) this.#loseEarlier(index, term);
  }

  /** Gives back the slots of what is done, through `index` at most. */
  #dropFront(index: Index): void {
    while (this.#first <= index && this.#head < this.#slots.length && this.#slots[this.#head] === null) {
      this.#head += 1;
      this.#first += 1;
    }
    if (this.#head < SPARE_SLOTS || this.#head * 2 < this.#slots.length) return;
    this.#slots.splice(0, this.#head);
    this.#head = 0;
  }

  /** Takes out and ends those that `isOver` names. */
  #end(isOver: (index: Index, write: PendingWrite) => boolean, error: (index: Index) => DraftError): void {
    const ended: [Index, PendingWrite][] = [];
    for (let at = this.#head; at < this.#slots.length; at++) {
      const write = this.#slots[at] ?? null;
      const index = this.#first + at - this.#head;
      if (write === null || !isOver(index, write)) continue;
      this.#take(at);
      ended.push([index, write]);
    }
    for (const [index, write] of ended) write.done(error(index));
  }

  #loseEarlier(index: Index, term: Term): void {
    const isOver = (at: Index, write: PendingWrite): boolean => at >= index && write.term < term;
    this.#end(isOver, (at) => lost(at, `index ${index} was committed in the later term ${term}`, "not-done"));
  }

  /** Tells those whose time is up. Whether they will commit is not known. */
  expire(nowMs: number): void {
    const words = (index: Index): string => `the write at index ${index} was not committed in time: may still be`;
    this.#end((_, write) => write.deadlineMs <= nowMs, (index) => new DraftError("TIMEOUT", words(index)));
  }

  /** This node will not see what becomes of those behind `index`: it ends, or can take in no more of the log. */
  end(why: string, index: Index = 0): void {
    this.#end((at) => at > index, (index) => lost(index, why, "unknown"));
  }
}

function lost(index: Index, why: string, outcome: "unknown" | "not-done"): DraftError {
  return new DraftError("LOST", `the write at index ${index} was lost: ${why}`, { outcome });
}
