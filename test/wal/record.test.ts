import { test } from "uvu";
import * as assert from "uvu/assert";
import { viewOf } from "../../src/base/bytes.ts";
import { type Envelope, ENVELOPE_BYTES, readBaseBody, readEnvelope, readMadeBody, seedOf, writeEnvelope } from "../../src/wal/record.ts";
import { readSegmentHeader, segmentName, sequenceOf, writeSegmentHeader } from "../../src/wal/segment.ts";
import { IDENTITY } from "./fixture.ts";

const ENVELOPE: Envelope = { length: 64, batch: 9, mark: 8, group: 3, type: 1, firstIndex: 2 ** 40, count: 7, batchAt: 120, bodySum: 5 };

test("readEnvelope() reads what writeEnvelope() wrote, at no other offset and under no other salt", () => {
  const bytes = new Uint8Array(ENVELOPE_BYTES + 8);
  writeEnvelope(bytes, 8, ENVELOPE, seedOf(1, 4_096));
  assert.equal(readEnvelope(bytes, viewOf(bytes), 8, seedOf(1, 4_096)), ENVELOPE);
  assert.is(readEnvelope(bytes, viewOf(bytes), 8, seedOf(1, 4_104)), null);
  assert.is(readEnvelope(bytes, viewOf(bytes), 8, seedOf(2, 4_096)), null);
  assert.is(readEnvelope(bytes, viewOf(bytes), 16, seedOf(1, 4_096)), null);
});

test("F08: an envelope of which any bit is flipped is none", () => {
  const bytes = new Uint8Array(ENVELOPE_BYTES);
  writeEnvelope(bytes, 0, ENVELOPE, 77);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(readEnvelope(bytes, viewOf(bytes), 0, 77), null, `bit ${bit}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});

test("readEnvelope() believes no mark but that of the batch before", () => {
  const bytes = new Uint8Array(ENVELOPE_BYTES);
  writeEnvelope(bytes, 0, { ...ENVELOPE, mark: 9 }, 0);
  assert.is(readEnvelope(bytes, viewOf(bytes), 0, 0), null);
});

test("bodies whose lengths do not fit are none", () => {
  const body = new Uint8Array(128);
  viewOf(body).setUint32(0, 0xffffffff, true);
  viewOf(body).setUint32(84, 0xffffffff, true);
  assert.is(readMadeBody(body), null);
  assert.is(readBaseBody(body), null);
});

test("segment headers: round trip, and no bit of them may change", () => {
  const header = { ...IDENTITY, sequence: 5, salt: 6, repeated: 7, firstBatch: 8, previousEnd: 9 };
  const block = writeSegmentHeader(header);
  assert.equal(readSegmentHeader(block), header);
  for (let bit = 0; bit < 300 * 8; bit++) {
    block[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(readSegmentHeader(block), null, `bit ${bit}`);
    block[bit >> 3]! ^= 1 << (bit & 7);
  }
  assert.is(sequenceOf(segmentName(5)), 5);
  assert.is(sequenceOf("5.seg"), 0);
});

test.run();
