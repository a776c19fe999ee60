/**
 * Keys by age. Each key has a serial number, given when it came, that it keeps until it is deleted; so whoever goes
 * through the keys from the youngest to the oldest, and remembers the last number seen, misses none that stays, sees
 * none twice, and comes to an end however many are added meanwhile.
 *
 * They stand in blocks of so many serial numbers each: whatever is done touches one block or a few, so that nothing
 * takes time by the number of all keys, and no list is so long that the garbage collector stops for it.
 */

/** Serial numbers that share a block. */
const BLOCK_SERIALS = 1024;

/** Keys whose serials lie in one range. */
interface Block {
  /** By place; undefined where a key was deleted. */
  keys: (string | undefined)[];
  /** Serials at the same places. */
  serials: number[];
  holes: number;
  /** Use: serials that came out of order, as those of a snapshot do, are sorted when the order is asked for. */
  isSorted: boolean;
}

/** Keys in the order of their serial numbers. */
export class KeyAges {
  readonly #blocks: Map<number, Block> = new Map();
  /** Use: the numbers of the blocks, rising once they are sorted. */
  #numbers: number[] = [];
  #isSorted = true;

  /** Adds `key`. Its serial is above all others, or one that was deleted, or comes from a snapshot. */
  add(key: string, serial: number): void {
    const block = this.#blockFor(Math.floor(serial / BLOCK_SERIALS));
    const last = block.serials.length - 1;
    if (last >= 0 && serial <= block.serials[last]!) {
      if (block.isSorted) {
        const at = placeOf(block.serials, serial);
        if (block.serials[at] === serial) {
          block.keys[at] = key;
          block.holes -= 1;
          return;
        }
      }
      block.isSorted = false;
    }
    block.keys.push(key);
    block.serials.push(serial);
  }

  /** Takes out the key of this serial, which must be there. */
  delete(serial: number): void {
    const number = Math.floor(serial / BLOCK_SERIALS);
    const block = this.#blocks.get(number)!;
    sort(block);
    block.keys[placeOf(block.serials, serial)] = undefined;
    block.holes += 1;
    if (block.holes === block.keys.length) this.#drop(number);
  }

  /** The `max` youngest keys of those whose serial is below this one, the youngest first. */
  takeBelow(serial: number, max: number): string[] {
    this.#sort();
    const taken: string[] = [];
    const first = Math.floor(serial / BLOCK_SERIALS);
    for (let i = placeOf(this.#numbers, first + 1) - 1; i >= 0 && taken.length < max; i--) {
      const block = this.#blocks.get(this.#numbers[i]!)!;
      sort(block);
      for (let at = placeOf(block.serials, serial) - 1; at >= 0 && taken.length < max; at--) {
        const key = block.keys[at];
        if (key !== undefined) taken.push(key);
      }
    }
    return taken;
  }

  #blockFor(number: number): Block {
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    const block: Block = { keys: [], serials: [], holes: 0, isSorted: true };
    this.#blocks.set(number, block);
    if (this.#isSorted && number < (this.#numbers.at(-1) ?? -1)) this.#isSorted = false;
    this.#numbers.push(number);
    return block;
  }

  #drop(number: number): void {
    this.#sort();
    this.#blocks.delete(number);
    this.#numbers.splice(placeOf(this.#numbers, number), 1);
  }

  #sort(): void {
    if (!this.#isSorted) this.#numbers.sort((a, b) => a - b);
    this.#isSorted = true;
  }
}

/** The first place whose serial is this one or above. */
function placeOf(serials: readonly number[], serial: number): number {
  let [from, end] = [0, serials.length];
  while (from < end) {
    const middle = (from + end) >>> 1;
    if (serials[middle]! < serial) from = middle + 1;
    else end = middle;
  }
  return from;
}

function sort(block: Block): void {
  if (block.isSorted) return;
  const places = block.serials.map((_, at) => at).filter((at) => block.keys[at] !== undefined);
  places.sort((a, b) => block.serials[a]! - block.serials[b]!);
  block.keys = places.map((at) => block.keys[at]);
  block.serials = places.map((at) => block.serials[at]!);
  block.holes = 0;
  block.isSorted = true;
}
