/** Which entries of a group are counted by a base, and were not read yet. */
import type { Index } from "../raft/types.ts";
import type { EntryRange } from "./damage.ts";

/** Changed in place. */
type Range = { -readonly [Field in keyof EntryRange]: EntryRange[Field] };

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

  /** All of them, ascending. */
  get ranges(): EntryRange[] {
    return this.#ranges.map((range) => ({ ...range }));
  }

  /** Where the range begins that ends at `to`; 0 if none does. */
  endingAt(to: Index): Index {
    return this.#ranges.find((range) => range.to === to)?.from ?? 0;
  }

  /** `from`..`to`, which lie behind all others, are absent too; nothing if `to` lies before `from`. */
  add(from: Index, to: Index): void {
    if (from > to) return;
    const last = this.#ranges.at(-1);
    if (last !== undefined && last.to === from - 1) last.to = to;
    else this.#ranges.push({ from, to });
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
