import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import type { DraftError } from "../../src/base/errors.ts";
import { decode, encode } from "../../src/base/codec.ts";
import { EntryKind } from "../../src/base/entry.ts";
import type { Command, StreamMachine, StreamPlugin } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import { machineOn, type TableMethods, type TablesPiece } from "../../src/machine/table_machine.ts";
import { isError, type Rig, rigOf } from "./rig.ts";
import { entryOf } from "./table_model.ts";
import seats from "./seats.ts";

interface Shop {
  readonly stock: Table<number>;
  readonly orders: Table<{ readonly item: string; readonly count: number }>;
  readonly machine: StreamMachine<TablesPiece>;
  readonly rig: Rig;
}

/** A machine of two tables; `do` breaks in the ways its argument names, after it has changed both. */
function shop(more: Partial<TableMethods> = {}): Shop {
  const stock = new Table<number>({ tell: (entry, key, value) => entry.emit(`stock/${key}`, value) });
  const orders = new Table<{ item: string; count: number }>({
    tell(entry, key, value) {
      if (key === "untellable") throw new RangeError("cannot be told");
      entry.emit(`order/${key}`, value);
    },
  });
  const machine = machineOn({ stock, orders }, {
    apply([, how, key = "1"], entry) {
      stock.set("nails", (stock.get("nails") ?? 0) + 1);
      orders.set(String(key), { item: "nails", count: 1 }, entry.timeMs + 100);
      if (how === "throws") throw new TypeError("broke");
      if (how === "rejects") throw entry.reject("no");
      if (how === "returns") return entry.reject("no", "CONFLICT") as unknown as object;
      if (how === "promises") return Promise.resolve().then(() => stock.set("later", 1)) as unknown as object;
      if (how === "unsendable") return { no: () => 1 };
      return stock.get("nails");
    },
    query: ([, what]) => (what === "orders" ? orders.size : stock.get("nails")),
    ...more,
  });
  return { stock, orders, machine, rig: rigOf(machine) };
}

async function* streamed<T>(pieces: Iterable<T>): AsyncGenerator<T> {
  for (const piece of pieces) yield decode(encode(piece).slice()) as T;
}

function piecesOf(machine: StreamMachine<TablesPiece>): TablesPiece[] {
  return [...machine.snapshot() as IterableIterator<TablesPiece>];
}

test("an entry that throws, rejects, promises or answers what cannot be sent changes nothing", () => {
  const { machine, rig, stock, orders } = shop();
  assert.is(rig.run("do"), 1);
  const before = [machine.hash!(), piecesOf(machine)];
  isError(rig.run("do", "throws"), "MACHINE_FAULT", /./);
  isError(rig.run("do", "rejects"), "REJECTED", "no");
  isError(rig.run("do", "returns"), "CONFLICT", "no");
  isError(rig.run("do", "promises"), "MACHINE_FAULT", /promise/);
  isError(rig.run("do", "unsendable"), "MACHINE_FAULT", /./);
  isError(rig.run("do", "fine", "untellable"), "MACHINE_FAULT", /./);
  assert.equal([machine.hash!(), piecesOf(machine)], before);
  assert.is(rig.run("do", "fine", "2"), 2);
  assert.equal([stock.get("nails"), orders.size, stock.row("nails")!.revision], [2, 2, 8]);
});

test("what a promise does later is refused", async () => {
  const { rig, stock } = shop();
  rig.run("do", "promises");
  await new Promise((done) => setImmediate(done));
  assert.ok(rig.logged.some((line) => line.includes("the promise of 'do' failed")));
  assert.is(stock.has("later"), false);
});

