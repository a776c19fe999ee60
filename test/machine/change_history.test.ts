/** What watchers may read again: bounded, decided by the log alone, the same after a snapshot (promise 9, issue 7 item 4). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import type { Applier } from "../../src/machine/applier.ts";
import { changeFrom, changeRow, heldOf, valueOf } from "../../src/machine/change.ts";
import { ChangeHistory, type EntryChanges } from "../../src/machine/change_history.ts";
import { ChangesSource, ChangesTarget } from "../../src/machine/changes_saved.ts";
import type { Entry } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import { machineOn } from "../../src/machine/table_machine.ts";
import { rigOf } from "./rig.ts";

/** The changes of one entry, by their keys; each with a value of `length` characters. */
function entryOf(keys: readonly string[], length = 1): EntryChanges {
  return { size: keys.length, keyAt: (at) => keys[at]!, valueAt: () => "v".repeat(length) };
}

function told({ history }: Applier): unknown[] {
  return history.toArray().map(({ index, n, key, value }) => [`${index}.${n}`, key, valueOf(value)]);
}

/** Which of `keys` who has heard up to (index, n) has still to hear; null: some of it may be lost. */
function behind(history: ChangeHistory, index: number, n: number): string[] | null {
  const from = history.positionBehind({ index, n });
  return from < 0 ? null : Array.from({ length: history.size - from }, (_, at) => history.at(from + at).key);
}

test("each change has its place, and can be read on from any of them, within an entry too", () => {
  const history = new ChangeHistory();
  history.append(3, entryOf(["a", "b", "c"]));
  history.append(4, entryOf([]));
  history.append(5, entryOf(["d"]));
  assert.is(history.oldestIndex, 1);
  const reads = [[0, 0], [3, 0], [3, 1], [3, 2], [3, 3], [4, 0], [5, 0], [5, 1], [6, 0], [99, 0]] as const;
  assert.equal(reads.map(([index, n]) => behind(history, index, n)?.join("")), ["abcd", "abcd", "bcd", "cd", "d", "d", "d", "", "", ""]);
});

test("what is beyond the bound goes from the front, change by change, and whoever misses one is told so", () => {
  const history = new ChangeHistory({ changesMax: 4, bytesMax: 1_000_000 });
  history.append(3, entryOf(["a", "b", "c"]));
  history.append(5, entryOf(["d", "e", "f"]));
  assert.is(history.size, 4);
  assert.is(history.oldestIndex, 4);
  assert.equal([behind(history, 3, 0), behind(history, 3, 1), behind(history, 3, 2), behind(history, 4, 0), behind(history, 5, 1)], [null, null, ["c", "d", "e", "f"], ["d", "e", "f"], ["e", "f"]]);
});

test("bytes are bounded too, whatever one value takes", () => {
  const history = new ChangeHistory({ changesMax: 1000, bytesMax: 1000 });
  for (let index = 1; index <= 50; index++) {
    history.append(index, entryOf(["k"], 7 * index));
    assert.ok(history.bytes <= 1000);
  }
  assert.ok(history.size > 0);
  history.append(51, entryOf(["k"], 5000));
  assert.equal([history.size, history.bytes, history.oldestIndex], [0, 0, 52]);
  assert.equal([behind(history, 51, 0), behind(history, 51, 1)], [null, []]);
});

test("an entry that changes more than is ever held is held by nobody", () => {
  const history = new ChangeHistory({ changesMax: 4, bytesMax: 1_000_000 });
  history.append(3, entryOf(["a"]));
  history.append(4, entryOf(["a", "b", "c", "d", "e"]));
  assert.equal([history.size, history.oldestIndex, behind(history, 4, 4), behind(history, 5, 0)], [0, 5, null, []]);
});

test("W06: the same changes leave the same history, whether all were added, or those behind a snapshot", () => {
  const random = seedRandom(7);
  const limits = { changesMax: 20, bytesMax: 4000 };
  for (let round = 0; round < 200; round++) {
    const all = new ChangeHistory(limits);
    let copy: ChangeHistory | null = null;
    for (let index = 1; index <= 40; index++) {
      const changes = entryOf(Array.from({ length: nextInRange(random, 0, 6) === 0 ? nextInRange(random, 0, 25) : nextInRange(random, 0, 3) }, (_, at) => `k${at}`), nextInRange(random, 0, 100));
      all.append(index, changes);
      copy?.append(index, changes);
      if (nextInRange(random, 0, 9) === 0) copy = throughPieces(all, index);
    }
    if (copy === null) continue;
    assert.equal([copy.toArray(), copy.bytes, copy.floor], [all.toArray(), all.bytes, all.floor]);
  }
});

