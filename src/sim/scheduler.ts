/**
 * Simulated time: a queue of moments, each with what happens then. The same order of calls gives the same order of
 * events on every runtime: ties are broken by the order in which they were asked for.
 */
import type { Clock, Timer } from "../host/host.ts";

/** Something that will happen; as a timer it can be cancelled. */
class Moment implements Timer {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;

  constructor(atMs: number, order: number, run: () => void) {
    this.atMs = atMs;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

/** A queue of future events, and the clocks that read it. */
export class Scheduler {
  readonly #heap: Moment[] = [];
  /** What happens at the time that it is now, in order: most of all events, which need no heap. */
  #soon: Moment[] = [];
  #soonAt = 0;
  #order = 0;
  nowMs = 0;
  /** Events that were run. */
  events = 0;

  /** Runs `run` when `delayMs` of simulated time have passed. */
  after(delayMs: number, run: () => void): Timer {
    const moment = new Moment(this.nowMs + Math.max(0, delayMs), this.#order++, run);
    if (moment.atMs === this.nowMs) {
      this.#soon.push(moment);
    } else {
      this.#heap.push(moment);
      this.#siftUp(this.#heap.length - 1);
    }
    return moment;
  }

  /** Runs the next event; false if there is none, or none up to `untilMs`. */
  step(untilMs: number = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const moment = this.#next(untilMs);
      if (moment === null) return false;
      const { run } = moment;
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

  /** Events that still lie ahead. */
  get pending(): number {
    let count = 0;
    for (const { run } of this.#heap) if (run !== null) count += 1;
    for (let at = this.#soonAt; at < this.#soon.length; at++) if ((this.#soon[at] as Moment).run !== null) count += 1;
    return count;
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

  /** Takes the next moment out of the queues. */
  #next(untilMs: number): Moment | null {
    const soon = this.#soon[this.#soonAt];
    const late = this.#heap[0];
    if (soon !== undefined && (late === undefined || before(soon, late))) {
      if (soon.atMs > untilMs) return null;
      this.#soonAt += 1;
      if (this.#soonAt === this.#soon.length) {
        this.#soon = [];
        this.#soonAt = 0;
      }
      return soon;
    }
    if (late === undefined || late.atMs > untilMs) return null;
    this.#pop();
    return late;
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const moving = heap[from] as Moment;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Moment;
      if (!before(moving, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = moving;
  }

  #pop(): void {
    const heap = this.#heap;
    const moving = heap.pop() as Moment;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && before(heap[child + 1] as Moment, heap[child] as Moment)) child += 1;
      const below = heap[child] as Moment;
      if (!before(below, moving)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = moving;
  }
}

function before(a: Moment, b: Moment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
