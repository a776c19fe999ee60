/**
 * How long the event loop stays away: a timer that asks to be called soon again and again, and counts how long each time
 * took. While the loop stands (one long task, the garbage collector, a paused process) nothing is read, answered or
 * sent, so a gap bounds from above what any request waited for the loop. The runtimes' own meters do not agree: that of
 * Deno 2.9 sees nothing of a busy loop.
 */
import { Buckets } from "../base/buckets.ts";
import type { Clock, Timer } from "../host/host.ts";
import type { LoopStatus } from "../net/client_answers.ts";

/** Between two looks, in milliseconds: the shortest gap there is. */
const LOOK_MS = 10;

/** Upper bounds of the counts, in milliseconds; what is longer is counted behind the last. */
const BOUNDS_MS: readonly number[] = [15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1000, 2000];

/** Measures the loop that it was made on, until it is stopped. */
export class LoopGaps {
  readonly #clock: Clock;
  readonly #gaps: Buckets = new Buckets(BOUNDS_MS);
  #longestMs = 0;
  #lastMs: number;
  #timer: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastMs = clock.monotonicMs();
    this.#timer = this.#arm();
  }

  /** What was counted so far. */
  read(): LoopStatus {
    const { boundsMs, counts, sumMs } = this.#gaps;
    return { boundsMs, counts: [...counts], sumMs: Math.round(sumMs), longestMs: Math.round(this.#longestMs * 10) / 10 };
  }

  stop(): void {
    this.#timer.cancel();
  }

  #arm(): Timer {
    return this.#clock.setTimer(LOOK_MS, () => {
      const nowMs = this.#clock.monotonicMs();
      const gapMs = nowMs - this.#lastMs;
      this.#lastMs = nowMs;
      this.#gaps.add(gapMs);
      this.#longestMs = Math.max(this.#longestMs, gapMs);
      this.#timer = this.#arm();
    });
  }
}
