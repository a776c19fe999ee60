/**
 * Keys in order: a B-tree that is touched only when a key comes or goes. Whoever reads takes keys out in bounded runs,
 * so nobody stands within the tree while it changes. The order is that of UTF-16 units, the same on every runtime.
 */
import sortedBtree from "sorted-btree";

// CommonJS: what the default import is depends on the runtime.
type BTreeClass = typeof sortedBtree;
const BTree: BTreeClass = (sortedBtree as unknown as { default?: BTreeClass }).default ?? sortedBtree;

const STOP = { break: 0 };

/** Which keys a walk is about; what is left out does not limit. */
export interface KeyRange {
  /** Keys that begin with it. */
  readonly prefix?: string;
  /** Keys behind it. */
  readonly after?: string;
  /** The first key at the earliest. */
  readonly from?: string;
  /** The last key at the latest. */
  readonly to?: string;
}

/** Where a range begins, and where it ends: before `end`, or, if that is null, with the last key. */
export interface KeyBounds {
  readonly from: string;
  readonly end: string | null;
}

/** A set of keys in order. */
export class KeyOrder {
  readonly #tree: InstanceType<typeof BTree<string, undefined>> = new BTree<string, undefined>([], compareKeys);

  /** Adds `key`, if it is not there. */
  add(key: string): void {
    this.#tree.set(key, undefined);
  }

  /** Takes `key` out, if it is there. */
  delete(key: string): void {
    this.#tree.delete(key);
  }

  /** The first `max` keys within the bounds. */
  take({ from, end }: KeyBounds, max: number): string[] {
    const taken: string[] = [];
    const last = end ?? this.#tree.maxKey();
    if (last === undefined || max <= 0) return taken;
    this.#tree.forRange(from, last, end === null, (key) => {
      taken.push(key);
      return taken.length < max ? undefined : STOP;
    });
    return taken;
  }

  /** The last `max` keys within the bounds, the last one first. */
  takeLast({ from, end }: KeyBounds, max: number): string[] {
    const taken: string[] = [];
    for (const [key] of this.#tree.entriesReversed(end ?? undefined)) {
      if (key < from || taken.length >= max) break;
      if (end === null || key < end) taken.push(key);
    }
    return taken;
  }
}

/** The bounds of `range`; null if no key can be within. */
export function boundsOf({ prefix = "", after, from = "", to }: KeyRange): KeyBounds | null {
  const begins = [prefix, from, after === undefined ? "" : behind(after)].reduce(later);
  const ends = to === undefined ? null : behind(to);
  const prefixEnds = beyond(prefix);
  const end = ends === null || (prefixEnds !== null && prefixEnds < ends) ? prefixEnds : ends;
  return end !== null && begins >= end ? null : { from: begins, end };
}

/** The first text behind `key`. */
export function behind(key: string): string {
  return `${key}\u0000`;
}

/** The first text behind all that begin with `prefix`; null if there is none. */
function beyond(prefix: string): string | null {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xffff) length -= 1;
  if (length === 0) return null;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a === b ? 0 : 1;
}
