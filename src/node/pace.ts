/**
 * Lets work in pieces rest between them, so that the loop is for the most part others' meanwhile: a snapshot that is
 * encoded as fast as it can be takes all of a processor for seconds, and each write waits behind each piece.
 */
import type { Done, Task } from "../base/task.ts";
import { wait } from "../base/task.ts";
import type { Clock, Timer } from "../host/host.ts";

/** Rest for each millisecond of work: four of five milliseconds are others'. */
const REST_PER_WORK = 4;

/** A rest, at least and at most, in milliseconds: a machine that took very long over one piece is not waited for as long. */
const REST_MS_MIN = 1;
const REST_MS_MAX = 200;

/** The rests of one task. */
export class Pace {
  readonly #clock: Clock;
  #resting: { readonly timer: Timer; readonly done: Done<void> } | null = null;
  #hasEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Rests behind a piece.
   *
   * @param workedMs what the piece took, in milliseconds
   * @param haste 0: there is time; 1 and above: none at all
   */
  *rest(workedMs: number, haste: number): Task<void> {
    if (haste >= 1 || this.#hasEnded) return;
    const restMs = Math.max(REST_MS_MIN, Math.min(REST_MS_MAX, workedMs * REST_PER_WORK * (1 - haste)));
    yield* wait<void>((done) => {
      const timer = this.#clock.setTimer(restMs, () => this.#wake());
      this.#resting = { timer, done };
    });
  }

  /** Nobody rests any more. */
  end(): void {
    this.#hasEnded = true;
    this.#resting?.timer.cancel();
    this.#wake();
  }

  #wake(): void {
    const resting = this.#resting;
    this.#resting = null;
    resting?.done(null, undefined);
  }
}
