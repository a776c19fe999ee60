/**
 * The newest entries of a group as sealed bytes: what followers and the machine want next is nearly always here. What
 * was dropped from it is durable and can be read back from the WAL.
 *
 * It may hold a million entries, so there is no object for each: runs are noted by numbers, slab by slab (a slab is the
 * piece of memory that many runs lie in), and entries are found by walking a run from its beginning.
 */
import { assert } from "../base/assert.ts";
import { endOf } from "../base/entry.ts";
import type { Index } from "../raft/types.ts";

/** Runs in one piece of memory, in order. Those before `head` were dropped. */
interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly firsts: Index[];
  readonly starts: number[];
  readonly ends: number[];
  head: number;
}

/** Consecutive runs of entries that end with the log. */
export class Tail {
  /** Rises when places that were found may no longer hold. */
  changes = 0;
  readonly slabs: Slab[] = [];
  #first: Index;
  #next: Index;
  #bytes = 0;

  /** @param next the index that the first entry will have */
  constructor(next: Index) {
    this.#first = next;
    this.#next = next;
  }

  /** Index of the first entry held; one behind the last if none is. */
  get first(): Index {
    return this.#first;
  }

  /** One behind the last entry. */
  get next(): Index {
    return this.#next;
  }

  /** Sealed bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes in `count` sealed entries from `first` on, which fill `run` and are never changed. */
  push(run: Uint8Array, first: Index, count: number): void {
    assert(first === this.#next && count > 0, "a run follows the last one", first, this.#next, count);
    const slab = this.#slabOf(run);
    slab.firsts.push(first);
    slab.starts.push(run.byteOffset);
    slab.ends.push(run.byteOffset + run.length);
    this.#next += count;
    this.#bytes += run.length;
  }

  #slabOf(run: Uint8Array): Slab {
    const last = this.slabs.at(-1);
    if (last !== undefined && last.bytes.buffer === run.buffer) return last;
    const slab: Slab = { bytes: new Uint8Array(run.buffer), view: new DataView(run.buffer), firsts: [], starts: [], ends: [], head: 0 };
    this.slabs.push(slab);
    return slab;
  }

  /** Index of the first entry behind those of a slab. */
  firstBehind(slab: Slab): Index {
    return this.slabs[this.slabs.indexOf(slab) + 1]?.firsts[0] ?? this.#next;
  }

  /** Removes `from` and all after it. What was dropped before it is gone from here as well. */
  truncate(from: Index): void {
    this.changes += 1;
    while (this.#next > Math.max(from, this.#first)) this.#cutLastRun(from);
    if (from < this.#first) {
      assert(this.#bytes === 0, "nothing is held before a cut that lies lower", from, this.#first);
      this.#first = from;
      this.#next = from;
    }
  }

  /** Drops all: the next entry has the index `next`. */
  reset(next: Index): void {
    this.changes += 1;
    this.slabs.length = 0;
    this.#first = next;
    this.#next = next;
    this.#bytes = 0;
  }

  #cutLastRun(from: Index): void {
    const slab = this.slabs.at(-1) as Slab;
    const last = slab.firsts.length - 1;
    const first = slab.firsts[last] as Index;
    const start = slab.starts[last] as number;
    let end = start;
    for (let index = first; index < from; index++) end = endOf(slab.view, end);
    this.#bytes -= (slab.ends[last] as number) - end;
    this.#next = Math.max(first, from);
    slab.ends[last] = end;
    if (end > start) return;
    for (const column of [slab.firsts, slab.starts, slab.ends]) column.pop();
    if (slab.firsts.length === slab.head) this.slabs.pop();
  }

  /** Drops whole runs from the front until at most `bytesMax` are held, but none that reaches above `through`. */
  dropTo(bytesMax: number, through: Index): void {
    while (this.#bytes > bytesMax) {
      const slab = this.slabs[0] as Slab;
      const behind = slab.firsts[slab.head + 1] ?? this.firstBehind(slab);
      if (behind > through + 1) return;
      this.changes += 1;
      this.#bytes -= (slab.ends[slab.head] as number) - (slab.starts[slab.head] as number);
      this.#first = behind;
      slab.head += 1;
      if (slab.head === slab.firsts.length) this.slabs.shift();
    }
  }
}

/** A place in a tail, which moves from one entry to the next at little cost. */
export class TailReader {
  /** After `seek`: the entry lies in `bytes` from `at` on; `view` is of the same bytes. */
  bytes: Uint8Array = new Uint8Array();
  view: DataView = new DataView(new ArrayBuffer(0));
  at = 0;
  /** Index behind the last entry of its run. */
  behindRun: Index = 0;
  readonly #tail: Tail;
  #changes = -1;
  #index: Index = 0;
  #end = 0;

  constructor(tail: Tail) {
    this.#tail = tail;
  }

  /** Moves to the entry at `index`; false if it is not held. */
  seek(index: Index): boolean {
    const tail = this.#tail;
    if (index < tail.first || index >= tail.next) return false;
    if (this.#changes === tail.changes && index === this.#index + 1) {
      const at = endOf(this.view, this.at);
      if (at < this.#end) {
        this.at = at;
        this.#index = index;
        return true;
      }
    }
    this.#locate(index);
    return true;
  }

  #locate(index: Index): void {
    const { slabs, changes } = this.#tail;
    const slab = slabs[lastAtOrBelow(slabs.length, 0, index, (at) => firstOf(slabs[at] as Slab))] as Slab;
    const run = lastAtOrBelow(slab.firsts.length, slab.head, index, (at) => slab.firsts[at] as Index);
    let at = slab.starts[run] as number;
    for (let passed = slab.firsts[run] as Index; passed < index; passed++) at = endOf(slab.view, at);
    this.bytes = slab.bytes;
    this.view = slab.view;
    this.at = at;
    this.#end = slab.ends[run] as number;
    this.behindRun = slab.firsts[run + 1] ?? this.#tail.firstBehind(slab);
    this.#index = index;
    this.#changes = changes;
  }

  /** The bytes of the entry and of those that follow in its run, through `to` at most; `seek` came before. */
  restOfRun(to: Index): Uint8Array {
    let end = this.#end;
    if (to < this.behindRun - 1) {
      end = this.at;
      for (let index = this.#index; index <= to; index++) end = endOf(this.view, end);
    }
    return this.bytes.subarray(this.at, end);
  }
}

/** Views that together hold the sealed bytes of the entries `from`..`to`, which must be held. */
export function runsOf(tail: Tail, from: Index, to: Index): Uint8Array[] {
  const reader = new TailReader(tail);
  const runs: Uint8Array[] = [];
  for (let index = from; index <= to; index = reader.behindRun) {
    assert(reader.seek(index), "the entries of a range are held", index, tail.first, tail.next);
    runs.push(reader.restOfRun(to));
  }
  return runs;
}

function firstOf(slab: Slab): Index {
  return slab.firsts[slab.head] as Index;
}

/** The last position from `from` on whose index is at or below `index`; indexes ascend and the first one is. */
function lastAtOrBelow(length: number, from: number, index: Index, indexAt: (at: number) => Index): number {
  let low = from;
  let high = length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (indexAt(middle) <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}
