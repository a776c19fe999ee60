/**
 * The newest entries of a group with their bytes: what followers and the machine want next is nearly always here. What
 * was dropped from it is durable and can be read back from the WAL.
 */
import { assert } from "../base/assert.ts";
import type { SealedEntry } from "../base/entry.ts";
import type { Index } from "../raft/types.ts";

/** Slots in front of the first entry that are given back once there are this many, and as many as entries. */
const SPARE_SLOTS = 1024;

/** Consecutive entries that end with the log. */
export class Tail {
  #entries: SealedEntry[] = [];
  /** Slots at the front that are no longer used. */
  #head = 0;
  #first: Index;
  #bytes = 0;

  /** @param next the index that the first entry will have */
  constructor(next: Index) {
    this.#first = next;
  }

  /** Index of the first entry held; one behind the last if none is. */
  get first(): Index {
    return this.#first;
  }

  /** One behind the last entry. */
  get next(): Index {
    return this.#first + this.#entries.length - this.#head;
  }

  /** Sealed bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  push(entry: SealedEntry): void {
    assert(entry.index === this.next, "an entry follows the last one", entry.index, this.next);
    this.#entries.push(entry);
    this.#bytes += entry.sealed.length;
  }

  /** The entry at `index`, or null if it is not held. */
  get(index: Index): SealedEntry | null {
    if (index < this.#first) return null;
    return this.#entries[index - this.#first + this.#head] ?? null;
  }

  /** Removes `from` and all after it. What was dropped before it is gone from here as well. */
  truncate(from: Index): void {
    while (this.next > Math.max(from, this.#first)) {
      this.#bytes -= (this.#entries.pop() as SealedEntry).sealed.length;
    }
    if (from < this.#first) {
      assert(this.#entries.length === this.#head, "nothing is held before a cut that lies lower", from, this.#first);
      this.#first = from;
    }
  }

  /** Drops entries from the front until at most `bytesMax` are held, but none above `through`. */
  dropTo(bytesMax: number, through: Index): void {
    while (this.#bytes > bytesMax && this.#first <= through && this.#head < this.#entries.length) {
      this.#bytes -= (this.#entries[this.#head] as SealedEntry).sealed.length;
      this.#head += 1;
      this.#first += 1;
    }
    if (this.#head < SPARE_SLOTS || this.#head * 2 < this.#entries.length) return;
    this.#entries.splice(0, this.#head);
    this.#head = 0;
  }
}

/**
 * Views that together hold the sealed bytes of the entries `from`..`to`, which must be held: entries that lie one behind
 * the other in one buffer become one view.
 */
export function runsOf(tail: Tail, from: Index, to: Index): Uint8Array[] {
  const runs: Uint8Array[] = [];
  let buffer: ArrayBufferLike | null = null;
  let start = 0;
  let end = 0;
  for (let index = from; index <= to; index++) {
    const { sealed } = tail.get(index) as SealedEntry;
    if (buffer === sealed.buffer && end === sealed.byteOffset) {
      end += sealed.length;
      continue;
    }
    if (buffer !== null) runs.push(new Uint8Array(buffer, start, end - start));
    buffer = sealed.buffer;
    start = sealed.byteOffset;
    end = start + sealed.length;
  }
  if (buffer !== null) runs.push(new Uint8Array(buffer, start, end - start));
  return runs;
}
