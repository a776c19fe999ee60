import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { decode, encode, NESTING_MAX } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, nextU32, seedRandom } from "../../src/base/random.ts";

function refusal(bytes: Uint8Array): DraftError {
  try {
    decode(bytes);
  } catch (error) {
    assert.instance(error, DraftError);
    assert.is((error as DraftError).code, "BAD_REQUEST");
    return error as DraftError;
  }
  throw new Error(`decoded: ${String(bytes)}`);
}

function of(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

const SAMPLE = [1, -5, 2 ** 40, 1.5, "text", true, null, { key: [1, { deep: "x" }] }, ["a".repeat(300)]];

test("values are read as they were written", () => {
  assert.equal(decode(encode(SAMPLE)), SAMPLE);
  assert.equal(new Uint8Array(decode(encode(Uint8Array.of(1, 2, 3))) as Uint8Array), Uint8Array.of(1, 2, 3));
});

test("byte strings are Uint8Array views of what was decoded", () => {
  const bytes = encode([new Uint8Array(1000).fill(7)]);
  const [read] = decode(bytes) as [Uint8Array];
  assert.is(read.length, 1000);
  assert.is(read.buffer, bytes.buffer);
});

test("N03 every truncation is refused, and so are bytes behind the end", () => {
  const bytes = encode(SAMPLE).slice();
  for (let end = 0; end < bytes.length; end++) refusal(bytes.subarray(0, end));
  refusal(concatBytes([bytes, of(0)]));
});

test("N03 nesting is bounded", () => {
  for (const opener of [0x81, 0xa1, 0xc1]) {
    const step = opener === 0xa1 ? of(0xa1, 0x00) : of(opener);
    const nested = (depth: number): Uint8Array => concatBytes([...Array.from({ length: depth }, () => step), of(0x00)]);
    assert.match(refusal(nested(NESTING_MAX + 1)).message, "nested deeper");
    refusal(nested(1_000_000));
  }
  decode(concatBytes([...Array.from({ length: NESTING_MAX }, () => of(0x81)), of(0x00)]));
});

test("N03 items of indefinite length, reserved heads and unknown simple values are refused", () => {
  for (const head of [0x5f, 0x7f, 0x9f, 0xbf, 0xff, 0x1c, 0x1d, 0x1e, 0x3f, 0xdf, 0xfc, 0xe0, 0xf3]) refusal(of(head, 0x00, 0xff));
  refusal(of(0xf8, 0x20));
});

test("N03 lengths that promise more than there is are refused before anything is allocated", () => {
  for (const major of [0x40, 0x60, 0x80, 0xa0]) {
    refusal(of(major | 26, 0xff, 0xff, 0xff, 0xff));
    refusal(of(major | 27, 0x00, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
    refusal(of(major | 27, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
  }
});

test("N03 big numbers, records, shared references and other tags that act are refused", () => {
  const bignum = concatBytes([of(0xc2, 0x5a, 0, 1, 0x86, 0xa0), new Uint8Array(100_000).fill(255)]);
  assert.match(refusal(bignum).message, "tag 2");
  for (const tag of [2, 3, 4, 5, 25, 27, 28, 29, 51, 105, 256, 40_500, 57_342, 57_343]) {
    const head = tag < 24 ? of(0xc0 | tag) : tag < 256 ? of(0xd8, tag) : of(0xd9, tag >> 8, tag & 255);
    refusal(concatBytes([head, of(0x82, 0x01, 0x02)]));
    refusal(concatBytes([head, of(0x01)]));
  }
});

test("N03 integers over 2^53 never come back as another number", () => {
  const values = [
    decode(of(0x1b, 0x00, 0x20, 0, 0, 0, 0, 0, 1)),
    decode(of(0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
    decode(of(0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  ];
  assert.equal(values, [2n ** 53n + 1n, 2n ** 64n - 1n, -(2n ** 64n)]);
});

test("N03 a key named __proto__ is data, and of two equal keys the last counts", () => {
  const key = encode("__proto__").slice();
  const value = decode(concatBytes([of(0xa1), key, of(0xa1, 0x61, 0x78, 0x01)])) as object;
  assert.is(Object.getPrototypeOf(value), Object.prototype);
  assert.is((value as { x?: unknown }).x, undefined);
  assert.is(({} as { x?: unknown }).x, undefined);
  assert.equal(decode(of(0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02)), { a: 2 });
});

test("N03 thirty thousand mutations and random strings are decoded or refused, never worse", () => {
  const random = seedRandom(3);
  const sample = encode(SAMPLE).slice();
  let refused = 0;
  for (let round = 0; round < 30_000; round++) {
    const bytes = round % 3 === 0 ? new Uint8Array(nextInRange(random, 0, 40)) : sample.slice();
    const changes = round % 3 === 0 ? bytes.length : nextInRange(random, 1, 4);
    for (let i = 0; i < changes; i++) bytes[round % 3 === 0 ? i : nextU32(random) % bytes.length] = nextU32(random);
    try {
      decode(bytes);
    } catch (error) {
      if (!(error instanceof DraftError)) throw new Error(`round ${round}: ${String(error)}`, { cause: error });
      refused += 1;
    }
  }
  assert.ok(refused > 5000, `refused ${refused}`);
});

test.run();
