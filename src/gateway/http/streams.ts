/** Answers whose end is open. Each holds its connection, so there are so many at once and no more. */
import { DraftError } from "../../base/errors.ts";

/** Half of all connections that a node takes. */
export const STREAMS_MAX = 5000;

const BUSY_RETRY_MS = 1000;

/** Counts those that are under way. */
export class Streams {
  readonly #max: number;
  #open = 0;

  constructor(max: number = STREAMS_MAX) {
    this.#max = max;
  }

  /** How many are under way. */
  get open(): number {
    return this.#open;
  }

  /** Another one. It is to be called, once, when that one ends. @throws DraftError BUSY */
  begin(): () => void {
    if (this.#open >= this.#max) throw new DraftError("BUSY", `${this.#max} streams are open on this node: ask another`, { retryAfterMs: BUSY_RETRY_MS });
    this.#open += 1;
    let isOver = false;
    return () => {
      if (!isOver) this.#open -= 1;
      isOver = true;
    };
  }
}
