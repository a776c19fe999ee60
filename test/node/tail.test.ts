import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { blankHead, readFields } from "../../src/base/entry.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { runsOf, Tail, TailReader } from "../../src/node/tail.ts";
import { type SealedEntry, sealedEntries } from "./entries.ts";

const ENTRY_BYTES = 64;
const ENTRIES = sealedEntries(1, 5000, 8);

function push(tail: Tail, from: number, to: number = from): void {
  for (let index = from; index <= to; index++) tail.push(ENTRIES[index - 1]!.sealed, index, 1);
}

/** Entries one a run, each in memory of its own. */
function filled(from: number, to: number): Tail {
  const tail = new Tail(from);
  push(tail, from, to);
  return tail;
}

function range(tail: Tail): number[] {
  return [tail.first, tail.next, tail.bytes];
}

/** The index that stands where the reader goes for `index`; null if it finds nothing. */
function found(tail: Tail, index: number, reader: TailReader = new TailReader(tail)): number | null {
  if (!reader.seek(index)) return null;
  const head = blankHead();
  readFields(reader.view, reader.at, head);
  return head.index;
}

test("push() wants the next index", () => {
  assert.throws(() => push(filled(5, 6), 8), /a run follows/);
});

test("seek() finds what is held, and nothing before and behind it", () => {
  const tail = filled(5, 7);
  assert.equal([4, 5, 7, 8].map((index) => found(tail, index)), [null, 5, 7, null]);
});

test("dropTo() drops from the front to the bound, never beyond what is durable", () => {
  const tail = filled(1, 10);
  tail.dropTo(3 * ENTRY_BYTES, 4);
  assert.equal(range(tail), [5, 11, 6 * ENTRY_BYTES]);
  tail.dropTo(3 * ENTRY_BYTES, 10);
  assert.equal(range(tail), [8, 11, 3 * ENTRY_BYTES]);
  assert.is(found(tail, 8), 8);
});

test("dropTo() keeps a run of which a part is still wanted", () => {
  const tail = new Tail(1);
  tail.push(concatBytes(ENTRIES.slice(0, 4).map(({ sealed }) => sealed)), 1, 4);
  tail.dropTo(0, 3);
  assert.equal(range(tail), [1, 5, 4 * ENTRY_BYTES]);
  tail.dropTo(0, 4);
  assert.equal(range(tail), [5, 5, 0]);
});

test("dropTo() empties it where nothing may be kept, and the next entry fits", () => {
  const tail = filled(1, 3);
  tail.dropTo(0, 3);
  assert.equal(range(tail), [4, 4, 0]);
  push(tail, 4);
  assert.is(found(tail, 4), 4);
});

test("truncate() removes from an index on, also after a drop", () => {
  const tail = filled(1, 10);
  tail.dropTo(5 * ENTRY_BYTES, 5);
  tail.truncate(8);
  assert.equal(range(tail), [6, 8, 2 * ENTRY_BYTES]);
  push(tail, 8);
  assert.is(found(tail, 8), 8);
});

test("truncate() below all that is held leaves an empty tail there", () => {
  const tail = filled(1, 10);
  tail.dropTo(0, 10);
  tail.truncate(4);
  assert.equal(range(tail), [4, 4, 0]);
  push(tail, 4);
  assert.is(found(tail, 4), 4);
});

test("a reader goes on from entry to entry whatever happens to the tail meanwhile", () => {
  const tail = filled(1, 100);
  const reader = new TailReader(tail);
  assert.is(found(tail, 50, reader), 50);
  tail.dropTo(0, 50);
  assert.is(found(tail, 51, reader), 51);
  tail.truncate(60);
  assert.equal([52, 59, 60].map((index) => found(tail, index, reader)), [52, 59, null]);
  push(tail, 60, 70);
  assert.equal([60, 61, 70].map((index) => found(tail, index, reader)), [60, 61, 70]);
});

/** The same as a tail, the simple way. */
class Plain {
  entries: SealedEntry[] = [];
  first = 1;
}

test("any mixture of runs, slabs, cuts and drops is as a plain list would be", () => {
  const random = seedRandom(7);
  const tail = new Tail(1);
  const plain = new Plain();
  const reader = new TailReader(tail);
  let slab = new Uint8Array(4096);
  let used = 0;
  for (let step = 0; step < 4000; step++) {
    const what = nextInRange(random, 0, 9);
    if (what < 6 && tail.next < 4000) {
      const count = nextInRange(random, 1, 9);
      const entries = ENTRIES.slice(tail.next - 1, tail.next - 1 + count);
      if (used + 56 + count * ENTRY_BYTES > slab.length) [slab, used] = [new Uint8Array(4096), 0];
      used += 56;
      const run = slab.subarray(used, used + count * ENTRY_BYTES);
      run.set(concatBytes(entries.map(({ sealed }) => sealed)));
      used += run.length;
      tail.push(run, tail.next, count);
      plain.entries.push(...entries);
    } else if (what === 6) {
      const from = Math.max(1, tail.next - nextInRange(random, 0, 30));
      tail.truncate(from);
      plain.entries.splice(Math.max(0, from - plain.first));
      plain.first = Math.min(plain.first, from);
    } else if (what === 7) {
      tail.dropTo(nextInRange(random, 0, 50) * ENTRY_BYTES, tail.next - 1 - nextInRange(random, 0, 5));
      plain.entries.splice(0, tail.first - plain.first);
      plain.first = tail.first;
    }
    assert.equal(range(tail), [plain.first, plain.first + plain.entries.length, plain.entries.length * ENTRY_BYTES]);
    if (plain.entries.length === 0) continue;
    const from = nextInRange(random, plain.first, tail.next - 1);
    const to = nextInRange(random, from, tail.next - 1);
    for (let index = from; index <= Math.min(to, from + 3); index++) assert.is(found(tail, index, reader), index);
    const held = plain.entries.slice(from - plain.first, to + 1 - plain.first).map(({ sealed }) => sealed);
    assert.equal(concatBytes(runsOf(tail, from, to)), concatBytes(held));
  }
});

test.run();
