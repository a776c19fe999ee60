/** How often durations fell between bounds: a histogram for the hot path, where one costs a look at its bounds and an addition. */

/** Upper bounds in milliseconds: from a turn of the loop to a disk that hangs. */
export const LATENCY_BOUNDS_MS: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** Counts that only grow. */
export class Buckets {
  /** Upper bounds in milliseconds, rising. */
  readonly boundsMs: readonly number[];
  /** Durations up to each bound and above the one before it; one more: those above the last. */
  readonly counts: number[];
  /** Of all durations, in milliseconds. */
  sumMs = 0;

  constructor(boundsMs: readonly number[] = LATENCY_BOUNDS_MS) {
    this.boundsMs = boundsMs;
    this.counts = [...boundsMs.map(() => 0), 0];
  }

  /** Counts a duration, `times` times. */
  add(durationMs: number, times: number = 1): void {
    const { boundsMs, counts } = this;
    let at = 0;
    while (at < boundsMs.length && durationMs > boundsMs[at]!) at += 1;
    counts[at]! += times;
    this.sumMs += durationMs * times;
  }
}
