import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { EntryKind } from "../../src/base/entry.ts";
import type { Entry } from "../../src/machine/machine.ts";
import { LiveEntry } from "../../src/machine/live_entry.ts";
import { Table } from "../../src/machine/table.ts";
import type { Cleared, ClearingEntry } from "../../src/machine/table_cleared.ts";
import { entryOf } from "./table_model.ts";

const KEYS = 20_000;

type Told = [key: string, value: unknown] | Cleared;

/** An entry that hears of each key. */
function hearing(index: number, told: Told[]): Entry {
  return { ...entryOf(index, 0), emit: (key, value) => told.push([key, value]) };
}

/** An entry that hears of cleared keys at once. */
function clearing(index: number, told: Told[]): ClearingEntry {
  return { ...hearing(index, told), emitCleared: (cleared) => told.push(cleared) };
}

/** What watchers hear of `told`, key by key. */
function expanded(told: readonly Told[]): [string, unknown][] {
  return told.flatMap((each): [string, unknown][] => Array.isArray(each) ? [each] : [...each].map(({ key }) => [key, undefined]));
}

function tableOf(keys: readonly string[]): Table<number> {
  const table = new Table<number>();
  table.begin(entryOf(1, 0, []));
  keys.forEach((key, at) => table.set(key, at));
  table.commit();
  return table;
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `key/${String(at).padStart(6, "0")}`);
}

function liveEntry(index: number): LiveEntry {
  const entry = new LiveEntry();
  entry.begin({ kind: EntryKind.command, group: 1, index, term: 1, timeMs: 0, chain: 0, payloadBytes: 0, payloadSum: 7 }, 0);
  return entry;
}

/** The digest of an entry that clears `table`. */
function digestOfClear(table: Table<number>): number {
  const entry = liveEntry(2);
  table.begin(entry);
  table.clear();
  table.commit();
  return entry.digest;
}

test("clear() looks at no key, and who is told of it walks over all of them later, each once, in order", () => {
  const keys = numbered(KEYS);
  const table = tableOf(keys);
  const told: Told[] = [];
  table.begin(clearing(2, told));
  table.clear();
  table.commit();
  assert.is(told.length, 1);
  assert.is((told[0] as Cleared).size, KEYS);
  // The table goes on meanwhile: what was cleared stays what it was.
  table.begin(entryOf(3, 0, []));
  for (const key of keys.slice(0, 100)) table.set(key, 9);
  table.set("other", 1);
  table.commit();
  assert.equal(expanded(told).map(([key]) => key), keys);
  assert.equal(expanded(told).map(([key]) => key), keys, "a second time");
});

test("clear() tells what an entry did besides at its place, and each key once", () => {
  const write = (table: Table<number>): void => {
    table.set("b", 7);
    table.set("new", 1);
    table.delete("c");
    table.clear();
    table.set("d", 8);
    table.set("b", 9);
    table.set("e", 1);
    table.delete("e");
    table.set("c", 3);
  };
  const wanted = [["b", 9], ["c", 3], ["a", undefined], ["f", undefined], ["d", 8], ["e", undefined]];
  const [atOnce, singly]: [Told[], Told[]] = [[], []];
  for (const [entry, told] of [[clearing(2, atOnce), atOnce], [hearing(2, singly), singly]] as const) {
    const table = tableOf(["a", "b", "c", "d", "e", "f"]);
    table.begin(entry);
    write(table);
    table.commit();
    assert.equal(expanded(told), wanted);
    assert.equal(table.list().map(({ key, value }) => [key, value]), [["b", 9], ["c", 3], ["d", 8]]);
  }
  assert.equal([atOnce, singly].map((told) => told.filter((each) => !Array.isArray(each)).length), [1, 0]);
});

test("clear() of a table whose keys have other names tells those, and `tell` hears of each", () => {
  for (const [options, atOnce] of [[{ named: (key: string) => `t/${key}` }, true], [{ tell: (entry: Entry, key: string, value: unknown) => entry.emit(`t/${key}`, value) }, false]] as const) {
    const told: Told[] = [];
    const table = new Table<number>(options);
    table.begin(entryOf(1, 0));
    for (const key of ["b", "a"]) table.set(key, 1);
    table.commit();
    table.begin(clearing(2, told));
    table.clear();
    table.set("z", 1);
    table.commit();
    assert.is(told.some((each) => !Array.isArray(each)), atOnce);
    assert.equal(expanded(told), [["t/a", undefined], ["t/b", undefined], ["t/z", 1]]);
  }
});

test("flushall of kv looks at no key", () => {
  const machine = kv.create({ directory: "" });
  const told: Told[] = [];
  machine.apply(["mset", ...numbered(50).flatMap((key) => [key, "v"])], entryOf(1, 0));
  machine.apply(["flushall"], clearing(2, told));
  assert.is(told.length, 1);
  assert.equal(expanded(told).map(([key]) => key), numbered(50));
});

test("clear() of an empty table is nothing, and one that is undone tells nobody", () => {
  const told: Told[] = [];
  const table = tableOf(["a", "b"]);
  const hash = table.hash();
  table.begin(clearing(2, told));
  table.clear();
  table.set("a", 5);
  table.rollback();
  assert.equal(told, []);
  assert.is(table.hash(), hash);
  const empty = new Table<number>();
  empty.begin(clearing(1, told));
  empty.clear();
  empty.commit();
  assert.equal(told, []);
});

test("clear() of other rows makes another running digest", () => {
  const digest = digestOfClear(tableOf(["a", "b"]));
  assert.is(digestOfClear(tableOf(["a", "b"])), digest);
  for (const keys of [["a", "c"], ["a"], ["b", "a"]]) assert.is.not(digestOfClear(tableOf(keys)), digest, keys.join());
});

test("clear() within a run of commands counts in its turn, as it would alone", () => {
  const alone = liveEntry(2);
  const recorded = new LiveEntry();
  recorded.record({ kind: EntryKind.command, group: 1, index: 2, term: 1, timeMs: 0, chain: 0, payloadBytes: 0, payloadSum: 7 }, 0, { version: 1, shift: 0 });
  const adopting = liveEntry(2);
  for (const entry of [alone, recorded]) {
    const table = tableOf(["a", "b"]);
    table.begin(entry);
    table.clear();
    table.set("z", 1);
    table.commit();
  }
  adopting.adopt(recorded);
  assert.is(adopting.digest, alone.digest);
});

test("clear() with `versions` is seen by at()", () => {
  const table = new Table<number>({ versions: 100 });
  table.begin(entryOf(1, 0, []));
  for (const key of ["a", "b", "c"]) table.set(key, 1);
  table.commit();
  table.begin(entryOf(2, 0, []));
  table.clear();
  table.set("b", 2);
  table.commit();
  assert.equal(table.at(1)?.list().map(({ key, value }) => [key, value]), [["a", 1], ["b", 1], ["c", 1]]);
  assert.equal(table.at(2)?.list().map(({ key }) => key), ["b"]);
});

test.run();
