import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { decode, encode } from "../../src/base/codec.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { Table } from "../../src/machine/table.ts";
import type { SavedRow } from "../../src/machine/table_rows.ts";
import type { SnapshotEnd, TablePiece } from "../../src/machine/table_snapshot.ts";
import { compare, entryOf, Model, type ModelRow, Past, rangeFrom, sorted, stateOf, type Tried, write } from "./table_model.ts";

interface OpenSnapshot {
  readonly pieces: IterableIterator<TablePiece<Tried>, void>;
  readonly taken: TablePiece<Tried>[];
  readonly wanted: Record<string, ModelRow>;
  readonly hash: number;
  readonly ages: readonly string[];
}

/** The keys from the youngest to the oldest. */
function agesOf(table: Table<Tried>): string[] {
  return table.scan(0, 10_000).rows.map(({ key }) => key);
}

/** `entries` random entries, some of which fail, with snapshots that stay open over many of them. */
function history(seed: number, entries: number): Table<Tried> {
  const random = seedRandom(seed);
  const [table, model] = [new Table<Tried>({ versions: 40 }), new Model()];
  const past = new Past();
  let open: OpenSnapshot[] = [];
  for (let index = 1; index <= entries; index++) {
    model.timeMs += nextInRange(random, 0, 3);
    runEntry(index);
    compareReads(`seed ${seed} entry ${index}`);
    past.compare(random, table, model, `seed ${seed} entry ${index}`);
    if (open.length < 4 && nextInRange(random, 0, 9) === 0) {
      open.push({ pieces: table.snapshot(), taken: [], wanted: model.copy(), hash: table.hash(), ages: agesOf(table) });
    }
    open = open.filter((each) => goOn(each, `seed ${seed} entry ${index}`));
  }
  past.compareCounts();
  return table;

  function runEntry(index: number): void {
    const before = model.copy();
    const hash = table.hash();
    const told: unknown[] = [];
    table.begin(entryOf(index, model.timeMs, told));
    for (let writes = nextInRange(random, 0, 6); writes > 0; writes--) write(random, table, model, index);
    if (nextInRange(random, 0, 2) === 0) {
      table.rollback();
      model.rows = before;
      assert.equal(told, []);
      assert.is(table.hash(), hash);
    } else {
      table.commit();
      const byKey = (rows: unknown[]): unknown[] => (rows as [string][]).sort(([a], [b]) => compare(a, b));
      assert.equal(byKey(told), byKey(model.toldSince(before)), `seed ${seed} entry ${index}: told`);
    }
  }

  function compareReads(what: string): void {
    const live = Object.values(model.rows).filter((row) => !model.isDue(row));
    const timed = Object.values(model.rows).map((row) => row.expiresAtMs).filter((atMs) => atMs !== 0);
    assert.is(table.size, live.length, what);
    assert.is(table.wakeAt(), timed.length === 0 ? null : Math.min(...timed), what);
    const range = rangeFrom(random);
    const walked = table.list(range).map(({ key, value, revision, expiresAtMs }) => [key, value, revision, expiresAtMs]);
    assert.equal(walked, model.walk(range), `${what}: ${JSON.stringify(range)}`);
  }

  function goOn(each: OpenSnapshot, what: string): boolean {
    if (nextInRange(random, 0, 3) > 0) return true;
    if (nextInRange(random, 0, 19) === 0) {
      each.pieces.return?.();
      return false;
    }
    const { done, value } = each.pieces.next();
    if (done !== true) {
      each.taken.push(value as TablePiece<Tried>);
      return true;
    }
    assert.equal(sorted(stateOf(each.taken)), sorted(each.wanted), what);
    const other = new Table<Tried>();
    restore(other, each.taken.map((piece) => decode(encode(piece)) as TablePiece<Tried>));
    assert.is(other.hash(), each.hash, what);
    other.look({ index: 0, timeMs: 0, version: 1 });
    assert.equal(agesOf(other).filter((key) => each.ages.includes(key)), each.ages, what);
    return false;
  }
}

function restore<V>(table: Table<V>, pieces: Iterable<TablePiece<V>>): void {
  const loader = table.load();
  for (const piece of pieces) loader.add(piece);
  loader.finish();
}

