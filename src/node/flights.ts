/**
 * When gathered proposals leave as one batch. While two batches are on their way to a quorum the next one gathers, so
 * that a batch is what arrived meanwhile and its cost (a message and a sync on each member, a write to each client) is
 * shared by many. Where the way itself is long a batch leaves all the same, after a short while.
 */
import type { Index } from "../raft/types.ts";

/** Batches on their way before the next one waits. */
const FLIGHTS_MAX = 2;

/** A batch waits no longer than this for those before it, in milliseconds. */
const WAIT_MS_MAX = 2;

/** The batches of one group that are proposed and not committed. */
export class Flights {
  /** Last index of each. */
  #flights: Index[] = [];
  #leftMs = Number.NEGATIVE_INFINITY;

  /** A batch that ends with `lastIndex` left. */
  left(lastIndex: Index, nowMs: number): void {
    this.#flights.push(lastIndex);
    this.#leftMs = nowMs;
  }

  /** For how long the next batch has to gather; 0: it may leave now. Negative waits do not exist. */
  waitMs(commitIndex: Index, nowMs: number): number {
    while ((this.#flights[0] ?? Number.POSITIVE_INFINITY) <= commitIndex) this.#flights.shift();
    if (this.#flights.length < FLIGHTS_MAX) return 0;
    return Math.max(0, this.#leftMs + WAIT_MS_MAX - nowMs);
  }

  /** This node leads no more: what was on its way is the next leader's. */
  clear(): void {
    this.#flights = [];
  }
}
