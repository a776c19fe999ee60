/**
 * A map by text in many small maps. One map of a million keys is one object of tens of megabytes to the engine: the
 * garbage collector scans all of it, in one go, whenever any of it was written, and so does the engine itself when it
 * makes room for more. Measured with a million rows on Bun: pauses of 30 to 55 ms in each collection, now and then of
 * hundreds; with small ones, none of this.
 *
 * Maps are added one at a time as keys come (linear hashing: Litwin, 1980), so no key has to wait for all to be moved.
 */
import { foldText } from "./digest.ts";

/** Keys that a small map holds on average, at most. */
const KEYS_EACH = 256;

/** So many keys are one map: no pause to speak of, and none of them costs a hash. */
const KEYS_ALONE = 4096;

/** Values by their keys, in no order. */
export class KeyMap<T> {
  /** Use: the first `2 * #doubling - length` from `#split` on hold what two maps of the next doubling will hold. */
  readonly #maps: Map<string, T>[] = [new Map<string, T>()];
  /** Use: how many maps there were when the last doubling ended: a power of two. */
  #doubling = 1;
  /** Use: the next map to be split in two. Invariant: `#maps.length === #doubling + #split`. */
  #split = 0;
  #size = 0;

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** The value at `key`, or undefined. */
  get(key: string): T | undefined {
    return this.#mapOf(key).get(key);
  }

  /** Puts `value` at `key`. */
  set(key: string, value: T): void {
    const map = this.#mapOf(key);
    const before = map.size;
    map.set(key, value);
    if (map.size === before) return;
    this.#size += 1;
    if (this.#size <= KEYS_ALONE) return;
    while (this.#size > KEYS_EACH * this.#maps.length) this.#addMap();
  }

  /** Takes `key` out, if it is there. */
  delete(key: string): void {
    if (this.#mapOf(key).delete(key)) this.#size -= 1;
  }

  #mapOf(key: string): Map<string, T> {
    if (this.#maps.length === 1) return this.#maps[0]!;
    const hash = hashOf(key);
    const at = hash & (this.#doubling - 1);
    return this.#maps[at < this.#split ? hash & (2 * this.#doubling - 1) : at]!;
  }

  /** Splits one map in two. */
  #addMap(): void {
    const from = this.#maps[this.#split]!;
    const [staying, moving] = [new Map<string, T>(), new Map<string, T>()];
    for (const [key, value] of from) ((hashOf(key) & this.#doubling) === 0 ? staying : moving).set(key, value);
    this.#maps[this.#split] = staying;
    this.#maps.push(moving);
    this.#split += 1;
    if (this.#split < this.#doubling) return;
    this.#doubling *= 2;
    this.#split = 0;
  }
}

/** Bits of a key, the low ones as good as any. */
function hashOf(key: string): number {
  const folded = foldText(0, key);
  const mixed = Math.imul(folded ^ (folded >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
