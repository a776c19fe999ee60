/**
 * When gathered proposals leave as one batch. While two batches are on their way to a quorum the next one gathers, so
 * that a batch is what arrived meanwhile and its cost (a message and a sync on each member, a write to each client) is
 * shared by many. Where the way itself is long a batch leaves all the same, after a short while.
 */
import type { Clock } from "../host/host.ts";
import type { RaftState } from "../raft/state.ts";
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
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #wake: () => void;
  #flights: { readonly lastIndex: Index; readonly entries: number }[] = [];
  #leftMs = Number.NEGATIVE_INFINITY;
  /** A timer is set for the proposals that gather. */
  #waiting = false;

  /** @param wake asks for a turn: what gathered may leave */
  constructor(clock: Pick<Clock, "setTimer">, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** A batch that ends with `lastIndex` left. */
  left(batch: { readonly lastIndex: Index; readonly entries: number }, nowMs: number): void {
    this.#flights.push(batch);
    this.#leftMs = nowMs;
  }

  /** Whether the `entries` that gathered go now; if not, a turn comes when they may. Who does not lead refuses them at once. */
  mayLeave(entries: number, state: Pick<RaftState, "role" | "commitIndex">, nowMs: number): boolean {
    if (state.role !== "leader") {
      this.#flights = [];
      return true;
    }
    const waitMs = this.#waitMs(entries, state.commitIndex, nowMs);
    if (waitMs <= 0) return true;
    if (!this.#waiting) {
      this.#waiting = true;
      this.#clock.setTimer(waitMs, () => {
        this.#waiting = false;
        this.#wake();
      });
    }
    return false;
  }

  #waitMs(entries: number, commitIndex: Index, nowMs: number): number {
    const flights = this.#flights;
    while (flights.length > 0 && (flights[0]?.lastIndex ?? 0) <= commitIndex) flights.shift();
    const last = flights.at(-1);
    if (last === undefined) return 0;
    if (flights.length < FLIGHTS_MAX && entries >= last.entries * SHARE_MIN) return 0;
    return this.#leftMs + WAIT_MS_MAX - nowMs;
  }
}
