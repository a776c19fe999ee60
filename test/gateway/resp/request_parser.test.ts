import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Argument, RequestParser } from "../../../src/gateway/resp/request_parser.ts";
import { nextU32, seedRandom } from "../../../src/base/random.ts";

const test = suite("resp request parser");

const LIMITS = { bulkBytesMax: 1000, requestBytesMax: 4000 };

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** What a stream in these pieces holds, and how it ends. */
function read(pieces: readonly Uint8Array[], limits: typeof LIMITS = LIMITS): { requests: Argument[][]; fault: string } {
  const parser = new RequestParser(limits);
  const requests: Argument[][] = [];
  for (const piece of pieces) {
    parser.feed(piece);
    for (let request = parser.next(); request !== null; request = parser.next()) requests.push(request);
    if (parser.fault !== "") break;
  }
  return { requests, fault: parser.fault };
}

const STREAM = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nbc\r\n*0\r\n*-1\r\nPING\r\n\r\n  set  \"a \\x41\" 'b c'\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n" +
  "*2\r\n$4\r\nECHO\r\n$4\r\n\xc3\xa9\xff\xfe\r\n*2\r\n$4\r\nECHO\r\n$2\r\n\xc3\xa9\r\n*1\r\n$3\r\n\xef\xbf\xbd\r\n";

const REQUESTS: Argument[][] = [
  ["SET", "k", "a\r\nbc"], ["PING"], ["set", "a A", "b c"], ["GET", ""], ["ECHO", Uint8Array.of(0xc3, 0xa9, 0xff, 0xfe)], ["ECHO", "é"], ["\ufffd"],
];

test("next() gives the same requests wherever the network cut them", () => {
  const stream = bytesOf(STREAM);
  assert.equal(read([stream]), { requests: REQUESTS, fault: "" });
  assert.equal(read(Array.from(stream, (byte) => Uint8Array.of(byte))), { requests: REQUESTS, fault: "" });
  for (let at = 0; at <= stream.length; at++) {
    assert.equal(read([stream.slice(0, at), stream.slice(at)]), { requests: REQUESTS, fault: "" }, `cut at ${at}`);
  }
});

test("feed() behind what is not used up yet", () => {
  const parser = new RequestParser(LIMITS);
  parser.feed(bytesOf("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n*1\r\n$"));
  assert.equal(parser.next(), ["a"]);
  parser.feed(bytesOf("1\r\nc\r\n"));
  assert.equal([parser.next(), parser.next(), parser.next()], [["b"], ["c"], null]);
});

test("what Redis refuses is refused in its words, behind what came before", () => {
  const faults: [stream: string, fault: string][] = [
    ["*2147483648\r\n", "invalid multibulk length"],
    ["*1048577\r\n", "invalid multibulk length"],
    ["*99999999999999999999\r\n", "invalid multibulk length"],
    ["*x\r\n", "invalid multibulk length"],
    ["*1\r\n$2147483648\r\n", "invalid bulk length"],
    ["*1\r\n$1001\r\n", "invalid bulk length"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$\r\n", "invalid bulk length"],
    ["*1\r\n*1\r\n", "expected '$', got '*'"],
    ["*1\r\n:1\r\n", "expected '$', got ':'"],
    ["*1\r\n\r\n", "expected '$', got '?'"],
    ["*1\r\n$1\r\nabc", "expected the end of a line behind a bulk string"],
    ["\"abc\r\n", "unbalanced quotes in request"],
    ["a\xff\r\n", "an inline request is text, send bytes as an array"],
    ["a".repeat(65_536), "too big inline request"],
    [`*${"1".repeat(65_536)}`, "too big mbulk count string"],
    [`*1\r\n$${"1".repeat(65_536)}`, "too big bulk count string"],
    [`*5\r\n${`$900\r\n${"a".repeat(900)}\r\n`.repeat(5)}`, "too big request, at most 4000 bytes are taken"],
  ];
  for (const [stream, fault] of faults) {
    const whole = bytesOf(`PING\r\n${stream}`);
    for (const pieces of [[whole], Array.from({ length: Math.ceil(whole.length / 7) }, (_, i) => whole.slice(7 * i, 7 * i + 7))]) {
      assert.equal(read(pieces), { requests: [["PING"]], fault: `Protocol error: ${fault}` }, JSON.stringify(stream.slice(0, 40)));
    }
  }
});

test("behind a fault nothing is read, and nothing is held", () => {
  const parser = new RequestParser(LIMITS);
  parser.feed(bytesOf("*x\r\n*1\r\n$4\r\nPING\r\n"));
  assert.is(parser.next(), null);
  parser.feed(bytesOf("*1\r\n$4\r\nPING\r\n"));
  assert.equal([parser.next(), parser.fault], [null, "Protocol error: invalid multibulk length"]);
});

test("a length that was only announced takes no memory; what arrived takes twice its own", () => {
  const parser = new RequestParser({ bulkBytesMax: 1 << 30, requestBytesMax: 1 << 30 });
  parser.feed(bytesOf("*1000000\r\n$1000000000\r\n"));
  assert.is(parser.next(), null);
  assert.ok(parser.heldBytes < 1000, `${parser.heldBytes} bytes held`);
  for (let arrived = 0; arrived < 10_000; arrived += 100) {
    parser.feed(new Uint8Array(100));
    assert.is(parser.next(), null);
    assert.ok(parser.heldBytes <= 2 * arrived + 1000, `${parser.heldBytes} bytes held of ${arrived}`);
  }
});

test("random bytes, and requests with random bytes in them, end in requests or a fault, with bounded memory", () => {
  const state = seedRandom(7);
  const random = { below: (count: number): number => nextU32(state) % count };
  const alphabet = bytesOf("*$\r\n0123456789-aG\"'\\x \0\xff");
  for (let round = 0; round < 3000; round++) {
    const parser = new RequestParser(LIMITS);
    for (let piece = 0; piece < 20 && parser.fault === ""; piece++) {
      const base = random.below(4) === 0 ? bytesOf(STREAM) : Uint8Array.from({ length: random.below(200) }, () => alphabet[random.below(alphabet.length)]!);
      if (base.length > 0 && random.below(2) === 0) base[random.below(base.length)] = random.below(256);
      parser.feed(base);
      for (let request = parser.next(); request !== null; request = parser.next()) {
        assert.ok(request.length > 0);
        for (const argument of request) assert.ok(argument.length <= 65_536);
      }
      assert.ok(parser.heldBytes <= 4000 + 2 * 65_536, `${parser.heldBytes} bytes held`);
    }
  }
});

test.run();
