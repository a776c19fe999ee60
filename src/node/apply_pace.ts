/**
 * How fast the machine takes entries in, as far as it did lately: so that a leader tells how long what it was given
 * already will keep the machine busy, and refuses more in time. How long the oldest entry has waited would tell too late:
 * at ten times the load nine parts of ten stand behind it by then.
 */
import { assert } from "../base/assert.ts";

/** How much the newest page counts. */
const WEIGHT = 0.2;

/** The pace of one machine. */
export class ApplyPace {
  #msPerEntry = 0;
  /** Of the two pages before. */
  #before = 0;
  #beforeThat = 0;

  /**
   * A page of so many entries took so long, in milliseconds. What counts is the middle one of the last three pages: one
   * during which the process was stopped, or its memory tidied up, says nothing of the machine.
   */
  took(entries: number, ms: number): void {
    assert(entries > 0 && ms >= 0, "time passed over entries", entries, ms);
    const newest = ms / entries;
    this.#msPerEntry += (middleOf(newest, this.#before, this.#beforeThat) - this.#msPerEntry) * WEIGHT;
    this.#beforeThat = this.#before;
    this.#before = newest;
  }

  /** How long so many will take, in milliseconds. */
  msFor(entries: number): number {
    return entries * this.#msPerEntry;
  }
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
