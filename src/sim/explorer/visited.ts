/** States that were met, by a sum of 64 bits each, and how each was first reached. */

const START = 1 << 16;

/** A set of sums. Two states with one sum would be taken for one: with 10 million states a chance of 3 in a million. */
export class Visited {
  #slots: Uint32Array = new Uint32Array(2 * START);
  #parents: Int32Array = new Int32Array(START);
  #actions: Int32Array = new Int32Array(START);
  size = 0;

  /** Notes a state; false if it was met before. */
  add(high: number, low: number, way: { readonly parent: number; readonly action: number }): boolean {
    // An empty slot holds zeros, so no sum may.
    if (!this.#put(high, low === 0 ? 1 : low)) return false;
    if (this.size === this.#parents.length) {
      this.#parents = grown(this.#parents);
      this.#actions = grown(this.#actions);
    }
    this.#parents[this.size] = way.parent;
    this.#actions[this.size] = way.action;
    this.size += 1;
    if (this.size * 4 > this.#slots.length) this.#rehash();
    return true;
  }

  /** The actions that lead to the state that was noted as the `at`-th. */
  wayTo(at: number): number[] {
    const way: number[] = [];
    for (let state = at; state > 0; state = this.#parents[state] as number) way.unshift(this.#actions[state] as number);
    return way;
  }

  #put(high: number, low: number): boolean {
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    for (let at = low & mask;; at = (at + 1) & mask) {
      if (slots[2 * at] === high && slots[2 * at + 1] === low) return false;
      if (slots[2 * at + 1] !== 0) continue;
      slots[2 * at] = high;
      slots[2 * at + 1] = low;
      return true;
    }
  }

  #rehash(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] !== 0) this.#put(old[at] as number, old[at + 1] as number);
    }
  }
}

function grown(from: Int32Array): Int32Array {
  const larger = new Int32Array(from.length * 2);
  larger.set(from);
  return larger;
}

/** States that wait to be explored, first in, first out, packed into arrays of numbers. */
export class StateQueue {
  #chunks: Int32Array[] = [];
  #writeAt = 0;
  #readAt = 0;
  length = 0;

  static readonly #CHUNK = 1 << 18;

  push(state: readonly number[]): void {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || this.#writeAt + state.length + 1 > chunk.length) {
      // What is left of a chunk is never a state: its length would be 0.
      chunk = new Int32Array(StateQueue.#CHUNK);
      this.#chunks.push(chunk);
      this.#writeAt = 0;
    }
    chunk[this.#writeAt] = state.length;
    chunk.set(state, this.#writeAt + 1);
    this.#writeAt += state.length + 1;
    this.length += 1;
  }

  /** Takes the oldest state into `into`; false if there is none. */
  shift(into: number[]): boolean {
    if (this.length === 0) return false;
    let chunk = this.#chunks[0] as Int32Array;
    if (this.#readAt >= chunk.length || chunk[this.#readAt] === 0) {
      this.#chunks.shift();
      this.#readAt = 0;
      chunk = this.#chunks[0] as Int32Array;
    }
    const length = chunk[this.#readAt] as number;
    into.length = length;
    for (let i = 0; i < length; i++) into[i] = chunk[this.#readAt + 1 + i] as number;
    this.#readAt += length + 1;
    this.length -= 1;
    return true;
  }
}
