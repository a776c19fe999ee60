import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SealedEntry } from "../../src/base/entry.ts";
import { runsOf, Tail } from "../../src/node/tail.ts";

function entry(index: number, sealed: Uint8Array = new Uint8Array(8)): SealedEntry {
  return { kind: 1, group: 1, index, term: 1, timeMs: 0, chain: 0, payloadBytes: 0, payloadSum: 0, sealed };
}

function filled(from: number, to: number): Tail {
  const tail = new Tail(from);
  for (let index = from; index <= to; index++) tail.push(entry(index));
  return tail;
}

function range(tail: Tail): number[] {
  return [tail.first, tail.next, tail.bytes];
}

test("push() wants the next index", () => {
  assert.throws(() => filled(5, 6).push(entry(8)), /an entry follows/);
});

test("get() finds what is held, and null before and behind it", () => {
  const tail = filled(5, 7);
  assert.equal([4, 5, 7, 8].map((index) => tail.get(index)?.index ?? null), [null, 5, 7, null]);
});

test("dropTo() drops from the front to the bound, never beyond what is durable", () => {
  const tail = filled(1, 10);
  tail.dropTo(24, 4);
  assert.equal(range(tail), [5, 11, 48]);
  tail.dropTo(24, 10);
  assert.equal(range(tail), [8, 11, 24]);
  assert.is(tail.get(8)?.index, 8);
});

test("dropTo() empties it where nothing may be kept, and the next entry fits", () => {
  const tail = filled(1, 3);
  tail.dropTo(0, 3);
  assert.equal(range(tail), [4, 4, 0]);
  tail.push(entry(4));
  assert.is(tail.get(4)?.index, 4);
});

test("truncate() removes from an index on, also after a drop", () => {
  const tail = filled(1, 10);
  tail.dropTo(40, 5);
  tail.truncate(8);
  assert.equal(range(tail), [6, 8, 16]);
  tail.push(entry(8));
  assert.is(tail.get(8)?.index, 8);
});

test("truncate() below all that is held leaves an empty tail there", () => {
  const tail = filled(1, 10);
  tail.dropTo(0, 10);
  tail.truncate(4);
  assert.equal(range(tail), [4, 4, 0]);
  tail.push(entry(4));
  assert.is(tail.get(4)?.index, 4);
});

test("slots of dropped entries are given back, and indexes stay true", () => {
  const tail = filled(1, 5000);
  for (let through = 100; through <= 4900; through += 100) {
    tail.dropTo(0, through);
    assert.is(tail.get(through + 1)?.index, through + 1);
    assert.is(tail.get(through), null);
  }
  assert.is(tail.get(5000)?.index, 5000);
});

test("runsOf() joins what lies side by side in one buffer", () => {
  const buffer = new Uint8Array(64).map((_, i) => i);
  const tail = new Tail(1);
  tail.push(entry(1, buffer.subarray(0, 16)));
  tail.push(entry(2, buffer.subarray(16, 24)));
  tail.push(entry(3, buffer.subarray(32, 40)));
  tail.push(entry(4, new Uint8Array(8).fill(9)));
  const runs = runsOf(tail, 1, 4);
  assert.equal(runs.map((run) => run.length), [24, 8, 8]);
  assert.equal([...runs[1]!], [...buffer.subarray(32, 40)]);
});

test.run();
