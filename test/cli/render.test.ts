import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { renderError, renderJson, renderTable, renderText } from "../../src/cli/render.ts";

const test = suite("render");

/** The rows of the value table: value, text, JSON. */
const TABLE: readonly (readonly [unknown, string, string])[] = [
  ["a\n", String.raw`"a\n"`, String.raw`"a\n"`],
  ["OK", "OK", '"OK"'],
  [Uint8Array.of(0x68, 0x69), '"hi"', '"hi"'],
  [Uint8Array.of(0xff, 0x00), String.raw`"\xff\x00"`, '{"base64":"/wA="}'],
  [3, "(integer) 3", "3"],
  [-5, "(integer) -5", "-5"],
  [9007199254740993n, "(integer) 9007199254740993", '"9007199254740993"'],
  [7n, "(integer) 7", "7"],
  [1.5, "1.5", "1.5"],
  [true, "true", "true"],
  [null, "(nil)", "null"],
  [undefined, "(nil)", "null"],
  [[], "(empty array)", "[]"],
  [["a", 1, null], '1) "a"\n2) (integer) 1\n3) (nil)', '["a",1,null]'],
  [[["v", 9], "b"], '1) 1) "v"\n   2) (integer) 9\n2) "b"', '[["v",9],"b"]'],
  [{ key: "k", revision: 4 }, 'key: "k"\nrevision: (integer) 4', '{"key":"k","revision":4}'],
  [{ items: ["a", "b"] }, 'items:\n  1) "a"\n  2) "b"', '{"items":["a","b"]}'],
  [new Map([["k", 1]]), "k: (integer) 1", '{"k":1}'],
];

for (const [value, text, json] of TABLE) {
  test(`renderText() and renderJson() show ${json} (${typeof value})`, () => {
    assert.is(renderText(value), text);
    assert.is(renderJson(value, 7), `{"result":${json},"index":7}`);
  });
}

test("renderText() numbers a list of ten in columns of equal width", () => {
  assert.is(renderText(Array.from({ length: 10 }, () => 1)).split("\n")[0], " 1) (integer) 1");
});

test("renderError() names code and message", () => {
  assert.is(renderError(new DraftError("NO_LEADER", "1 of 3")), "(error) NO_LEADER 1 of 3");
});

test("renderTable() aligns columns", () => {
  assert.is(renderTable([["ID", "ROLE"], ["node", "x"]]), "ID    ROLE\nnode  x");
});

test.run();
