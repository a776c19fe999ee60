/** What of a member's answers is believed when entries are fetched again. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bareRun, readRun, sealedBytes } from "../../src/base/entry.ts";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import { fetchEntries, type Missing } from "../../src/node/entry_fetch.ts";
import type { Interview } from "../../src/net/interview.ts";
import { sealRun } from "../wal/model.ts";

const PAYLOADS = Array.from({ length: 10 }, (_, i) => new Uint8Array(8).fill(i));
const EACH = sealedBytes(8);
/** Entries 1 to 10 behind the chain 77. */
const LOG = sealRun(1, 1, 3, 77, PAYLOADS).run;
const HEADS = readRun(LOG).entries;
const PEER = { number: 2, incarnation: 9, id: "b", address: "b:1" };

function slice(run: Uint8Array, from: number, to: number): Uint8Array {
  return run.subarray((from - 1) * EACH, to * EACH);
}

const WANTED = { from: 3, to: 7, below: HEADS[1]!.chain };

/** What a member answers to a question for entries `from`..`to`. */
type Member = (from: number, to: number) => readonly unknown[];

const whole: Member = (from, to) => [slice(LOG, from, Math.min(to, from + 1)), 0, 10];

function fetch(member: Member, { from, to, below }: { from: number; to: number; below: number } = WANTED): { fetched: string; stored: [number, Uint8Array][] } {
  const stored: [number, Uint8Array][] = [];
  const answers: (readonly unknown[])[] = [];
  const interview = {
    ask: ([, , first, last]: readonly unknown[]) => answers.push(member(first as number, last as number)),
    next: (done: (...result: [null, readonly unknown[]]) => void) => done(null, answers.shift() as readonly unknown[]),
    close: () => undefined,
  } as unknown as Interview;
  const missing: Missing = { from, to, above: HEADS[to]!, below: { index: from - 1, term: 3, chain: below } };
  const told = { fetched: "nothing" as string };
  runTask(fetchEntries({
    group: 1, witness: false, dial: (_, done) => done(null, interview), line: () => undefined,
    *store(first, _, run): Task<void> {
      stored.push([first, run.slice()]);
      yield* wait<void>((done) => done(null, undefined));
    },
  }, PEER, missing), (...[error, fetched]) => told.fetched = error === null ? fetched : `${(error as { code?: string }).code}`);
  return { fetched: told.fetched, stored };
}

test("D12: entries come from the last to the first, however little comes at a time, and are what was sealed", () => {
  const { fetched, stored } = fetch(whole);
  assert.is(fetched, "whole");
  const indexes = stored.map(([first]) => first);
  assert.equal(indexes, [...indexes].sort((a, b) => b - a));
  for (const [first, run] of stored) assert.equal(run, slice(LOG, first, first + run.length / EACH - 1));
  assert.is(stored.reduce((sum, [, run]) => sum + run.length / EACH, 0), 5);
});

test("D06: entries of another log are not stored, though index, term and sums hold", () => {
  const other = sealRun(1, 1, 3, 77, PAYLOADS.map((payload, i) => i === 4 ? new Uint8Array(8).fill(99) : payload)).run;
  const { fetched, stored } = fetch((from, to) => [slice(other, from, to), 0, 10]);
  assert.equal([fetched, stored.length], ["lacking", 0]);
});

test("a member that lost its payloads, its beginning, or never had the entries says so", () => {
  assert.equal(fetch((from, to) => [bareRun([slice(LOG, from, to)]), 0, 10]), { fetched: "positions", stored: [] });
  assert.equal(fetch(() => [new Uint8Array(), 8, 10]), { fetched: "compacted", stored: [] });
  assert.equal(fetch(() => [new Uint8Array(), 0, 6]), { fetched: "lacking", stored: [] });
});

test("a member that has but the last of them gives those", () => {
  const { fetched, stored } = fetch((from, to) => from <= 5 ? [new Uint8Array(), 5, 10] : [slice(LOG, from, to), 5, 10]);
  assert.equal([fetched, stored.map(([first]) => first)], ["compacted", [6]]);
});

test("what does not continue the entry before is not stored over it", () => {
  const { fetched, stored } = fetch((from, to) => [slice(LOG, from, to), 0, 10], { ...WANTED, below: 5 });
  assert.equal([fetched, stored.length], ["other below", 0]);
});

test("damaged entries are refused", () => {
  const { fetched, stored } = fetch((from, to) => {
    const run = slice(LOG, from, to).slice();
    run[60]! ^= 1;
    return [run, 0, 10];
  });
  assert.equal([fetched, stored.length], ["BAD_REQUEST", 0]);
});

test.run();