function within<V>(table: Table<V>, work: () => void, index = 1, timeMs = 0): unknown[] {
  const told: unknown[] = [];
  table.begin(entryOf(index, timeMs, told));
  work();
  table.commit();
  return told;
}

test("Table does what a plain object does, over entries that fail, snapshots and restores", () => {
  for (let seed = 1; seed <= 8; seed++) history(seed, 600);
});

test("scan() goes from the youngest key to the oldest; a key keeps its age until it is deleted, also over a rollback", () => {
  const table = new Table<number>();
  const scanned = (count: number): string[][] => {
    const runs: string[][] = [];
    let cursor = 0;
    do {
      const run = table.scan(cursor, count);
      runs.push(run.rows.map(({ key }) => key));
      cursor = run.cursor;
    } while (cursor !== 0);
    return runs;
  };
  within(table, () => ["c", "a", "d", "b", "e"].forEach((key) => table.set(key, 1)));
  assert.equal(scanned(2), [["e", "b"], ["d", "a"], ["c"]]);
  within(table, () => {
    table.set("a", 2);
    table.delete("d");
    table.set("d", 2);
  }, 2);
  assert.equal(scanned(9), [["d", "e", "b", "a", "c"]]);
  table.begin(entryOf(3, 0));
  table.set("f", 1);
  table.delete("b");
  table.clear();
  table.set("c", 3);
  table.clear();
  table.set("g", 1);
  assert.throws(() => table.scan(0, 1), /not within an entry/);
  table.rollback();
  assert.equal(scanned(5), [["d", "e", "b", "a", "c"], []]);
  within(table, () => table.set("f", 1), 4);
  assert.equal([scanned(1).flat(), table.scan(0, 1).cursor], [["f", "d", "e", "b", "a", "c"], 7]);
});

test("scan() finds its way among many keys of which most were deleted, in a restored table too", () => {
  const [table, other] = [new Table<number>(), new Table<number>()];
  const key = (i: number): string => `k${(i * 7919) % 10_000}`;
  within(table, () => {
    for (let i = 0; i < 10_000; i++) table.set(key(i), i);
    for (let i = 0; i < 10_000; i++) if (i % 10 > 0) table.delete(key(i));
  });
  restore(other, table.snapshot());
  within(table, () => table.delete(key(5000)), 2);
  within(other, () => other.delete(key(5000)), 2);
  for (let i = 0; i < 2000; i++) for (const each of [table, other]) within(each, () => each.set(`new ${i}`, i), 3 + i);
  const wanted = [...Array.from({ length: 2000 }, (_, i) => `new ${1999 - i}`), ...Array.from({ length: 1000 }, (_, i) => key(9990 - 10 * i))];
  for (const each of [table, other]) {
    assert.equal(each.scan(0, 10_000).rows.map((row) => row.key), wanted.filter((one) => one !== key(5000)));
  }
  assert.equal([...other.snapshot()], [...table.snapshot()]);
});

test("at() shows as many changes back as it was told to remember, none before a restore, and never within an entry", () => {
  const table = new Table<number>({ versions: 3 });
  const view = (index: number): unknown => table.at(index)?.list().map(({ key, value }) => `${key}${value}`);
  assert.is(table.at(0), undefined);
  within(table, () => table.set("a", 1, 70), 5, 10);
  assert.equal([view(4), view(5), view(9)], [undefined, ["a1"], ["a1"]]);
  within(table, () => {
    table.set("a", 2);
    table.set("b", 2);
  }, 7, 20);
  within(table, () => table.delete("a"), 8, 30);
  assert.equal([view(5), view(6), view(7), view(8)], [["a1"], ["a1"], ["a2", "b2"], ["b2"]]);
  within(table, () => table.set("c", 3), 9, 40);
  assert.equal([view(5), view(6), view(7), view(8), view(9)], [undefined, undefined, ["a2", "b2"], ["b2"], ["b2", "c3"]]);
  const version = table.at(8)!;
  assert.equal([version.has("a"), version.get("b"), version.row("c"), version.list({ reverse: true, limit: 1 })[0]!.key], [false, 2, undefined, "b"]);
  within(table, () => table.clear(), 10, 50);
  assert.equal([view(9), view(10)], [["b2", "c3"], []]);
  assert.throws(() => version.get("b"), /before the next entry/);
  table.begin(entryOf(11, 0));
  assert.throws(() => table.at(9), /not within an entry/);
  table.set("z", 1);
  table.rollback();
  assert.equal(view(9), ["b2", "c3"]);
  restore(table, table.snapshot());
  assert.is(view(10), undefined);
  assert.is(new Table<number>().at(1), undefined);
  for (const versions of [-1, 0.5, 1_000_001]) assert.throws(() => new Table({ versions }), RangeError);
});

