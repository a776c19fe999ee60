/** Walks over keys in their order, a bounded run at a time: what is walked over may change meanwhile. */
import { behind, boundsOf } from "./key_order.ts";
import type { KeyBounds, KeyRange } from "./key_order.ts";

/** Keys that are taken out of the order at once. */
const RUN_KEYS = 64;

/** What a walk shows. */
export interface WalkOptions extends KeyRange {
  /** Rows at most. */
  readonly limit?: number;
  /** From the last key to the first. */
  readonly reverse?: boolean;
}

/**
 * Shows what `find` has for each key in turn.
 *
 * @param take the first `max` keys within the bounds; with `reverse` the last ones, the last one first
 * @param find undefined: the key is left out, and does not count
 */
export function* walkKeys<R>(
  { limit = Infinity, reverse = false, ...range }: WalkOptions,
  take: (bounds: KeyBounds, max: number, reverse: boolean) => readonly string[],
  find: (key: string) => R | undefined,
): Generator<R, void> {
  let bounds = boundsOf(range);
  for (let left = limit; left > 0 && bounds !== null;) {
    const run: number = Math.min(left, RUN_KEYS);
    const keys = take(bounds, run, reverse);
    for (const key of keys) {
      const row = find(key);
      if (row === undefined) continue;
      yield row;
      left -= 1;
    }
    const last = keys[keys.length - 1];
    if (last === undefined || keys.length < run) return;
    bounds = reverse ? { from: bounds.from, end: last } : { from: behind(last), end: bounds.end };
  }
}
