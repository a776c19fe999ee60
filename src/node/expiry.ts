/** Looks now and then whether the time of a request is up, as long as there is one that waits. */
import type { Clock } from "../host/host.ts";
import type { Group } from "./group.ts";

/** How often, in milliseconds. */
const INTERVAL_MS = 50;

/** The requests of all groups of a node. */
export class Expiry {
  readonly #clock: Clock;
  readonly #groups: () => Iterable<Group>;
  readonly #wake: () => void;
  #looking = false;
  #stopped = false;

  /** @param wake called while somebody waits, each time that was looked */
  constructor(clock: Clock, groups: () => Iterable<Group>, wake: () => void) {
    this.#clock = clock;
    this.#groups = groups;
    this.#wake = wake;
  }

  /** A request was taken in. */
  watch(): void {
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    this.#clock.setTimer(INTERVAL_MS, () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
  }

  #look(): void {
    this.#looking = false;
    if (this.#stopped) return;
    const nowMs = this.#clock.monotonicMs();
    let waiting = false;
    for (const group of this.#groups()) {
      group.expire(nowMs);
      waiting ||= group.isWaitedFor;
    }
    if (waiting) this.#wake();
  }
}
