/**
 * Simulated time: a queue of moments, each with what happens then. The same order of calls gives the same order of
 * events on every runtime: ties are broken by the order in which they were asked for.
 */
import type { Clock, Timer } from "../host/host.ts";

interface Moment {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

/** A queue of future events, and the clocks that read it. */
export class Scheduler {
  #heap: Moment[] = [];
  #order = 0;
  nowMs = 0;
  /** Events that were run. */
  events = 0;

  /** Runs `run` when `delayMs` of simulated time have passed. */
  after(delayMs: number, run: () => void): Timer {
    const moment: Moment = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#heap.push(moment);
    this.#siftUp(this.#heap.length - 1);
    return {
      cancel: () => {
        moment.run = null;
      },
    };
  }

  /** Runs the next event; false if there is none, or none up to `untilMs`. */
  step(untilMs: number = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const moment = this.#heap[0];
      if (moment === undefined || moment.atMs > untilMs) return false;
      this.#pop();
      const run = moment.run;
      if (run === null) continue;
      this.nowMs = moment.atMs;
      this.events += 1;
      run();
      return true;
    }
  }

  /** Runs events until `untilMs`, at most `eventsMax` of them, and sets the time to `untilMs` if none is left before. */
  runUntil(untilMs: number, eventsMax: number = 10_000_000): void {
    for (let i = 0; i < eventsMax; i++) {
      if (!this.step(untilMs)) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return;
      }
    }
    throw new Error(`more than ${eventsMax} events before ${untilMs} ms of simulated time`);
  }

  /** A clock that shows this time. `wallStartMs` is the wall clock at the start of the simulation. */
  clock(wallStartMs: number): Clock {
    return {
      monotonicMs: () => this.nowMs,
      wallMs: () => wallStartMs + Math.floor(this.nowMs),
      setTimer: (delayMs, fire) => this.after(delayMs, fire),
      soon: (run) => {
        this.after(0, run);
      },
    };
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at]!, heap[parent]!)) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return;
    heap[0] = last;
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      }
      if (least === at) return;
      [heap[at], heap[least]] = [heap[least]!, heap[at]!];
      at = least;
    }
  }
}

function before(a: Moment, b: Moment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