function throughPieces(history: ChangeHistory, index: number): ChangeHistory {
  const source = new ChangesSource(history);
  const target = new ChangesTarget(history.limits, index);
  for (let piece = source.next(); piece !== null; piece = source.next()) target.add(piece);
  return target.history;
}

test("a snapshot shows the history of its point, whatever is added meanwhile, in pieces of a bounded size", () => {
  const history = new ChangeHistory();
  for (let index = 1; index <= 3000; index++) history.append(index, entryOf(["a", "b"], 100));
  const before = history.toArray();
  const source = new ChangesSource(history);
  const target = new ChangesTarget(history.limits, 3000);
  let pieces = 0;
  for (let piece = source.next(); piece !== null; piece = source.next()) {
    history.append(4000 + pieces, entryOf(["z"]));
    pieces += 1;
    assert.ok(piece.length < 512 * 1024, `${piece.length} bytes`);
    target.add(piece);
  }
  assert.ok(pieces > 3);
  assert.equal(target.history.toArray(), before);
});

test("a snapshot of an earlier draft, without changes, begins a history behind it; another format is refused", () => {
  const { history } = new ChangesTarget({ changesMax: 9, bytesMax: 999 }, 12);
  assert.equal([history.oldestIndex, behind(history, 12, 1), behind(history, 13, 0)], [13, null, []]);
  assert.throws(() => new ChangesTarget(history.limits, 1).add(Uint8Array.of(0x81, 0x02)), (error: { code: string }) => error.code === "DAMAGED");
});

test("values and keys are what they were at the time, and stay so through a row; keys that are no Unicode too", () => {
  const live = { list: [1, 2], bytes: Uint8Array.of(1, 2, 3), big: 2n ** 60n };
  const values: readonly unknown[] = [undefined, null, true, 0, -1.5, "text", "", Uint8Array.of(9), live, [], new Map([["a", 1]])];
  for (const key of ["", "plain", "\u{1f600}", "\udc80\udcff", "half\ud83d"]) for (const value of values) {
    const change = { index: 7, n: 2, key, value: heldOf(value) };
    const back = changeFrom(changeRow(change));
    assert.equal([back.key, valueOf(back.value), back.value === undefined], [key, value ?? null, value === undefined]);
  }
  const held = heldOf(live);
  live.list.push(3);
  live.bytes[0] = 77;
  assert.equal(valueOf(held), { list: [1, 2], bytes: Uint8Array.of(1, 2, 3), big: 2n ** 60n });
});

test("what an entry emits is numbered from 1, time entries included", () => {
  const rig = rigOf({
    apply: ([, ...keys], { emit }) => keys.forEach((key) => emit(String(key), key === "gone" ? undefined : 1)),
    wakeAt: () => 5,
    wake: ({ emit }) => emit("woke", "up"),
  });
  rig.run("do", "a", "b");
  rig.run("do");
  rig.run("do", "gone");
  rig.entry(EntryKind.time, 9);
  assert.equal(told(rig.applier), [["1.1", "a", 1], ["1.2", "b", 1], ["3.1", "gone", null], ["4.1", "woke", "up"]]);
  assert.is(rig.applier.history.at(2).value, undefined);
});

test("an entry whose changes were undone tells nothing, and what expired is told though the author's wake breaks", () => {
  const table = new Table<number>();
  const machine = machineOn({ table }, {
    apply([, key, how], entry: Entry) {
      entry.emit("own", 1);
      table.set(String(key), 1, 10);
      if (how === "rejects") throw entry.reject("no");
      if (how === "breaks") throw new TypeError("broke");
      return null;
    },
    wakeAt: () => 10,
    wake(entry) {
      entry.emit("half", 1);
      throw new TypeError("broke");
    },
  });
  const rig = rigOf(machine);
  for (const how of ["", "rejects", "breaks", ""]) rig.run("do", `k${how}`, how);
  rig.entry(EntryKind.time, 20);
  assert.equal(told(rig.applier), [["1.1", "own", 1], ["1.2", "k", 1], ["4.1", "own", 1], ["4.2", "k", 1], ["5.1", "k", null]]);
});

test("a table that is cleared tells of each key in its order; of more than is held nothing is", () => {
  const table = new Table<number>();
  const rig = rigOf(machineOn({ table }, {
    apply([, what, count], entry) {
      if (what === "clear") table.clear();
      else for (let at = 0; at < Number(count); at++) table.set(`${String(what)}${at}`, entry.index);
    },
  }));
  rig.run("do", "k", 3);
  rig.run("do", "clear");
  assert.equal(told(rig.applier).slice(3), [["2.1", "k0", null], ["2.2", "k1", null], ["2.3", "k2", null]]);
  rig.run("do", "many", 40_000);
  rig.run("do", "more", 40_000);
  rig.run("do", "clear");
  assert.equal([rig.applier.history.size, rig.applier.history.oldestIndex], [0, 6]);
});

test.run();
