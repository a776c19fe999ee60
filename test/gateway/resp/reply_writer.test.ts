import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Protocol, ReplyWriter } from "../../../src/gateway/resp/reply_writer.ts";

const test = suite("resp reply writer");

function shown(protocol: Protocol, write: (writer: ReplyWriter) => void): string {
  const writer = new ReplyWriter();
  writer.protocol = protocol;
  write(writer);
  return Buffer.from(writer.take() ?? new Uint8Array()).toString("latin1");
}

const VALUES: [value: unknown, resp2: string, resp3?: string][] = [
  ["OK", "+OK\r\n"],
  ["", "$0\r\n\r\n"],
  ["ok", "$2\r\nok\r\n"],
  ["é", "$2\r\n\xc3\xa9\r\n"],
  ["a".repeat(100), `$100\r\n${"a".repeat(100)}\r\n`],
  [Uint8Array.of(0xff, 13, 10), "$3\r\n\xff\r\n\r\n"],
  [0, ":0\r\n"],
  [-12, ":-12\r\n"],
  [2 ** 53, ":9007199254740992\r\n"],
  [9223372036854775807n, ":9223372036854775807\r\n"],
  [9223372036854775808n, "$19\r\n9223372036854775808\r\n", "(9223372036854775808\r\n"],
  [1e30, "$31\r\n1000000000000000019884624838656\r\n", "(1000000000000000019884624838656\r\n"],
  [1.5, "$3\r\n1.5\r\n", ",1.5\r\n"],
  [-0, "$2\r\n-0\r\n", ",-0\r\n"],
  [Number.NaN, "$3\r\nnan\r\n", ",nan\r\n"],
  [Number.NEGATIVE_INFINITY, "$4\r\n-inf\r\n", ",-inf\r\n"],
  [true, ":1\r\n", "#t\r\n"],
  [false, ":0\r\n", "#f\r\n"],
  [null, "$-1\r\n", "_\r\n"],
  [undefined, "$-1\r\n", "_\r\n"],
  [["a", null, [1]], "*3\r\n$1\r\na\r\n$-1\r\n*1\r\n:1\r\n", "*3\r\n$1\r\na\r\n_\r\n*1\r\n:1\r\n"],
  [new Set(["a"]), "*1\r\n$1\r\na\r\n"],
  [{ a: 1, OK: "OK" }, "*4\r\n$1\r\na\r\n:1\r\n$2\r\nOK\r\n+OK\r\n", "%2\r\n$1\r\na\r\n:1\r\n$2\r\nOK\r\n+OK\r\n"],
  [new Map([[1, true]]), "*2\r\n$1\r\n1\r\n:1\r\n", "%1\r\n$1\r\n1\r\n#t\r\n"],
];

test("value() shows each kind of value as the table says", () => {
  for (const [value, resp2, resp3 = resp2] of VALUES) {
    assert.is(shown(2, (writer) => writer.value(value)), resp2);
    assert.is(shown(3, (writer) => writer.value(value)), resp3);
  }
});

test("an error is one line, whatever its words hold", () => {
  assert.is(shown(2, (writer) => writer.error("ERR a\r\n+OK\nb é")), "-ERR a +OK b \xc3\xa9\r\n");
});

test("what was taken is not written again, and the next replies begin anew", () => {
  const writer = new ReplyWriter();
  const taken: string[] = [];
  const kept: Uint8Array[] = [];
  for (let i = 0; i < 200; i++) {
    for (let j = 0; j <= i % 7; j++) writer.value(`value ${i} ${"x".repeat(i * j)}`);
    const bytes = writer.take();
    if (bytes === null) throw new Error("nothing was written");
    kept.push(bytes);
    taken.push(Buffer.from(bytes).toString());
  }
  assert.equal(kept.map((bytes) => Buffer.from(bytes).toString()), taken);
  assert.is(writer.take(), null);
});

test.run();
