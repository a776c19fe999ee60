import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../../src/base/codec.ts";
import { decodeEnvelope, encodeCommand, encodeEnvelope, sessionBytes } from "../../src/machine/command.ts";

const SESSION = "00ff2233445566778899aabbccddeeff";

test("encodeEnvelope() and decodeEnvelope() are each other's inverse", () => {
  const command = ["set", "k", Uint8Array.of(1, 2), 5, -5n, 1.5, null, true, [Uint8Array.of(3)], { a: { b: "c" } }] as const;
  const envelope = { session: SESSION, sequence: 2 ** 40, answeredBelow: 7, command };
  const decoded = decodeEnvelope(encodeEnvelope(envelope));
  assert.equal(decoded, envelope);
  assert.equal(decodeEnvelope(encodeCommand(["get", "k"])), { session: null, sequence: 0, answeredBelow: 0, command: ["get", "k"] });
});

test("an envelope has the bytes that docs/formats.md draws", () => {
  const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  assert.is(hex(encodeCommand(["get", "k"])), "840000008263676574616b");
  assert.is(hex(encodeEnvelope({ session: SESSION, sequence: 1, answeredBelow: 1, command: ["x"] })), `8450${SESSION}0101816178`);
});

test("encodeEnvelope() refuses a session that is none", () => {
  for (const session of ["", SESSION.toUpperCase(), `${SESSION}00`]) {
    assert.throws(() => encodeEnvelope({ session, sequence: 1, answeredBelow: 1, command: ["x"] }), RangeError);
  }
});

test("decodeEnvelope() copies bytes wherever they stand", () => {
  const nested = { list: [Uint8Array.of(1)], map: new Map([["k", Uint8Array.of(2)]]), floats: Float64Array.of(1.5) };
  const payload = encodeCommand(["x", Uint8Array.of(3), nested]).slice();
  const [, bytes, copy] = decodeEnvelope(payload).command as unknown as [string, Uint8Array, typeof nested & { map: Record<string, Uint8Array> }];
  payload.fill(0);
  assert.equal([bytes, copy.list[0], copy.floats], [Uint8Array.of(3), Uint8Array.of(1), Float64Array.of(1.5)]);
  for (const view of [bytes, copy.list[0]!, copy.floats]) assert.is(view.buffer.byteLength, view.byteLength);
});

test("decodeEnvelope() reads flat commands as the codec would", () => {
  const texts = ["", "a", "é", "\ufeffk", "\u{1f600}", "x".repeat(23), "x".repeat(24), "x".repeat(300), "é".repeat(40_000)];
  const numbers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -1, -24, -25, -257, -(2 ** 32), 0.5, -0, 1e300, 2n ** 63n];
  const others = [true, false, null, undefined, new Uint8Array(0), new Uint8Array(300).fill(7), [], {}];
  for (const item of [...texts, ...numbers, ...others]) {
    const payload = encodeEnvelope({ session: null, sequence: 300, answeredBelow: 70_000, command: ["x", item, "end"] });
    const [, , , command] = decode(payload) as [number, number, number, unknown[]];
    const wanted = command.map((one) => (one instanceof Uint8Array ? new Uint8Array(one) : one));
    assert.equal(decodeEnvelope(payload), { session: null, sequence: 300, answeredBelow: 70_000, command: wanted });
    const placed = encodeEnvelope({ session: SESSION, sequence: 300, answeredBelow: 70_000, command: ["x", item, "end"] });
    assert.equal(decodeEnvelope(placed), { session: SESSION, sequence: 300, answeredBelow: 70_000, command: wanted });
    for (let end = 0; end < 30; end++) assert.throws(() => decodeEnvelope(placed.subarray(0, end)));
    for (let end = 0; end < Math.min(payload.length, 40); end++) assert.throws(() => decodeEnvelope(payload.subarray(0, end)));
    if (payload.length < 1000) assert.throws(() => decodeEnvelope(Uint8Array.of(...payload, 0)));
  }
});

test("encodeCommand() writes flat commands as the codec would, and leaves the others to it", () => {
  const texts = ["", "a", "é", "\u{1f600}", "\ud800", "x".repeat(23), "x".repeat(24), "x".repeat(255), "x".repeat(256), "x".repeat(5000)];
  const numbers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -1, 0.5, -0, Number.NaN, 2n ** 63n];
  const others = [true, null, undefined, new Uint8Array(0), new Uint8Array(300).fill(7), new Uint8Array(5000), [], { a: 1 }];
  for (const item of [...texts, ...numbers, ...others]) {
    for (const command of [["x", item], ["x", item, "end"], ["é", item], Array.from({ length: 30 }, () => item)] as unknown as ["x"][]) {
      const wanted = encode([0, 0, 0, command]).slice();
      assert.equal(new Uint8Array(encodeCommand(command)), new Uint8Array(wanted));
      for (const [sequence, answeredBelow] of [[1, 1], [24, 23], [70_000, 65_536], [2 ** 40, 2 ** 33]] as const) {
        const id = sessionBytes(SESSION);
        const placed = encode([id, sequence, answeredBelow, command]).slice();
        assert.equal(new Uint8Array(encodeEnvelope({ session: SESSION, sequence, answeredBelow, command })), new Uint8Array(placed));
      }
    }
  }
});

test("decodeEnvelope() refuses what is no envelope", () => {
  const malformed: [unknown, RegExp][] = [
    [[0, 0, 0], /tuple of four/],
    [[0, 0, 0, ["x"], 0], /tuple of four/],
    ["text", /tuple of four/],
    [[0, 1.5, 0, ["x"]], /sequence/],
    [[0, 0, "1", ["x"]], /sequence/],
    [[1, 0, 0, ["x"]], /session/],
    [[new Uint8Array(15), 0, 0, ["x"]], /session/],
    [[0, 0, 0, "x"], /no list/],
    [[0, 0, 0, []], /name of an operation/],
  ];
  for (const [value, message] of malformed) assert.throws(() => decodeEnvelope(encode(value)), message);
});

test.run();
