import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { PACKED_NUMBER_BYTES_MAX, PackedReader, PackedWriter } from "../../src/base/packed.ts";
import { nextU32, seedRandom } from "../../src/base/random.ts";

const test = suite("packed");
const ODD = [0.5, -1, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function lengthOf(value: number, base: number): number {
  const writer = new PackedWriter(PACKED_NUMBER_BYTES_MAX);
  writer.near(value, base);
  assert.ok(writer.at <= PACKED_NUMBER_BYTES_MAX);
  const read = new PackedReader(writer.bytes.subarray(0, writer.at)).near(base);
  assert.ok(Object.is(read, value), `${value} near ${base}: ${read}`);
  return writer.at;
}

test("near() is one byte for what differs by less than 64", () => {
  assert.equal([lengthOf(5, 5), lengthOf(68, 5), lengthOf(5, 68), lengthOf(69, 5), lengthOf(0, 0)], [1, 1, 1, 2, 1]);
});

test("near() brings back every number, whole or odd, near any base", () => {
  const random = seedRandom(7);
  const draw = (): number => Math.floor((nextU32(random) * 2 ** 21 + (nextU32(random) >>> 11)) / 2 ** (nextU32(random) % 53));
  for (let i = 0; i < 20_000; i++) lengthOf(draw(), draw());
  for (const base of [0, 1, Number.MAX_SAFE_INTEGER]) {
    for (const value of [...ODD, 0, 63, 64, 2 ** 31, 2 ** 37, 2 ** 38, Number.MAX_SAFE_INTEGER]) lengthOf(value, base);
  }
});

test("the writer grows, and keeps what was written", () => {
  const writer = new PackedWriter(1);
  for (let i = 0; i < 1000; i++) {
    writer.reserve(13);
    writer.byte(i & 255);
    writer.u32(i * 4_000_000);
    writer.f64(i / 3);
  }
  const reader = new PackedReader(writer.bytes.subarray(0, writer.at));
  for (let i = 0; i < 1000; i++) assert.equal([reader.byte(), reader.u32(), reader.f64()], [i & 255, i * 4_000_000 >>> 0, i / 3]);
  assert.ok(reader.isAtEnd);
});

test("bytes that nobody wrote are refused", () => {
  const read = (...bytes: number[]): void => void new PackedReader(Uint8Array.from(bytes)).near(0);
  const bad = [[], [0x80], [0x41], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]];
  for (const bytes of bad) {
    assert.throws(() => read(...bytes), (error: unknown) => error instanceof DraftError && error.code === "DAMAGED");
  }
});

test.run();
