import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MUTANTS, NUMBERS, UNKILLABLE, WAITING } from "../../scripts/mutants/list.ts";
import { applyPatch, numberOf, type Patch, patchesOf } from "../../scripts/mutants/mutant.ts";
import { putTable, rowOf, rowsIn, tableOf } from "../../scripts/mutants/table.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

for (const mutant of [...MUTANTS, ...UNKILLABLE]) {
  test(`mutant ${mutant.id} still fits the code`, () => {
    const texts = new Map<string, string>();
    for (const patch of patchesOf(mutant)) {
      const text = texts.get(patch.file) ?? readFileSync(`${root}/${patch.file}`, "utf8");
      const patched = applyPatch(text, patch);
      assert.is.not(patched, text, "it changes something");
      texts.set(patch.file, patched);
    }
  });
}

test("every number of the list is tried, or told why not", () => {
  const numbers = [...MUTANTS, ...WAITING, ...UNKILLABLE].map(({ id }) => numberOf(id));
  const missing = Array.from({ length: NUMBERS }, (_, at) => at + 1).filter((number) => !numbers.includes(number));
  assert.equal(missing, []);
  assert.ok(numbers.every((number) => number >= 1 && number <= NUMBERS));
});

test("ids are apart, and every reason says something", () => {
  const ids = [...MUTANTS, ...WAITING, ...UNKILLABLE].map(({ id }) => id);
  assert.is(new Set(ids).size, ids.length);
  assert.ok([...WAITING, ...UNKILLABLE].every(({ why }) => why.length > 4));
});

test("the table of docs/testing.md has a row for each that is tried, and none lives", () => {
  const rows = rowsIn(readFileSync(`${root}/docs/testing.md`, "utf8"));
  assert.equal([...rows.keys()].sort(), MUTANTS.map(({ id }) => id).sort());
  assert.equal([...rows.values()].filter((row) => row.includes("| lives |")), []);
});

test("a table that is put into a document is read back, and the rest stays", () => {
  const document = "before\n<!-- mutants: npm run mutants -- --table -->\nold\n<!-- mutants end -->\nafter\n";
  const hunt = { seeds: 3, seconds: 1.25, property: "terms", seed: 3, message: "", thrown: 0 };
  const row = rowOf({ mutant: { id: "16a", title: "t", file: "f", find: "a", replace: "b" }, hunt });
  const put = putTable(document, tableOf([row], [], []));
  assert.equal([...rowsIn(put)], [["16a", "| 16a | t | terms | 3 | 1.3 |"]]);
  assert.ok(put.startsWith("before\n") && put.endsWith("\nafter\n"));
});

test("applyPatch() wants what it replaces exactly once", () => {
  const patch: Patch = { file: "a.ts", find: "b", replace: "c" };
  assert.is(applyPatch("abd", patch), "acd");
  assert.throws(() => applyPatch("ad", patch), /does not hold/);
  assert.throws(() => applyPatch("abdb", patch), /more than once/);
});

test.run();
