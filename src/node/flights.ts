/**
 * When gathered proposals leave as one batch. While two batches are on their way to a quorum the next one gathers, so
 * that a batch is what arrived meanwhile and its cost (a message and a sync on each member, a write to each client) is
 * shared by many. Where the way itself is long a batch leaves all the same, after a short while.
 */
import type { Index } from "../raft/types.ts";

/** Batches on their way before the next one waits. */
const FLIGHTS_MAX = 1;

/**
 * A batch follows one that is on its way once it has half as many entries. Else small batches would travel between
 * large ones for ever, each at the cost of a large one: who is answered together asks together.
 */
const SHARE_MIN = 0.5;

/** A batch waits no longer than this for those before it, in milliseconds. */
const WAIT_MS_MAX = 2;

/** The batches of one group that are proposed and not committed. */
export class Flights {
  #flights: { readonly lastIndex: Index; readonly entries: number }[] = [];
  #leftMs = Number.NEGATIVE_INFINITY;

  /** A batch that ends with `lastIndex` left. */
  left(batch: { readonly lastIndex: Index; readonly entries: number }, nowMs: number): void {
    this.#flights.push(batch);
    this.#leftMs = nowMs;
  }

  /** For how long a batch of `entries` has to gather, in milliseconds; 0: it may leave now. */
  waitMs(entries: number, commitIndex: Index, nowMs: number): number {
    const flights = this.#flights;
    while (flights.length > 0 && (flights[0]?.lastIndex ?? 0) <= commitIndex) flights.shift();
    const last = flights.at(-1);
    if (last === undefined) return 0;
    if (flights.length < FLIGHTS_MAX && entries >= last.entries * SHARE_MIN) return 0;
    return Math.max(0, this.#leftMs + WAIT_MS_MAX - nowMs);
  }

  /** This node leads no more: what was on its way is the next leader's. */
  clear(): void {
    this.#flights = [];
  }
}
