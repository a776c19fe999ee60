import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { decode, encode } from "../../src/base/codec.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { Table } from "../../src/machine/table.ts";
import type { TablePiece } from "../../src/machine/table_snapshot.ts";
import { compare, entryOf, Model, type ModelRow, rangeFrom, sorted, stateOf, type Tried, write } from "./table_model.ts";

interface OpenSnapshot {
  readonly pieces: IterableIterator<TablePiece<Tried>, void>;
  readonly taken: TablePiece<Tried>[];
  readonly wanted: Record<string, ModelRow>;
  readonly hash: number;
}

/** `entries` random entries, some of which fail, with snapshots that stay open over many of them. */
function history(seed: number, entries: number): Table<Tried> {
  const random = seedRandom(seed);
  const [table, model] = [new Table<Tried>(), new Model()];
  let open: OpenSnapshot[] = [];
  for (let index = 1; index <= entries; index++) {
    model.timeMs += nextInRange(random, 0, 3);
    runEntry(index);
    compareReads(`seed ${seed} entry ${index}`);
    if (open.length < 4 && nextInRange(random, 0, 9) === 0) {
      open.push({ pieces: table.snapshot(), taken: [], wanted: model.copy(), hash: table.hash() });
    }
    open = open.filter((each) => goOn(each, `seed ${seed} entry ${index}`));
  }
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
  for (let seed = 1; seed <= 10; seed++) history(seed, 1000);
});

test("a table's hash is this number on every runtime", () => {
  assert.is(history(99, 300).hash(), 1431257640);
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
    assert.ok(!("length" in piece) || piece.length <= 1000);
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
    for (let i = 0; i < 20; i++) table.set(String(i), i % 2 === 0 ? "x".repeat(100_000) : { list: [new Uint8Array(100_000)] });
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
  loader.add({ size: 0, hash: table.hash() });
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
  const [rows, end] = [...from.snapshot()] as [[string, number, number, number][], { size: number; hash: number }];
  assert.throws(() => restore(table, [rows]), /end is missing/);
  assert.throws(() => restore(table, [rows.slice(1), end]), /restores as it was/);
  assert.throws(() => restore(table, [[rows[0]!, ["b", 3, 1, 0]], end]), /restores as it was/);
  assert.throws(() => restore(table, [end, rows]), /behind its end/);
  assert.equal(table.list().map(({ key }) => key), ["mine"]);
  const going = table.snapshot();
  restore(table, [rows, end]);
  assert.equal(table.list().map(({ key, revision }) => [key, revision]), [["a", 1], ["b", 1]]);
  within(table, () => table.clear());
  assert.equal([...going][0], [["mine", 1, 1, 0]]);
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
