import { suite } from "uvu";
import * as assert from "uvu/assert";
import { areaOf, type Frame, latestOf, lineOf, nearestTo, peakOf, stretchesOf, topOf } from "../../src/page/chart_shape.ts";
import { History, type Sample } from "../../src/page/history.ts";

const test = suite("history of a page");

function sample(atMs: number, commitIndex: number | null, more: Partial<Sample> = {}): Sample {
  return { atMs, commitIndex, answerMs: 2, commitMs: null, leaderId: "a", term: 1, ...more };
}

function historyOf(samples: readonly Sample[], spanMs: number = 300_000): History {
  const history = new History({ spanMs, intervalMs: 1000 });
  for (const each of samples) history.add(each);
  return history;
}

test("a rate is the difference of indexes over the time between", () => {
  const rates = historyOf([sample(0, 100), sample(1000, 150), sample(3000, 150), sample(3500, 160)]).rates();
  assert.equal(rates.map(({ value }) => value), [50, 0, 20]);
});

test("nothing is made up where nothing was heard", () => {
  const history = historyOf([sample(0, 100), sample(1000, null, { answerMs: null, leaderId: null }), sample(2000, 200), sample(3000, 210), sample(60_000, 9000), sample(61_000, 9001)]);
  const rates = history.rates();
  assert.equal(rates.map(({ value }) => value), [null, null, 10, null, 1], "neither after silence nor over a time in which nobody looked");
  assert.equal(history.gaps(rates), [{ fromMs: 1000, toMs: 2000 }, { fromMs: 3000, toMs: 60_000 }]);
  assert.is(latestOf(rates), 1);
});

test("an index that falls is no rate", () => {
  assert.equal(historyOf([sample(0, 100), sample(1000, 40)]).rates().map(({ value }) => value), [null]);
});

test("no more is kept than is shown", () => {
  const history = historyOf(Array.from({ length: 1000 }, (_, at) => sample(at * 1000, at)), 10_000);
  assert.is(history.samples.length, 12);
  assert.is(history.rates().length, 11);
  assert.is(history.shownMs, 10_000);
  assert.is(historyOf([sample(0, 1)]).shownMs, 60_000);
});

test("another leader, or term, is marked; the first one and silence are not", () => {
  const marks = historyOf([sample(0, 1), sample(1, 1), sample(2, 1, { leaderId: null }), sample(3, 1), sample(4, 1, { leaderId: "b", term: 2 }), sample(5, 1, { leaderId: "b", term: 3 })]).leaderMarks();
  assert.equal(marks.map(({ atMs, leaderId, term }) => [atMs, leaderId, term]), [[4, "b", 2], [5, "b", 3]]);
});

test("the first answer, in which a connection was opened, is not drawn as a gap", () => {
  const history = historyOf([sample(0, 1, { answerMs: null }), sample(1000, 1), sample(2000, 1, { answerMs: null })]);
  assert.equal(history.answers().map(({ value }) => value), [2, null]);
  assert.equal(history.gaps(history.answers()), [{ fromMs: 1000, toMs: 2000 }]);
});

const FRAME: Frame = { width: 100, height: 10, fromMs: 0, toMs: 1000, top: 10 };

test("lines end where nothing is known, and a lone point is seen", () => {
  const points = [{ atMs: 0, value: 0 }, { atMs: 100, value: 10 }, { atMs: 200, value: null }, { atMs: 300, value: 5 }, { atMs: 900, value: 20 }];
  const stretches = stretchesOf(points, (fromMs, toMs) => toMs - fromMs > 500);
  assert.equal(stretches.map((stretch) => lineOf(FRAME, stretch)), ["M0 10L10 0", "M30 5h0.01", "M90 0h0.01"], "what is above the frame stays in it");
  assert.is(areaOf(FRAME, stretches[0] ?? []), "M0 10L10 0L10 10L0 10Z");
  assert.is(areaOf(FRAME, []), "");
  assert.is(peakOf(points), 20);
  assert.is(nearestTo(points, 260)?.atMs, 300);
  assert.is(nearestTo([], 260), null);
});

test("the scale ends at a round number", () => {
  assert.equal([0, 3, 10, 11, 99, 101, 4321].map((value) => topOf(value, 10)), [10, 10, 10, 20, 100, 200, 5000]);
  assert.equal([topOf(0, 1), topOf(0, 5), topOf(6, 5)], [1, 5, 10]);
  assert.ok(topOf(Number.POSITIVE_INFINITY, 1) > 0);
});

test.run();
