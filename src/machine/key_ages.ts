/**
 * Keys by age. Each key has a serial number, given when it came, that it keeps until it is deleted; so whoever goes
 * through the keys from the youngest to the oldest, and remembers the last number seen, misses none that stays, sees
 * none twice, and comes to an end however many are added meanwhile.
 *
 * Two lists in the order of serials: a key that comes is appended, one that goes leaves a hole.
 */
const HOLES_MIN = 1024;

/** Keys in the order of their serial numbers. */
export class KeyAges {
  #keys: (string | undefined)[] = [];
  #serials: number[] = [];
  #holes = 0;
  /** Use: serials that came out of order, as those of a snapshot do, are sorted when the order is asked for. */
  #isSorted = true;

  /** Adds `key`. Its serial is above all others, or one that was deleted, or comes from a snapshot. */
  add(key: string, serial: number): void {
    const last = this.#serials.length - 1;
    if (last < 0 || serial > this.#serials[last]!) {
      if (this.#holes > HOLES_MIN && 2 * this.#holes > last) this.#dropHoles();
    } else if (this.#isSorted) {
      const at = this.#placeOf(serial);
      if (this.#serials[at] === serial) {
        this.#keys[at] = key;
        this.#holes -= 1;
        return;
      }
      this.#isSorted = false;
    }
    this.#keys.push(key);
    this.#serials.push(serial);
  }

  /** Takes out the key of this serial, which must be there. */
  delete(serial: number): void {
    this.#sort();
    this.#keys[this.#placeOf(serial)] = undefined;
    this.#holes += 1;
  }

  /** The `max` youngest keys of those whose serial is below this one, the youngest first. */
  takeBelow(serial: number, max: number): string[] {
    this.#sort();
    const taken: string[] = [];
    for (let at = this.#placeOf(serial) - 1; at >= 0 && taken.length < max; at--) {
      const key = this.#keys[at];
      if (key !== undefined) taken.push(key);
    }
    return taken;
  }

  /** The first place whose serial is this one or above. */
  #placeOf(serial: number): number {
    let [from, end] = [0, this.#serials.length];
    while (from < end) {
      const middle = (from + end) >>> 1;
      if (this.#serials[middle]! < serial) from = middle + 1;
      else end = middle;
    }
    return from;
  }

  #dropHoles(): void {
    this.#serials = this.#serials.filter((_, at) => this.#keys[at] !== undefined);
    this.#keys = this.#keys.filter((key) => key !== undefined);
    this.#holes = 0;
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#dropHoles();
    const [keys, serials] = [this.#keys, this.#serials];
    // Numbers alone are sorted several times as fast as pairs.
    this.#serials = [...Float64Array.from(serials).sort()];
    const sorted: (string | undefined)[] = keys.slice();
    for (let at = 0; at < keys.length; at++) sorted[this.#placeOf(serials[at]!)] = keys[at];
    this.#keys = sorted;
    this.#isSorted = true;
  }
}
