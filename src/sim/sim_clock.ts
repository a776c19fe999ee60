/**
 * The clocks of one simulated machine: a monotonic one that runs a little too fast or too slow, and a wall clock that
 * was set wrong and may be set anew at any time.
 */
import type { Clock } from "../host/host.ts";
import type { Scheduler } from "./scheduler.ts";

/** Less than a clock can tell, more than what is lost by rounding. */
const ROUNDING_MS = 1e-6;

/** What the wall clocks of a simulation begin with. */
export const WALL_START_MS = 1_700_000_000_000;

/** How the clocks of a machine differ from true time. */
export interface ClockFault {
  /** How much faster the machine's clock runs, as a part of one: 1e-4 gains a tenth of a millisecond a second. */
  readonly drift: number;
  /** How far the wall clock is ahead at the start, in milliseconds. */
  readonly wallOffsetMs: number;
}

/** Hardware: it runs on while processes come and go. */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #rate: number;
  #wallOffsetMs: number;

  constructor(scheduler: Scheduler, fault: ClockFault = { drift: 0, wallOffsetMs: 0 }) {
    this.#scheduler = scheduler;
    this.#rate = 1 + fault.drift;
    this.#wallOffsetMs = fault.wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs * this.#rate;
  }

  wallMs(): number {
    return WALL_START_MS + this.#wallOffsetMs + Math.floor(this.monotonicMs());
  }

  /** Sets the wall clock forward, or back. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  setTimer(delayMs: number, fire: () => void): ReturnType<Clock["setTimer"]> {
    // A timer never fires before its time, not even by a rounding.
    return this.#scheduler.after(delayMs / this.#rate + ROUNDING_MS, fire);
  }

  soon(run: () => void): void {
    this.#scheduler.after(0, run);
  }
}
