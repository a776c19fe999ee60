import { suite } from "uvu";
import * as assert from "uvu/assert";
import { escaped } from "../../src/base/escaped.ts";
import { bytesOf, hexOf, keyText, prettyJson, SHOWN_BYTES_MAX, textOf, viewsOf } from "../../src/page/bytes.ts";
import { kindOfEvent } from "../../src/page/event_kinds.ts";
import { bytesText, commandPieces, countedText, countText, measureText, spanText } from "../../src/page/words.ts";

const test = suite("what a page shows");
const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);

test("keys of any bytes are seen, and can be asked for", () => {
  assert.equal(["plain/ä", "鍵/日本", "👩‍🚀".slice(0, 2)].map(keyText), ["plain/ä", "鍵/日本", "👩"]);
  assert.is(keyText("a\u0000b\u202e"), "a\\x00b\\xe2\\x80\\xae", "nothing hides, and nothing turns the line around");
  assert.is(keyText({ base64: "eP8A" }), "x\\xff\\x00");
  assert.is(escaped(bytesOf({ base64: "eP8A" })), "x%FF%00");
  assert.is(escaped(bytesOf("a/b ä.")), "a%2Fb%20%C3%A4.");
  assert.is(keyText(""), "");
});

test("a value is shown as what it is", () => {
  assert.equal(viewsOf(encoded('{"a":1}')), ["json", "text", "hex"]);
  assert.equal(viewsOf(encoded("7")), ["text", "hex"], "a number is text");
  assert.equal(viewsOf(Uint8Array.of(0xff, 0)), ["hex"]);
  assert.equal(viewsOf(new Uint8Array()), ["text", "hex"]);
  assert.is(prettyJson("[1,{}]"), "[\n  1,\n  {}\n]");
  assert.is(prettyJson("{oops"), null);
});

test("of a huge value its beginning is shown, at whatever byte that ends", () => {
  const huge = encoded("ä".repeat(SHOWN_BYTES_MAX));
  assert.equal(viewsOf(huge.subarray(1)), ["hex"]);
  assert.equal(viewsOf(huge), ["text", "hex"]);
  assert.equal(viewsOf(encoded(`x${"ä".repeat(SHOWN_BYTES_MAX)}`)), ["text", "hex"], "a character that the end cuts in two");
  assert.is(textOf(huge).length, SHOWN_BYTES_MAX / 2);
  assert.is(hexOf(huge).split("\n").length, SHOWN_BYTES_MAX / 64);
  assert.is(hexOf(encoded("draft\u0000 is a log")), "000000  64 72 61 66 74 00 20 69  73 20 61 20 6c 6f 67     draft· is a log");
});

test("numbers and spans of time", () => {
  assert.equal([0.4, 999, 1000, 61_000, 3_600_000, 90_061_000].map(spanText), ["0 ms", "999 ms", "1 s", "1 min 1 s", "1 h", "1 d 1 h"]);
  assert.equal([0, 999, 1000, 1_234_567].map(countText), ["0", "999", "1\u2009000", "1\u2009234\u2009567"]);
  assert.equal([0, 0.123, 4.25, 42.4, 4242].map(measureText), ["0", "0.12", "4.3", "42", "4\u2009242"]);
  assert.equal([0, 1023, 1536, 7_000_000].map(bytesText), ["0 B", "1\u2009023 B", "1.5 KiB", "6.7 MiB"]);
  assert.equal([countedText(1, "node"), countedText(3, "node"), countedText(2, "entry", "entries")], ["one node", "3 nodes", "2 entries"]);
});

test("commands within a sentence are told from it", () => {
  const pieces = commandPieces("start it; if it is lost for good, draft admin del b or replace: then draft serve --id b.");
  assert.equal(pieces.filter(({ isCommand }) => isCommand).map(({ text }) => text), ["draft admin del b", "draft serve --id b."]);
  assert.is(pieces.map(({ text }) => text).join(""), "start it; if it is lost for good, draft admin del b or replace: then draft serve --id b.");
  assert.equal(commandPieces("nothing to type"), [{ text: "nothing to type", isCommand: false }]);
});

test("sentences of a story by what they are about", () => {
  const kinds = [
    "a leads term 3, elected by b, c and itself", "b votes for a in term 3", "a steps down: it heard no majority for 600 ms", "c follows a in term 3",
    "a tells b to take over", "a gives up the transfer to b: no answer came in time", "a has a, b, c and d for members from index 9 on",
    "a refuses to change the members: another change of the members is under way", "b gives up 2 rounds of reads: the leader is gone",
    "a took a snapshot of index 9; its log begins behind 3", "b starts in term 0 with an empty log", "a lost its connection to e",
  ].map(kindOfEvent);
  assert.equal(kinds, ["election", "election", "election", "election", "transfer", "transfer", "members", "refusal", "refusal", "disk", "other", "link"]);
});

test.run();
