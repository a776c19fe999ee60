import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { PendingWrites } from "../../src/node/pending.ts";

class Writes {
  readonly pending = new PendingWrites();
  readonly told: string[] = [];

  add(index: number, term: number, name: string, deadlineMs = 1000): void {
    this.pending.add(index, {
      term, deadlineMs, decoded: null,
      done: (result) => this.told.push(result instanceof DraftError ? `${name} ${result.code} ${result.outcome}` : `${name} ${result.index} ${String(result.reply)}`),
    });
  }
}

test("applied() answers the write at that index and term with what apply returned", () => {
  const writes = new Writes();
  writes.add(5, 2, "x");
  writes.pending.applied(4, 2, "other");
  writes.pending.applied(5, 2, "reply");
  assert.equal(writes.told, ["x 5 reply"]);
  assert.is(writes.pending.size, 0);
});

test("a write far below the first, and one far above, are found like any other", () => {
  const writes = new Writes();
  writes.add(400_000, 2, "high");
  writes.add(5, 3, "low");
  writes.add(800_000, 3, "higher");
  assert.is(writes.pending.size, 3);
  for (let index = 1; index <= 800_000; index++) writes.pending.applied(index, index < 5 ? 1 : 3, index);
  assert.equal(writes.told, ["low 5 5", "high LOST not-done", "higher 800000 800000"]);
  assert.is(writes.pending.size, 0);
});

test("applied() passes the machine's refusal on as it is", () => {
  const writes = new Writes();
  writes.add(5, 2, "x");
  writes.pending.applied(5, 2, new DraftError("REJECTED", "no"));
  assert.equal(writes.told, ["x REJECTED not-done"]);
});

test("X07: another entry committed at its index: LOST, not done", () => {
  const writes = new Writes();
  writes.add(5, 2, "x");
  writes.pending.applied(5, 3, "other");
  assert.equal(writes.told, ["x LOST not-done"]);
});

test("X07: an entry of a later term committed before its index: LOST, not done, for all behind it of earlier terms", () => {
  const writes = new Writes();
  writes.add(5, 2, "x");
  writes.add(6, 2, "y");
  writes.add(7, 4, "z");
  writes.pending.applied(4, 3, "noop");
  assert.equal(writes.told, ["x LOST not-done", "y LOST not-done"]);
  assert.is(writes.pending.size, 1);
});

test("an entry of the same term committed before it decides nothing", () => {
  const writes = new Writes();
  writes.add(5, 2, "x");
  writes.pending.applied(3, 1, "");
  writes.pending.applied(4, 2, "");
  assert.equal(writes.told, []);
});

test("add() at the index of another write, which this log no longer holds: LOST, unknown, for it may be elsewhere", () => {
  const writes = new Writes();
  writes.add(5, 2, "x");
  writes.add(5, 4, "y");
  assert.equal(writes.told, ["x LOST unknown"]);
});

test("expire() tells TIMEOUT, unknown, at the deadline and once", () => {
  const writes = new Writes();
  writes.add(5, 2, "x", 100);
  writes.add(6, 2, "y", 101);
  writes.pending.expire(99);
  assert.equal(writes.told, []);
  writes.pending.expire(100);
  assert.equal(writes.told, ["x TIMEOUT unknown"]);
  writes.pending.applied(5, 2, "late");
  assert.is(writes.told.length, 1);
});

test("D16: end() tells LOST, unknown", () => {
  const writes = new Writes();
  writes.add(5, 2, "x");
  writes.pending.end("the node ends");
  writes.pending.end("the node ends");
  assert.equal(writes.told, ["x LOST unknown"]);
  assert.is(writes.pending.size, 0);
});

test.run();
