/**
 * When gathered proposals leave as one batch. While a batch is on its way to a quorum the next one gathers, so that a
 * batch is what arrived meanwhile and its cost (a message and a sync on each member, a write to each client) is shared
 * by many: two at a time were no faster, and bunched into small ones between large ones. Where the way itself is long
 * a batch leaves all the same, after a short while.
 */
import type { Clock } from "../host/host.ts";
import type { RaftState } from "../raft/state.ts";
import type { Index } from "../raft/types.ts";

/** A batch waits no longer than this for the one before it, in milliseconds. */
const WAIT_MS_MAX = 2;

/** The batches of one group. */
export class Flights {
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #wake: () => void;
  /** Last index of the newest batch that left. */
  #lastIndex: Index = 0;
  #leftMs = Number.NEGATIVE_INFINITY;
  /** A timer is set for the proposals that gather. */
  #waiting = false;

  /** @param wake asks for a turn: what gathered may leave */
  constructor(clock: Pick<Clock, "setTimer">, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** A batch that ends with `lastIndex` left. */
  left(lastIndex: Index, nowMs: number): void {
    this.#lastIndex = lastIndex;
    this.#leftMs = nowMs;
  }

  /** Whether what gathered goes now; if not, a turn comes when it may. One that does not lead refuses it at once. */
  mayLeave(state: Pick<RaftState, "role" | "commitIndex">, nowMs: number): boolean {
    if (state.role !== "leader") this.#lastIndex = 0;
    if (this.#lastIndex <= state.commitIndex) return true;
    const waitMs = this.#leftMs + WAIT_MS_MAX - nowMs;
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
}
