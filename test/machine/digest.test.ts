import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../../src/base/codec.ts";
import { foldCount, foldText, foldValue } from "../../src/machine/digest.ts";

test("foldValue() tells values apart that look alike", () => {
  const values: unknown[] = [
    null, false, true, 0, 1, -1, 2 ** 31, 2 ** 32, 2 ** 53, 0.5, -0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 1n, 2n ** 64n - 1n,
    "", "0", "a", "ab", "ba", "a\u0000", "é", Uint8Array.of(), Uint8Array.of(97), Uint8Array.of(97, 98), [], [[]], [0], ["a"], ["a", "b"],
    ["ab"], {}, { a: 1 }, { b: 1 }, { a: 1, b: 2 }, { b: 2, a: 1 }, new Set([1]), new Date(5),
  ];
  const digests = values.map((value) => foldValue(1, value));
  assert.is(new Set(digests).size, values.length);
});

test("foldValue() takes null and undefined, a Map and an object's keys in order, for what clients see", () => {
  assert.is(foldValue(1, undefined), foldValue(1, null));
  assert.is(foldValue(1, -0), foldValue(1, 0));
  assert.is.not(foldValue(1, new Map([[1, 2], [3, 4]])), foldValue(1, new Map([[3, 4], [1, 2]])));
});

test("foldValue() of a value and of its copy by the codec are one", () => {
  const value = { text: "é", list: [1, 2.5, null, true, Uint8Array.of(1, 2)], deep: { deep: [{}] } };
  assert.is(foldValue(1, decode(encode(value))), foldValue(1, value));
});

test("foldValue() refuses what cannot be sent", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [() => 1, Symbol("a"), circle, [() => 1]]) assert.throws(() => foldValue(1, value), TypeError);
  for (const value of [2n ** 64n, -(2n ** 63n) - 1n]) assert.throws(() => foldValue(1, value), RangeError);
});

test("digests are these numbers on every runtime", () => {
  const values = [null, true, -7, 2 ** 40, 1.25, Number.NaN, 5n, "text é", Uint8Array.of(1, 2, 3), [1, ["a"]], { a: { b: null } }];
  const digest = foldText(foldCount(values.reduce<number>(foldValue, 0), 2 ** 33), "end");
  assert.is(digest >>> 0, 3368129031);
});

test.run();