test("at() shows what was due then as gone, swept or not, and what fell due later", () => {
  const table = new Table<number>({ versions: 10 });
  const view = (index: number): unknown => table.at(index)?.list().map(({ key }) => key);
  within(table, () => {
    table.set("a", 1, 20);
    table.set("b", 1, 40);
  }, 1, 10);
  within(table, () => table.set("c", 1), 2, 30);
  within(table, () => table.sweep(), 3, 50);
  assert.equal([view(1), view(2), view(3)], [["a", "b"], ["b", "c"], ["c"]]);
});

test("clear() of many keys is undone, and snapshots that are under way go on", () => {
  const table = new Table<number>();
  within(table, () => {
    for (let i = 0; i < 3000; i++) table.set(String(i).padStart(4, "0"), i, i % 3 === 0 ? 50 : 0);
  });
  const [hash, pieces] = [table.hash(), table.snapshot()];
  const first = pieces.next().value as SavedRow<number>[];
  const change = (index: number): void => {
    table.begin(entryOf(index, 0));
    table.set("0001", -1);
    table.delete("2000");
    table.set("new", 1);
    table.clear();
    table.set("0002", -2);
  };
  change(2);
  assert.equal([table.size, table.wakeAt(), [...table.walk()].length], [1, null, 1]);
  table.rollback();
  assert.equal([table.size, table.wakeAt(), table.hash(), table.get("0001"), table.get("2000")], [3000, 50, hash, 1, 2000]);
  change(3);
  table.commit();
  const rest = [...pieces].flatMap((piece) => ("length" in piece ? piece : []));
  assert.equal([...first, ...rest].map(([, value]) => value), Array.from({ length: 3000 }, (_, i) => i));
});

test("a table's hash is this number on every runtime", () => {
  assert.is(history(99, 300).hash(), 1816634034);
});

test("hash() depends on what the table holds, not on how it came to", () => {
  const [one, other] = [new Table<number>(), new Table<number>()];
  within(one, () => {
    one.set("a", 1);
    one.set("b", 2, 50);
    one.set("c", 3);
    one.delete("c");
  });
  within(other, () => {
    other.set("b", 7);
    other.set("b", 2, 50);
    other.set("a", 1);
  });
  assert.is(one.hash(), other.hash());
  const hashes = [one.hash()];
  for (const change of [() => one.set("a", 2), () => one.set("a", 1), () => one.expire("a", 9), () => one.set("d", 1), () => one.delete("a")]) {
    within(one, change, hashes.length + 1);
    hashes.push(one.hash());
  }
  assert.is(new Set(hashes).size, hashes.length);
});

/** A table of 5,000 rows, and what a snapshot of it shows while `change` runs after each piece. */
function snapshotUnder(change: (table: Table<string>, round: number) => void): Map<string, string> {
  const table = new Table<string>();
  within(table, () => {
    for (let i = 0; i < 5000; i++) table.set(String(i).padStart(4, "0"), `old ${i}`);
  });
  const shown: Map<string, string> = new Map();
  let round = 0;
  for (const piece of table.snapshot()) {
    if ("length" in piece) for (const [key, value] of piece) shown.set(key, value);
    assert.ok(!("length" in piece) || piece.length <= 250);
    table.begin(entryOf(++round + 1, 0));
    change(table, round);
    table.commit();
  }
  assert.ok(round >= 6);
  return shown;
}

