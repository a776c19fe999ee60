/**
 * When the entries of late were handed to the core, durable here, committed and applied: what latencies are counted by, and
 * what a write is told of itself. The entries of one step are one flight; what is kept of flights is a ring of numbers.
 */
import type { Buckets } from "../base/buckets.ts";
import type { Index } from "../raft/types.ts";

/** Flights that are remembered. */
const FLIGHTS_MAX = 1024;

/** When an entry came where it is, by the monotonic clock of this node; NaN: it has not. */
export interface EntryTimes {
  readonly proposedMs: number;
  readonly durableMs: number;
  readonly committedMs: number;
  readonly appliedMs: number;
}

/** One step that every entry takes. */
class Stage {
  readonly atMs: Float64Array = new Float64Array(FLIGHTS_MAX);
  /** Use: the first flight that has not come here. */
  next = 0;
}

/** The flights of one leader. */
export class WriteFlights {
  readonly #lastIndex: Float64Array = new Float64Array(FLIGHTS_MAX);
  readonly #entries: Uint32Array = new Uint32Array(FLIGHTS_MAX);
  readonly #proposedMs: Float64Array = new Float64Array(FLIGHTS_MAX);
  readonly #durable: Stage = new Stage();
  readonly #committed: Stage = new Stage();
  readonly #applied: Stage = new Stage();
  /** Flights so far; the first that counts is `#first`. */
  #count = 0;
  #first = 0;

  /** This node leads no longer, and hears of nobody's entries by their flights. */
  end(): void {
    this.#first = this.#count;
    for (const stage of [this.#durable, this.#committed, this.#applied]) stage.next = this.#count;
  }

  /** `entries` of them, the last of which is `lastIndex`, were given to the core. */
  proposed(lastIndex: Index, entries: number, nowMs: number): void {
    const slot = this.#count % FLIGHTS_MAX;
    this.#lastIndex[slot] = lastIndex;
    this.#entries[slot] = entries;
    this.#proposedMs[slot] = nowMs;
    this.#count += 1;
    this.#first = Math.max(this.#first, this.#count - FLIGHTS_MAX);
    for (const stage of [this.#durable, this.#committed, this.#applied]) {
      stage.atMs[slot] = Number.NaN;
      stage.next = Math.max(stage.next, this.#first);
    }
  }

  durable(index: Index, nowMs: number): void {
    this.#reach(this.#durable, index, nowMs, null);
  }

  committed(index: Index, nowMs: number, latency: Buckets): void {
    this.#reach(this.#committed, index, nowMs, latency);
  }

  applied(index: Index, nowMs: number, latency: Buckets): void {
    this.#reach(this.#applied, index, nowMs, latency);
  }

  /** Of the entry at `index`; null if it is none of those that are remembered. */
  timesOf(index: Index): EntryTimes | null {
    for (let flight = this.#count - 1; flight >= this.#first; flight--) {
      const slot = flight % FLIGHTS_MAX;
      const last = this.#lastIndex[slot]!;
      if (last < index) return null;
      if (last - this.#entries[slot]! >= index) continue;
      const [durableMs, committedMs, appliedMs] = [this.#durable, this.#committed, this.#applied].map(({ atMs }) => atMs[slot]!) as [number, number, number];
      return { proposedMs: this.#proposedMs[slot]!, durableMs, committedMs, appliedMs };
    }
    return null;
  }

  #reach(stage: Stage, index: Index, nowMs: number, latency: Buckets | null): void {
    for (; stage.next < this.#count; stage.next++) {
      const slot = stage.next % FLIGHTS_MAX;
      if (this.#lastIndex[slot]! > index) return;
      stage.atMs[slot] = nowMs;
      latency?.add(nowMs - this.#proposedMs[slot]!, this.#entries[slot]!);
    }
  }
}
