/**
 * Writes that were given an index and wait for their outcome. From here on only the log decides: what `apply` returned,
 * TIMEOUT, or LOST (promise 10). A change of leader decides nothing, for the entry may commit all the same.
 */
import { DraftError } from "../base/errors.ts";
import type { Index, Term } from "../raft/types.ts";
import type { AnswerDone } from "./node_api.ts";

/** One write that waits. */
interface PendingWrite {
  readonly term: Term;
  readonly deadlineMs: number;
  readonly done: AnswerDone;
}

/** The writes of one group, by index. */
export class PendingWrites {
  readonly #writes: Map<Index, PendingWrite> = new Map();
  #highest: Index = 0;
  /** The latest term that an applied entry bore. */
  #appliedTerm: Term = 0;

  get size(): number {
    return this.#writes.size;
  }

  /** Notes that the entry at (index, term) is somebody's write. Another one that waited at this index was cut. */
  add(index: Index, write: PendingWrite): void {
    this.#writes.get(index)?.done(lost(index, "another entry took its place in this node's log", "unknown"));
    this.#writes.set(index, write);
    if (index > this.#highest) this.#highest = index;
  }

  /**
   * The entry at (index, term) was applied with this answer.
   *
   * An entry of a later term proves more: terms never fall along the log, so a write of an earlier term at this index
   * or behind it can be committed by nobody any more.
   */
  applied(index: Index, term: Term, reply: unknown): void {
    const newTerm = term > this.#appliedTerm;
    if (newTerm) this.#appliedTerm = term;
    if (this.#writes.size === 0) return;
    const write = this.#writes.get(index);
    if (write !== undefined) {
      this.#writes.delete(index);
      if (write.term === term) {
        if (reply instanceof DraftError) write.done(reply);
        else write.done({ index, reply });
      } else write.done(lost(index, "another entry was committed at its index", "not-done"));
    }
    if (newTerm && this.#highest > index) this.#loseEarlier(index, term);
  }

  #loseEarlier(index: Index, term: Term): void {
    for (const [at, write] of this.#writes) {
      if (at < index || write.term >= term) continue;
      this.#writes.delete(at);
      write.done(lost(at, `index ${index} was committed in the later term ${term}`, "not-done"));
    }
  }

  /** Tells those whose time is up. Whether they will commit is not known. */
  expire(nowMs: number): void {
    for (const [index, write] of this.#writes) {
      if (write.deadlineMs > nowMs) continue;
      this.#writes.delete(index);
      write.done(new DraftError("TIMEOUT", `the write at index ${index} was not committed in time: may still be`));
    }
  }

  /** This node will not see what becomes of them: it ends, or can take in no more of the log. */
  end(why: string): void {
    const writes = [...this.#writes];
    this.#writes.clear();
    for (const [index, write] of writes) write.done(lost(index, why, "unknown"));
  }
}

function lost(index: Index, why: string, outcome: "unknown" | "not-done"): DraftError {
  return new DraftError("LOST", `the write at index ${index} was lost: ${why}`, { outcome });
}
