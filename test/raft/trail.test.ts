/** The log as runs and a ring, against a plain array. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sealedBytes } from "../../src/base/entry.ts";
import { nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import {
  appendToTrail, bytesAfter, chainAt, createTrail, endOfRunBefore, firstOfTerm, lastAtOrBelowTerm, lastWithin, pointAtOrBelow,
  RECENT_ENTRIES, RUN_ENTRIES_MAX, termAt, type Trail, truncateTrail,
} from "../../src/raft/trail.ts";
import type { LogEntry } from "../../src/raft/types.ts";
import { unstamped } from "./helpers.ts";

const BASE = { index: 0, term: 0, chain: 77 };

/** The naive log: entries by index - 1. */
interface Model {
  readonly trail: Trail;
  entries: LogEntry[];
  /** The longest that it ever was: what truncation leaves is not known better than before. */
  longest: number;
}

function appendOne(model: Model, random: RandomState, term: number): void {
  const index = model.entries.length + 1;
  const entry = { ...unstamped(0, nextInRange(random, 0, 300)), index, term, chain: nextInRange(random, 0, 2 ** 32 - 1), timeMs: index };
  model.entries.push(entry);
  model.longest = Math.max(model.longest, index);
  appendToTrail(model.trail, entry);
}

function termOf(model: Model, index: number): number | null {
  return index === 0 ? 0 : (model.entries[index - 1]?.term ?? null);
}

function check(model: Model, random: RandomState): void {
  const { trail, entries } = model;
  const last = entries.length;
  assert.is(trail.lastIndex, last);
  assert.is(termAt(trail, last + 1), null);
  for (let i = 0; i < 20; i++) {
    const index = nextInRange(random, 0, last);
    assert.is(termAt(trail, index), termOf(model, index));
    const chain = chainAt(trail, index);
    const isRunEnd = index === last || (index + 1) % RUN_ENTRIES_MAX === 0 || termOf(model, index) !== termOf(model, index + 1);
    if (chain === null) assert.ok(index < model.longest - RECENT_ENTRIES + 1 && !isRunEnd, `the chain at ${index} of ${last} is known`);
    else assert.is(chain, index === 0 ? BASE.chain : entries[index - 1]!.chain);
    const point = pointAtOrBelow(trail, index);
    assert.ok(point.index <= index && point.index > index - RUN_ENTRIES_MAX - 1);
    assert.is(point.chain, point.index === 0 ? BASE.chain : entries[point.index - 1]!.chain);
    if (index > 0) checkTerms(model, index, random);
  }
}

function checkTerms(model: Model, index: number, random: RandomState): void {
  const { trail, entries } = model;
  const term = termOf(model, index)!;
  assert.is(firstOfTerm(trail, index), entries.findIndex((entry) => entry.term === term) + 1);
  const wanted = nextInRange(random, 0, term + 1);
  let naive = index;
  while (naive > 0 && termOf(model, naive)! > wanted) naive -= 1;
  assert.is(lastAtOrBelowTerm(trail, index, wanted), naive);
  const before = endOfRunBefore(trail, index);
  assert.ok(before.index < index);
  assert.is(before.term, termOf(model, before.index));
}

function naiveBytes(model: Model, from: number, to: number): number {
  return model.entries.slice(from - 1, to).reduce((sum, entry) => sum + sealedBytes(entry.payloadBytes), 0);
}

test("a random log: terms, chains and points as a plain array has them, over runs of 256 and a ring of 4,096", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = seedRandom(seed);
    const model: Model = { trail: createTrail(BASE, 0), entries: [], longest: 0 };
    let term = 1;
    for (let round = 0; round < 120; round++) {
      if (nextInRange(random, 0, 3) === 0) term += nextInRange(random, 1, 2);
      for (let i = nextInRange(random, 0, 250); i >= 0; i--) appendOne(model, random, term);
      if (nextInRange(random, 0, 2) === 0) {
        const floor = Math.max(model.trail.keepFrom + 1, 1);
        const from = nextInRange(random, Math.min(floor, model.entries.length), model.entries.length);
        const chainBefore = from === 1 ? BASE.chain : model.entries[from - 2]!.chain;
        truncateTrail(model.trail, from, chainBefore);
        model.entries.length = from - 1;
        term = Math.max(term, 1) + 1;
      }
      // As commits do: what lies below may leave the ring.
      if (nextInRange(random, 0, 1) === 0) model.trail.keepFrom = nextInRange(random, model.trail.keepFrom, model.entries.length);
      check(model, random);
      const known = nextInRange(random, model.trail.keepFrom, model.entries.length);
      assert.is(bytesAfter(model.trail, known), naiveBytes(model, known + 1, model.entries.length));
    }
  }
});

test("uncommitted entries stay known one by one however many they are", () => {
  const random = seedRandom(5);
  const model: Model = { trail: createTrail(BASE, 0), entries: [], longest: 0 };
  model.trail.keepFrom = 10;
  for (let i = 0; i < 3 * RECENT_ENTRIES; i++) appendOne(model, random, 1);
  for (let index = 10; index <= model.entries.length; index++) assert.is(chainAt(model.trail, index), model.entries[index - 1]!.chain);
  assert.is(bytesAfter(model.trail, 10), naiveBytes(model, 11, model.entries.length));
});

test("a committed log forgets single chains behind the newest 4,096 and keeps the ends of its runs", () => {
  const random = seedRandom(6);
  const model: Model = { trail: createTrail(BASE, 0), entries: [], longest: 0 };
  for (let i = 0; i < 3 * RECENT_ENTRIES; i++) {
    model.trail.keepFrom = i;
    appendOne(model, random, 1);
  }
  assert.is(model.trail.chains.length, RECENT_ENTRIES);
  assert.is(chainAt(model.trail, 300), null);
  assert.is(chainAt(model.trail, 511), model.entries[510]!.chain);
});

test("lastWithin() keeps both limits, and takes one entry at least", () => {
  const random = seedRandom(7);
  const model: Model = { trail: createTrail(BASE, 0), entries: [], longest: 0 };
  for (let i = 0; i < 1000; i++) appendOne(model, random, 1);
  for (let i = 0; i < 500; i++) {
    const from = nextInRange(random, 1, 1000);
    const limits = { entriesMax: nextInRange(random, 1, 80), bytesMax: nextInRange(random, 1, 20_000) };
    let naive = from;
    while (naive < 1000 && naive - from + 1 < limits.entriesMax && naiveBytes(model, from, naive + 1) <= limits.bytesMax) naive += 1;
    assert.is(lastWithin(model.trail, from, limits), naive);
  }
});

test("appendToTrail() rejects a gap and a falling term", () => {
  const trail = createTrail(BASE, 0);
  assert.throws(() => appendToTrail(trail, { ...unstamped(), index: 2, term: 1 }), /follows the last/);
  appendToTrail(trail, { ...unstamped(), index: 1, term: 2 });
  assert.throws(() => appendToTrail(trail, { ...unstamped(), index: 2, term: 1 }), /terms never fall/);
});

test.run();
