/** Which entries of a group are counted by a base, and were not read yet. */
import type { Index } from "../raft/types.ts";

interface Range {
  from: Index;
  to: Index;
}

/** A part of a range that is absent as a whole, or there as a whole. */
export interface Part {
  readonly from: Index;
  readonly to: Index;
  readonly isAbsent: boolean;
}

/** Ranges of indexes, none of which touches another. */
export class AbsentEntries {
  #ranges: Range[];

  constructor(from: Index, to: Index) {
    this.#ranges = from <= to ? [{ from, to }] : [];
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** The lowest; 0 if there is none. */
  get first(): Index {
    return this.#ranges[0]?.from ?? 0;
  }

  has(index: Index): boolean {
    return this.#ranges.some(({ from, to }) => from <= index && index <= to);
  }

  /** `from`..`to`, cut into what is absent and what is not. */
  partsOf(from: Index, to: Index): Part[] {
    const parts: Part[] = [];
    let next = from;
    for (const range of this.#ranges) {
      const first = Math.max(range.from, next);
      const last = Math.min(range.to, to);
      if (first > last) continue;
      if (first > next) parts.push({ from: next, to: first - 1, isAbsent: false });
      parts.push({ from: first, to: last, isAbsent: true });
      next = last + 1;
    }
    if (next <= to) parts.push({ from: next, to, isAbsent: false });
    return parts;
  }

  /** `from`..`to` is absent no more. */
  fill(from: Index, to: Index): void {
    this.#ranges = this.#ranges.flatMap((range) => {
      const rest = [{ from: range.from, to: Math.min(range.to, from - 1) }, { from: Math.max(range.from, to + 1), to: range.to }];
      return rest.filter((part) => part.from <= part.to);
    });
  }
}