test("snapshot() of many pieces shows the state at its start, whatever is written between them", () => {
  const isOld = (shown: Map<string, string>): void => {
    assert.is(shown.size, 5000);
    assert.ok([...shown].every(([key, value], i) => key === String(i).padStart(4, "0") && value === `old ${i}`));
  };
  isOld(snapshotUnder((table) => {
    for (const { key } of table.list()) table.set(key, "new");
  }));
  isOld(snapshotUnder((table) => table.clear()));
  isOld(snapshotUnder((table, round) => {
    if (round % 2 === 0) for (let i = 0; i < 5000; i += 3) table.set(String(i).padStart(4, "0"), "again");
    else for (const { key } of table.list({ limit: 4500, reverse: true })) table.delete(key);
  }));
  isOld(snapshotUnder((table, round) => {
    for (let i = 0; i < 700; i++) table.set(`${String(i * 7).padStart(4, "0")}/${round}`, "between");
  }));
});

test("snapshot() ends a piece by bytes too", () => {
  const table = new Table<unknown>();
  within(table, () => {
    for (let i = 0; i < 20; i++) table.set(String(i), i % 2 === 0 ? "x".repeat(25_000) : { list: [new Uint8Array(25_000)] });
  });
  const sizes = [...table.snapshot()].map((piece) => ("length" in piece ? piece.length : 0));
  assert.equal(sizes, [3, 3, 3, 3, 3, 3, 2, 0]);
});

test("snapshot() refuses a fifth at a time; one that ends, early or not, makes room", () => {
  const table = new Table<number>();
  within(table, () => table.set("a", 1));
  const open = [0, 1, 2, 3].map(() => table.snapshot());
  const refused = (): void => {
    try {
      table.snapshot();
      assert.unreachable();
    } catch (error) {
      assert.is((error as DraftError).code, "BUSY");
    }
  };
  refused();
  open[0]!.return?.();
  assert.equal(open[0]!.next(), { done: true, value: undefined });
  const fifth = table.snapshot();
  refused();
  assert.is([...fifth].length, 2);
  table.snapshot();
});

test("a snapshot is begun, goes on and is restored between entries only", () => {
  const table = new Table<number>();
  const pieces = table.snapshot();
  const loader = table.load();
  loader.add({ size: 0, hash: table.hash(), serial: 0 });
  table.begin(entryOf(1, 0));
  assert.throws(() => table.snapshot(), /between entries/);
  assert.throws(() => pieces.next(), /between entries/);
  assert.throws(() => loader.finish(), /between entries/);
  assert.throws(() => table.begin(entryOf(2, 0)), TypeError);
});

test("a restore that is not what the snapshot was of changes nothing", () => {
  const [from, table] = [new Table<number>(), new Table<number>()];
  within(from, () => {
    from.set("a", 1);
    from.set("b", 2);
  });
  within(table, () => table.set("mine", 1));
  const [rows, end] = [...from.snapshot()] as [SavedRow<number>[], SnapshotEnd];
  assert.throws(() => restore(table, [rows]), /end is missing/);
  assert.throws(() => restore(table, [rows.slice(1), end]), /restores as it was/);
  assert.throws(() => restore(table, [[rows[0]!, ["b", 3, 1, 0, 2]], end]), /restores as it was/);
  assert.throws(() => restore(table, [end, rows]), /behind its end/);
  assert.equal(table.list().map(({ key }) => key), ["mine"]);
  const going = table.snapshot();
  restore(table, [rows, end]);
  assert.equal(table.list().map(({ key, revision }) => [key, revision]), [["a", 1], ["b", 1]]);
  within(table, () => table.clear());
  assert.equal([...going][0], [["mine", 1, 1, 0, 1]]);
});

test("a restored table owns its bytes", () => {
  const [from, table] = [new Table<unknown>(), new Table<unknown>()];
  within(from, () => {
    from.set("a", Uint8Array.of(1));
    from.set("b", { deep: [Uint8Array.of(2), new Map([["k", Uint8Array.of(3)]])] });
  });
  const bytes = [...from.snapshot()].map((piece) => encode(piece).slice());
  restore(table, bytes.map((each) => decode(each) as TablePiece<unknown>));
  for (const each of bytes) each.fill(0);
  assert.equal(table.get("a"), Uint8Array.of(1));
  assert.equal(table.get("b"), { deep: [Uint8Array.of(2), new Map([["k", Uint8Array.of(3)]])] });
});