test("reads see a table at the moment of their view, and entries that sweep delete what is due", () => {
  const { machine, rig } = shop();
  rig.run("do");
  const see = (what: string): unknown => rig.applier.query(["see", what]);
  assert.equal([see("orders"), rig.applier.wakeAt()], [1, 100]);
  rig.entry(EntryKind.time, 99);
  assert.is(see("orders"), 1);
  // Not a time entry: nothing is swept yet.
  rig.entry(EntryKind.noop, 100);
  assert.equal([see("orders"), rig.applier.wakeAt()], [0, 100]);
  const hash = machine.hash!();
  rig.entry(EntryKind.time, 100);
  assert.equal([see("orders"), rig.applier.wakeAt()], [0, null]);
  assert.is.not(machine.hash!(), hash);
});

test("a read cannot write", () => {
  const { rig } = shop({ query: () => machineTable.set("a", 1) as never });
  const machineTable = new Table<number>();
  isError(rig.applier.query(["see"]), "MACHINE_FAULT", /./);
});

test("an author's wake runs at its own moment; one that breaks keeps what was swept and undoes the rest", () => {
  let woken = 0;
  const { rig, stock, orders } = shop({
    wakeAt: () => (stock.has("nails") ? 150 : null),
    wake(entry) {
      woken += 1;
      stock.set("woken", entry.timeMs);
      throw new RangeError("broke");
    },
  });
  rig.run("do");
  rig.entry(EntryKind.time, 120);
  assert.equal([woken, orders.size, rig.applier.wakeAt()], [0, 0, 150]);
  rig.run("do", "fine", "2");
  rig.entry(EntryKind.time, 300);
  assert.equal([woken, orders.size, stock.has("woken")], [1, 0, false]);
});

test("an upgrade that throws changes nothing", () => {
  const { machine, stock } = shop({
    upgrade(from) {
      stock.set("upgraded", from);
      if (from === 1) throw new Error("broke");
    },
  });
  assert.throws(() => machine.upgrade!(1, entryOf(1, 0)), /broke/);
  assert.is(stock.has("upgraded"), false);
  machine.upgrade!(2, entryOf(2, 0));
  assert.is(stock.get("upgraded"), 2);
});

test("one time entry sweeps 10,000 keys of all tables at most", () => {
  const [a, b] = [new Table<number>(), new Table<number>()];
  const machine = machineOn({ a, b }, {
    apply() {
      for (let i = 0; i < 7000; i++) {
        a.set(String(i), 1, 50);
        b.set(String(i), 1, 50);
      }
    },
  });
  machine.apply(["do"], entryOf(1, 0));
  const told: unknown[] = [];
  machine.wake!(entryOf(2, 50, told));
  assert.equal([told.length, machine.wakeAt!()], [10_000, 50]);
  machine.wake!(entryOf(3, 50, told));
  assert.equal([told.length, machine.wakeAt!()], [14_000, null]);
});

test("a restored machine is as one that never stopped, in state, hash, wakeAt and what comes next", async () => {
  const [one, other] = [shop(), shop()];
  for (let i = 0; i < 50; i++) one.rig.run("do", i % 3 === 0 ? "rejects" : "fine", String(i % 20));
  other.rig.run("do", "fine", "of its own");
  await other.machine.restore(streamed(piecesOf(one.machine)), 1);
  const told: unknown[][] = [[], []];
  [one, other].forEach(({ machine }, i) => machine.apply(["do", "fine", "next"], entryOf(51, 0, told[i])));
  assert.equal(told[1], told[0]);
  assert.equal([other.machine.hash!(), other.machine.wakeAt!(), piecesOf(other.machine)], [one.machine.hash!(), one.machine.wakeAt!(), piecesOf(one.machine)]);
});

