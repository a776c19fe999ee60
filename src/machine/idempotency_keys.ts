/**
 * Writes that are done once under a key of their own, without a session: by whoever sends one again, on whichever node,
 * minutes later. Part of the table of sessions, and like that changed by entries alone. A key that was used stays for its
 * time; when there are as many as there may be, others are refused, for one that made room would be a write done twice.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { foldCount, foldText, foldValue } from "./digest.ts";
import { answerFrom, type Found, type Kept, keptBytes, KeptError, NOT_KEPT } from "./kept_answer.ts";
import type { SessionLimits } from "./session_limits.ts";

/** One key that was used. */
export interface UsedKey {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Of the entry that ran the command, whose payload has this sum. */
  readonly index: number;
  readonly payloadSum: number;
  /** Log time of that entry. */
  readonly usedMs: number;
  readonly kept: Kept;
}

/** The keys of one group. */
export class IdempotencyKeys {
  readonly #limits: SessionLimits;
  /** In the order of their use, which is that of log time. */
  readonly #used: Map<string, UsedKey> = new Map();
  #answerBytes = 0;
  /** Use: log time at which the oldest goes. */
  #dueMs = Number.POSITIVE_INFINITY;
  #running: Omit<UsedKey, "kept" | "index"> | null = null;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** Keys that are kept. */
  get count(): number {
    return this.#used.size;
  }

  /** Whether a command was let through whose answer is still to be kept. */
  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Bytes that are left for answers. */
  get roomBytes(): number {
    return this.#limits.keyAnswersBytesMax - this.#answerBytes;
  }

  /** Log time at which the oldest key goes and makes room; null while there is some. */
  get fullUntilMs(): number | null {
    return this.#used.size < this.#limits.keysMax ? null : this.#dueMs;
  }

  /** When there is room for another key, in log time; null if there is some, or if this one is there. */
  fullUntil(id: string): number | null {
    return this.#used.has(id) ? null : this.fullUntilMs;
  }

  /** The keys that are kept, the longest unused first. */
  all(): Iterable<UsedKey> {
    return this.#used.values();
  }

  /** Log time has come to `timeMs`: drops what was kept for long enough. */
  expire(timeMs: number): void {
    if (timeMs < this.#dueMs) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const key of this.#used.values()) {
      const dueMs = key.usedMs + this.#limits.keyMs;
      if (dueMs > timeMs) {
        this.#dueMs = dueMs;
        return;
      }
      this.#used.delete(key.id);
      this.#answerBytes -= keptBytes(key.kept);
    }
  }

  /** As `Sessions.admit`, of a command under a key. */
  admit(id: string, payloadSum: number, timeMs: number): Found | null {
    const used = this.#used.get(id);
    if (used !== undefined) {
      if (used.payloadSum === payloadSum) return { answer: answerFrom(used.kept), index: used.index };
      return { answer: new DraftError("REJECTED", `this key was used for another write, at index ${used.index}: give each write one of its own`), index: 0 };
    }
    if (this.#used.size >= this.#limits.keysMax) {
      return { answer: new DraftError("LOST", `${this.#limits.keysMax} keys are kept already: send it again later`, { outcome: "not-done" }), index: 0 };
    }
    this.#running = { id, payloadSum, usedMs: timeMs };
    return null;
  }

  /** What the command answered that was let through. */
  keep(index: number, kept: Kept): void {
    assert(this.#running !== null, "a command was let through", index);
    this.restore({ ...this.#running, index, kept });
    this.#running = null;
  }

  /** Takes in a key as the one used last. */
  restore(key: UsedKey): void {
    this.#used.set(key.id, key);
    this.#answerBytes += keptBytes(key.kept);
    this.#dueMs = Math.min(this.#dueMs, key.usedMs + this.#limits.keyMs);
  }

  /** Folds all that it holds. */
  fold(digest: number): number {
    let folded = digest;
    for (const { id, index, payloadSum, usedMs, kept } of this.#used.values()) {
      folded = foldCount(foldCount(foldCount(foldText(folded, id), index), payloadSum), usedMs);
      folded = kept === NOT_KEPT ? foldText(folded, "not kept") : foldValue(folded, kept instanceof KeptError ? [kept.bytes] : kept);
    }
    return folded;
  }
}
