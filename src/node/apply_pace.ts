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

  /** So many entries took so long, in milliseconds. */
  took(entries: number, ms: number): void {
    assert(entries > 0 && ms >= 0, "time passed over entries", entries, ms);
    this.#msPerEntry += (ms / entries - this.#msPerEntry) * WEIGHT;
  }

  /** How long so many will take, in milliseconds. */
  msFor(entries: number): number {
    return entries * this.#msPerEntry;
  }
}