test("a snapshot of several tables is of one moment, and refused or ended as a whole", () => {
  const { machine, rig, stock } = shop();
  rig.run("do");
  const pieces = machine.snapshot() as IterableIterator<TablesPiece>;
  rig.run("do", "fine", "2");
  assert.equal([...pieces], [
    ["orders", [["1", { item: "nails", count: 1 }, 1, 100, 1]]],
    ["orders", pieceEnd(machine, "orders", 1)],
    ["stock", [["nails", 1, 1, 0, 1]]],
    ["stock", pieceEnd(machine, "stock", 1)],
    ["", { size: 2, hash: 0, serial: 0 }],
  ]);
  const held = [0, 1, 2, 3].map(() => stock.snapshot());
  for (let i = 0; i < 6; i++) assert.throws(() => machine.snapshot(), (error: DraftError) => error.code === "BUSY");
  held[0]!.return!();
  for (let i = 0; i < 6; i++) (machine.snapshot() as IterableIterator<TablesPiece>).return!();

  function pieceEnd(of: StreamMachine<TablesPiece>, name: string, size: number): unknown {
    const end = piecesOf(of).find(([table, piece]) => table === name && !("length" in piece))![1];
    return { size, serial: 1, hash: name === "orders" || name === "stock" ? shownHash(name) : (end as { hash: number }).hash };
  }

  function shownHash(name: "orders" | "stock"): number {
    const fresh = shop();
    fresh.rig.run("do");
    return fresh[name].hash();
  }
});

test("a restore that lacks anything, or has what the machine has no table for, changes nothing", async () => {
  const [from, to] = [shop(), shop()];
  from.rig.run("do");
  to.rig.run("do", "fine", "mine");
  const hash = to.machine.hash!();
  const pieces = piecesOf(from.machine);
  for (let left = 0; left < pieces.length; left++) {
    await refused(pieces.slice(0, left));
    await refused(pieces.filter((_, at) => at !== left));
  }
  await refused([["strange", []], ...pieces]);
  assert.is(to.machine.hash!(), hash);
  await to.machine.restore(streamed(pieces), 1);
  assert.is(to.machine.hash!(), from.machine.hash!());

  async function refused(some: TablesPiece[]): Promise<void> {
    let error: unknown = null;
    await to.machine.restore(streamed(some), 1).catch((thrown: unknown) => (error = thrown));
    assert.instance(error, TypeError);
  }
});

test("a table that a snapshot is too old for is empty after it", async () => {
  const old = new Table<number>();
  const machine = machineOn({ old }, { apply: () => old.set("a", 1) });
  machine.apply(["do"], entryOf(1, 0));
  const [both, added] = [new Table<number>(), new Table<number>()];
  const newer = machineOn({ old: both, added }, { apply: () => added.set("b", 1) });
  newer.apply(["do"], entryOf(1, 0));
  await newer.restore(streamed(piecesOf(machine)), 2);
  assert.equal([both.get("a"), added.size], [1, 0]);
});

function rigOfPlugin(plugin: StreamPlugin<TablesPiece>): { run(timeMs: number, ...command: Command): unknown; read(...command: Command): unknown } {
  const machine = plugin.create({ directory: "" });
  let index = 0;
  return {
    run(timeMs, ...command) {
      try {
        return machine.apply(command, entryOf(++index, timeMs));
      } catch (error) {
        return (error as Error).message;
      }
    },
    read: (...command) => machine.query!(command, { index, timeMs: 0, version: 1 }),
  };
}

test("the example at the head of table.ts is the file that is tried here, and does what it says", () => {
  const head = readFileSync(new URL("../../src/machine/table.ts", import.meta.url), "utf8");
  const file = readFileSync(new URL("./seats.ts", import.meta.url), "utf8");
  assert.ok(head.includes(file.trimEnd().split("\n").map((line) => ` * ${line}`.trimEnd()).join("\n")));
  const { run, read } = rigOfPlugin(seats);
  assert.is(run(0, "hold", "ann", "A1", "A2"), 2);
  assert.is(run(10, "hold", "bob", "A3", "A4", "A2"), "seat A2 is taken");
  assert.equal(read("held", "A"), [["A1", "ann"], ["A2", "ann"]]);
  assert.is(run(60_000, "hold", "bob", "A2", "A3"), 2);
  assert.equal([read("holder", "A2"), read("holder", "A4")], ["bob", undefined]);
});

test.run();
