/**
 * One session: which of its commands were run, and what they answered. It remembers a window of sequences that slides
 * up, never down; what lies below is refused for ever, whatever became of it.
 */
import { assert } from "../base/assert.ts";
import { foldCount, foldText, foldValue } from "./digest.ts";
import { type Kept, keptBytes, KeptError, NOT_KEPT } from "./kept_answer.ts";
import { SESSION_LIMITS, type SessionLimits } from "./session_limits.ts";

/** Sequences that a session remembers, and a client may have under way. */
export const WINDOW: number = SESSION_LIMITS.window;

/** What a session and a command of its window are counted with, besides names and answers: about what they take in memory. */
export const SESSION_COST_BYTES = 512;
export const COMMAND_COST_BYTES = 96;

const SLOTS_LEAST = 8;

/** Stands in a slot whose command was not run. */
const OPEN = undefined;

/** A command that was run. */
export interface RunCommand {
  readonly sequence: number;
  readonly index: number;
  readonly payloadSum: number;
  readonly kept: Kept;
}

/** One session. */
export class Session {
  readonly id: string;
  /** Who opened it; empty while nobody has to prove who he is. */
  readonly principal: string;
  /** Each command runs only behind the one before it. */
  readonly ordered: boolean;
  /** Index of the entry that opened it. */
  readonly openedIndex: number;
  /** Log time of its last entry. */
  usedMs: number;
  /** Use: sequences below are refused. Invariant: `last - answeredBelow < window`. */
  answeredBelow = 1;
  /** The highest sequence that was run, or given up by the window; 0: none. */
  last = 0;
  /** What it is counted with. */
  bytes: number;
  /** The turn of the table in which it last changed; see `Sessions.nextTurn`. */
  turn = 0;
  /** Neighbours in the order of use. */
  older: Session | null = null;
  newer: Session | null = null;
  readonly #limits: SessionLimits;
  /** Of these `bytes` those of answers. */
  #answerBytes = 0;
  /** Slot of a sequence is its remainder by their number, a power of two. */
  #kept: (Kept | undefined)[] = [];
  #sums: number[] = [];
  #indexes: number[] = [];

  constructor(options: Pick<Session, "id" | "principal" | "ordered" | "openedIndex" | "usedMs">, limits: SessionLimits = SESSION_LIMITS) {
    this.#limits = limits;
    this.id = options.id;
    this.principal = options.principal;
    this.ordered = options.ordered;
    this.openedIndex = options.openedIndex;
    this.usedMs = options.usedMs;
    this.bytes = SESSION_COST_BYTES + this.principal.length;
    this.#resize(SLOTS_LEAST);
  }

  /** Bytes that are left for answers. */
  get roomBytes(): number {
    return this.#limits.answersBytesMax - this.#answerBytes;
  }

  /** Commands that it has memory for. */
  get slots(): number {
    return this.#kept.length;
  }

  /** Whether the command of this sequence was run. */
  has(sequence: number): boolean {
    return sequence >= this.answeredBelow && sequence <= this.last && this.#kept[this.#slot(sequence)] !== OPEN;
  }

  /** The command that was run as `sequence`. */
  at(sequence: number): RunCommand {
    const slot = this.#slot(sequence);
    const kept = this.#kept[slot];
    assert(kept !== OPEN, "the command was run", sequence, this.last);
    return { sequence, index: this.#indexes[slot]!, payloadSum: this.#sums[slot]! >>> 0, kept: kept as Kept };
  }

  /** All commands of the window that were run, by sequence. */
  *commands(): Generator<RunCommand> {
    for (let sequence = this.answeredBelow; sequence <= this.last; sequence++) if (this.has(sequence)) yield this.at(sequence);
  }

  /** Notes that the command of `sequence`, within the window, was run. */
  add({ sequence, index, payloadSum, kept }: RunCommand): void {
    assert(sequence >= this.answeredBelow && sequence < this.answeredBelow + this.#limits.window, "a command lies in the window", sequence, this.answeredBelow);
    if (sequence > this.last) {
      this.last = sequence;
      const span = sequence - this.answeredBelow + 1;
      let slots = this.#kept.length;
      while (slots < span) slots *= 2;
      if (slots > this.#kept.length) this.#resize(slots);
    }
    const slot = this.#slot(sequence);
    assert(this.#kept[slot] === OPEN, "a command runs once", sequence, index);
    this.#kept[slot] = kept;
    // Signed, for that is a small number to every engine.
    this.#sums[slot] = payloadSum | 0;
    this.#indexes[slot] = index;
    const bytes = keptBytes(kept);
    this.#answerBytes += bytes;
    this.bytes += COMMAND_COST_BYTES + bytes;
  }

  /** Forgets what lies below `sequence`. */
  forgetBelow(sequence: number): void {
    const end = Math.min(sequence, this.last + 1);
    for (let at = this.answeredBelow; at < end; at++) this.#forget(this.#slot(at));
    this.answeredBelow = sequence;
    this.last = Math.max(this.last, sequence - 1);
    const span = this.last - sequence + 1;
    // A quarter full: a window that breathes is not copied again and again.
    let slots = this.#kept.length;
    while (slots > SLOTS_LEAST && span * 4 <= slots) slots /= 2;
    if (slots < this.#kept.length) this.#resize(slots);
  }

  #forget(slot: number): void {
    const kept = this.#kept[slot];
    if (kept === OPEN) return;
    this.#kept[slot] = OPEN;
    const bytes = keptBytes(kept);
    this.#answerBytes -= bytes;
    this.bytes -= COMMAND_COST_BYTES + bytes;
  }

  #slot(sequence: number): number {
    return sequence % this.#kept.length;
  }

  #resize(slots: number): void {
    const old = { kept: this.#kept, sums: this.#sums, indexes: this.#indexes };
    this.#kept = Array.from({ length: slots }, () => OPEN);
    this.#sums = Array.from({ length: slots }, () => 0);
    this.#indexes = Array.from({ length: slots }, () => 0);
    for (let at = this.answeredBelow; at <= this.last; at++) {
      const from = at % old.kept.length;
      // A window that grows has just moved `last` up, beyond what the old slots held.
      if (at - this.answeredBelow >= old.kept.length || old.kept[from] === OPEN) continue;
      const to = this.#slot(at);
      this.#kept[to] = old.kept[from];
      this.#sums[to] = old.sums[from]!;
      this.#indexes[to] = old.indexes[from]!;
    }
  }

  /** Folds all that it holds. */
  fold(digest: number): number {
    let folded = foldText(foldText(digest, this.id), this.principal);
    for (const count of [this.ordered ? 1 : 0, this.openedIndex, this.usedMs, this.answeredBelow, this.last]) folded = foldCount(folded, count);
    for (const { sequence, index, payloadSum, kept } of this.commands()) {
      folded = foldCount(foldCount(foldCount(folded, sequence), index), payloadSum);
      folded = kept === NOT_KEPT ? foldText(folded, "not kept") : foldValue(folded, kept instanceof KeptError ? [kept.bytes] : kept);
    }
    return folded;
  }
}
