import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { quoted, splitWords } from "../../src/base/quoting.ts";

const test = suite("quoting");

test("splitWords() parts at blanks", () => {
  assert.equal(splitWords("  set  k\tv "), ["set", "k", "v"]);
  assert.equal(splitWords(""), []);
  assert.equal(splitWords(" \t"), []);
});

test("splitWords() keeps text as typed", () => {
  assert.equal(splitWords("set k 007"), ["set", "k", "007"]);
  assert.equal(splitWords("incrby n -5"), ["incrby", "n", "-5"]);
  assert.equal(splitWords("set naïve ☃"), ["set", "naïve", "☃"]);
});

test("splitWords() reads double quotes with escapes", () => {
  assert.equal(splitWords('set k "a b"'), ["set", "k", "a b"]);
  assert.equal(splitWords(String.raw`"\n\r\t\b\a\\\"\q"`), ['\n\r\t\b\x07\\"q']);
  assert.equal(splitWords('set k ""'), ["set", "k", ""]);
});

test("splitWords() reads \\xHH as a byte: text if the word is UTF-8, else bytes", () => {
  assert.equal(splitWords(String.raw`"\x41\xe2\x98\x83"`), ["A☃"]);
  assert.equal(splitWords(String.raw`"a\xff\x00"`), [Uint8Array.of(0x61, 0xff, 0)]);
  assert.equal(splitWords(String.raw`"\xzz\x4"`), ["xzzx4"]);
});

test("splitWords() reads single quotes literally", () => {
  assert.equal(splitWords(String.raw`'a\n"b' 'it\'s'`), [String.raw`a\n"b`, "it's"]);
});

test("splitWords() refuses quotes that do not balance", () => {
  for (const line of ['"a', "'a", '"a"b', String.raw`"a\"`, "'a'b"]) {
    assert.throws(() => splitWords(line), (error: unknown) => error instanceof DraftError && error.code === "BAD_REQUEST");
  }
});

test("quoted() writes what splitWords() reads back", () => {
  const words = ["plain", "a b", 'say "hi"\n\\', "\x00\x1b[31m", "naïve ☃", Uint8Array.of(0, 0x41, 0xff, 0x22)];
  for (const word of words) assert.equal(splitWords(quoted(word)), [word]);
  assert.is(quoted(Uint8Array.of(0x61, 0xff)), String.raw`"a\xff"`);
  assert.is(quoted("\x1b"), String.raw`"\x1b"`);
});

test.run();
