/** One log as a run of sealed entries behind a base: what a member holds in memory, or on its disk. */
import type { Index } from "../../raft/types.ts";
import type { Sealed } from "./sealed_entries.ts";

/** A log. */
export class LogModel {
  #base: Sealed;
  #entries: Sealed[] = [];

  constructor(base: Sealed) {
    this.#base = base;
  }

  get base(): Sealed {
    return this.#base;
  }

  get last(): Sealed {
    return this.#entries.at(-1) ?? this.#base;
  }

  /** The entry at `index`, the base included; null if the log does not reach it. */
  at(index: Index): Sealed | null {
    if (index === this.#base.index) return this.#base;
    return this.#entries[index - this.#base.index - 1] ?? null;
  }

  push(entry: Sealed): void {
    this.#entries.push(entry);
  }

  /** Removes `from` and all after it. */
  truncate(from: Index): void {
    const length = Math.max(0, from - this.#base.index - 1);
    if (length < this.#entries.length) this.#entries.length = length;
  }

  /** Becomes the log that ends with `last`, as far back as `base`, or as entries before it are known. */
  reset(base: Sealed, last: Sealed): void {
    const entries: Sealed[] = [];
    let entry: Sealed | null = last;
    while (entry !== null && entry.index > base.index) {
      entries.push(entry);
      entry = entry.previous;
    }
    this.#base = base;
    this.#entries = entries.reverse();
  }

  /** Becomes equal to `other`. */
  copy(other: LogModel): void {
    this.#base = other.#base;
    this.#entries = other.#entries.slice();
  }
}