test("set() freezes values and refuses what would not come back as it is", () => {
  const table = new Table<unknown>();
  const circle: unknown[] = [];
  circle.push(circle);
  const told = within(table, () => {
    table.set("a", { list: [{ deep: 1 }] });
    const held = table.get("a") as { list: { deep: number }[] };
    assert.throws(() => (held.list[0]!.deep = 2), TypeError);
    assert.throws(() => held.list.push({ deep: 3 }), TypeError);
    for (const value of [undefined, 1n, () => 1, Symbol("a"), circle, { a: [2n] }, new DraftError("BUSY", "x"), new Float32Array(1), new (class A {})()]) {
      assert.throws(() => table.set("b", value), TypeError);
    }
    assert.throws(() => table.set("\ud800", 1), /surrogate/);
    assert.throws(() => table.set(5 as unknown as string, 1), TypeError);
    for (const atMs of [-1, 0.5, Number.NaN, Infinity]) assert.throws(() => table.set("b", 1, atMs), RangeError);
    assert.throws(() => table.expire("a", -1), RangeError);
  });
  assert.equal(told, [["a", { list: [{ deep: 1 }] }]]);
});

test("writes outside of an entry are refused", () => {
  const table = new Table<number>();
  for (const each of [() => table.set("a", 1), () => table.delete("a"), () => table.expire("a", 1), () => table.clear(), () => table.sweep(), () => table.commit(), () => table.rollback()]) {
    assert.throws(each, /within an entry/);
  }
});

test("commit() tells of each key once, in the order of the first change, of the last value", () => {
  const table = new Table<number>();
  within(table, () => ["x", "y", "z"].forEach((key) => table.set(key, 0)));
  const told = within(table, () => {
    table.set("z", 1);
    table.set("new", 1);
    table.delete("y");
    table.set("came", 1);
    table.set("z", 2);
    table.delete("came");
    table.delete("x");
    table.set("x", 3);
    table.expire("new", 100);
    table.set("new", 4, 100);
  }, 2);
  assert.equal(told, [["z", 2], ["new", 4], ["y"], ["x", 3]]);
  assert.equal(within(table, () => table.expire("new", 70), 3), []);
  assert.is(table.row("new")!.revision, 2);
});

test("what is due is gone for reads at their moment, and told of when it is swept, by (time, key)", () => {
  const table = new Table<number>();
  within(table, () => {
    for (const [key, atMs] of [["c", 30], ["b", 20], ["a", 30], ["d", 0], ["e", 90]] as const) table.set(key, 1, atMs);
  });
  const view = { index: 1, timeMs: 30, version: 1 };
  table.look(view);
  assert.equal([table.size, table.has("a"), table.list().map(({ key }) => key)], [2, false, ["d", "e"]]);
  table.look({ ...view, timeMs: 29 });
  assert.equal([table.size, table.has("a"), table.list().map(({ key }) => key)], [4, true, ["a", "c", "d", "e"]]);
  assert.is(table.wakeAt(), 20);
  assert.equal(within(table, () => assert.is(table.sweep(2), 2), 2, 30), [["b"], ["a"]]);
  assert.equal(within(table, () => assert.is(table.sweep(), 1), 3, 30), [["c"]]);
  assert.is(table.wakeAt(), 90);
});

test("walk() goes on over a table that changes under it", () => {
  const table = new Table<number>();
  within(table, () => {
    for (let i = 0; i < 1000; i++) table.set(String(i).padStart(3, "0"), i);
    let seen = 0;
    for (const { key } of table.walk()) {
      table.delete(key);
      table.set(`${key}/later`, 0);
      if (seen++ > 3000) break;
    }
    for (const { key } of table.walk({ prefix: "5" })) table.delete(key);
    assert.equal(table.list({ prefix: "5" }), []);
    assert.ok(table.list().every(({ key }) => key.endsWith("/later")));
  });
});

test.run();
