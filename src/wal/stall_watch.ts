/** Watches one kind of work: tells when it made no progress for too long, and when it goes on. Sets no timer while nothing is under way. */
import type { Clock, Timer } from "../host/host.ts";

export class StallWatch {
  #clock: Clock;
  #stallMs: number;
  #isWorking: () => boolean;
  #onStall: (isStalled: boolean) => void;
  #progressMs = 0;
  #timer: Timer | null = null;
  #isStalled = false;

  constructor(clock: Clock, stallMs: number, isWorking: () => boolean, onStall: (isStalled: boolean) => void) {
    this.#clock = clock;
    this.#stallMs = stallMs;
    this.#isWorking = isWorking;
    this.#onStall = onStall;
  }

  /** Work begins. */
  begin(): void {
    this.progressed();
    if (this.#timer === null) this.#set(this.#stallMs);
  }

  /** One step of it is done. */
  progressed(): void {
    this.#progressMs = this.#clock.monotonicMs();
    if (!this.#isStalled) return;
    this.#isStalled = false;
    this.#onStall(false);
  }

  #set(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => this.#look());
  }

  /** Watches no more: a timer that is left would keep the process. */
  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    this.#timer = null;
    if (!this.#isWorking()) return;
    const quietMs = this.#clock.monotonicMs() - this.#progressMs;
    // At least a millisecond: a remainder of rounding would be no delay at all, again and again.
    if (quietMs < this.#stallMs) return this.#set(Math.max(1, this.#stallMs - quietMs));
    if (!this.#isStalled) {
      this.#isStalled = true;
      this.#onStall(true);
    }
    this.#set(this.#stallMs);
  }
}
