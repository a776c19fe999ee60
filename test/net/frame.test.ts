import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes, crc32, viewOf } from "../../src/base/bytes.ts";
import { nextInRange, nextU32, seedRandom } from "../../src/base/random.ts";
import { ConnectionKind, FRAME_HEADER_BYTES, FrameParser, Lane, PREFACE_BYTES, readPreface, writePreface } from "../../src/net/frame.ts";
import { FrameWriter } from "../../src/net/frame_writer.ts";

/** All frames that come out when `pieces` go in, copied. */
function parseAll(parser: FrameParser, pieces: readonly Uint8Array[]): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (const piece of pieces) {
    parser.feed(piece);
    for (let body = parser.next(); body !== null; body = parser.next()) bodies.push(body.slice());
  }
  return bodies;
}

function stream(bodies: readonly Uint8Array[]): Uint8Array {
  const writer = new FrameWriter();
  for (const body of bodies) writer.add(body);
  return concatBytes(writer.take());
}

const BODIES: readonly Uint8Array[] = [1, 2, 70, 3, 1500, 9].map((bytes, i) => new Uint8Array(bytes).fill(i + 1));

test("the preface says kind, version and lane; other bytes are none", () => {
  const bytes = writePreface(ConnectionKind.peer, Lane.bulk);
  assert.is(bytes.length, PREFACE_BYTES);
  assert.equal(readPreface(bytes), { kind: 1, version: 1, lane: 1 });
  assert.is(readPreface(bytes.subarray(0, 7)), null);
  for (let at = 0; at < 4; at++) {
    const other = bytes.slice();
    other[at] = 0x47;
    assert.is(readPreface(other), null);
  }
});

test("N04 frames are the same wherever the stream is cut in two", () => {
  const bytes = stream(BODIES);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const parser = new FrameParser(4096);
    assert.equal(parseAll(parser, [bytes.subarray(0, cut), bytes.subarray(cut)]), BODIES, `cut at ${cut}`);
    assert.is(parser.waitingBytes, 0);
  }
});

test("N04 frames are the same byte by byte, all in one piece, and in random pieces", () => {
  const bytes = stream(BODIES);
  assert.equal(parseAll(new FrameParser(4096), Array.from(bytes, (byte) => Uint8Array.of(byte))), BODIES);
  assert.equal(parseAll(new FrameParser(4096), [bytes]), BODIES);
  const random = seedRandom(7);
  for (let round = 0; round < 300; round++) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + nextInRange(random, 0, 200));
      pieces.push(bytes.subarray(at, end));
      at = end;
    }
    assert.equal(parseAll(new FrameParser(4096), pieces), BODIES);
  }
});

test("a frame within one piece is handed on without a copy", () => {
  const bytes = stream([Uint8Array.of(1, 2, 3)]);
  const parser = new FrameParser(100);
  parser.feed(bytes);
  assert.is(parser.next()?.buffer, bytes.buffer);
});

test("a length over the limit is refused before anything is allocated or awaited", () => {
  for (const length of [101, 2 ** 31, 2 ** 32 - 1]) {
    const header = new Uint8Array(FRAME_HEADER_BYTES);
    viewOf(header).setUint32(0, length, true);
    for (const cut of [0, 3, 8]) {
      const parser = new FrameParser(100);
      assert.equal(parseAll(parser, [header.subarray(0, cut), header.subarray(cut)]), []);
      assert.is(parser.fault, "too long");
      assert.equal(parseAll(parser, [stream(BODIES)]), []);
    }
  }
});

test("a length within the limit takes memory only as its bytes arrive", () => {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  viewOf(header).setUint32(0, 1 << 30, true);
  const parser = new FrameParser(1 << 30);
  parseAll(parser, [header]);
  for (let arrived = FRAME_HEADER_BYTES; arrived < 1 << 20;) {
    const piece = new Uint8Array(1 + arrived % 5000);
    parseAll(parser, [piece]);
    arrived += piece.length;
    assert.is(parser.waitingBytes, arrived);
    assert.ok(parser.heldBytes <= Math.max(1024, 2 * arrived), `${parser.heldBytes} held of ${arrived}`);
  }
});

test("an empty frame and a wrong checksum are faults, and end the stream", () => {
  const empty = new FrameParser(100);
  parseAll(empty, [new Uint8Array(8)]);
  assert.is(empty.fault, "empty");
  const bytes = stream(BODIES);
  for (let at = 0; at < bytes.length; at++) {
    const bad = bytes.slice();
    bad[at]! ^= 1 << (at % 8);
    const parser = new FrameParser(4096);
    const bodies = parseAll(parser, [bad]);
    assert.ok(bodies.length < BODIES.length);
    assert.ok(parser.fault !== null || parser.waitingBytes > 0, `flip at ${at}`);
    assert.equal(bodies, BODIES.slice(0, bodies.length));
  }
});

test("the sum of a frame with parts covers head and parts, which are not copied", () => {
  const writer = new FrameWriter();
  const part = new Uint8Array(5000).fill(9);
  writer.begin();
  writer.array(2);
  writer.whole(3);
  writer.endWithBytes([part, part.subarray(0, 10)]);
  writer.begin();
  writer.flag(true);
  writer.end();
  assert.is(writer.frames, 2);
  const parts = writer.take();
  assert.is(parts[1], part);
  const whole = concatBytes(parts);
  assert.is(writer.bytes, 0);
  const [first, second] = parseAll(new FrameParser(10_000), [whole]);
  assert.equal(first?.subarray(0, 5), Uint8Array.of(0x82, 3, 0x59, 5010 >> 8, 5010 & 255));
  assert.is(crc32(first as Uint8Array, 5, 5005, 0), crc32(part, 0, 5000, 0));
  assert.equal(second, Uint8Array.of(0xf5));
});

test("parts that were taken are never written again", () => {
  const writer = new FrameWriter();
  const taken: Uint8Array[] = [];
  const expected: Uint8Array[] = [];
  const random = seedRandom(3);
  for (let i = 0; i < 3000; i++) {
    const body = new Uint8Array(nextInRange(random, 1, 60)).fill(nextU32(random));
    expected.push(body);
    if (i % 3 === 0) writer.add(body);
    else {
      writer.begin();
      writer.array(1);
      writer.endWithBytes([body]);
    }
    if (i % 7 === 0) taken.push(...writer.take());
  }
  taken.push(...writer.take());
  const bodies = parseAll(new FrameParser(1000), taken);
  assert.is(bodies.length, expected.length);
  bodies.forEach((body, i) => assert.equal(body.subarray(body.length - (expected[i] as Uint8Array).length), expected[i]));
});

test.run();
