/**
 * The machine of an author's tables. The author writes `apply` and `query`; snapshots, restoring, expiry, the hash and
 * the rollback of what throws come with the tables.
 */
import { foldCount, foldText, foldValue } from "./digest.ts";
import type { Base, Entry, Reply, StreamMachine } from "./machine.ts";
import type { Table } from "./table.ts";
import type { TableLoader } from "./table_loader.ts";
import { TableRows } from "./table_rows.ts";
import type { SnapshotEnd, TablePiece } from "./table_snapshot.ts";
import { takeBack, toldBefore } from "./told.ts";

/** Keys that one time entry deletes in all tables together, at most. */
const SWEEP_MAX = 10_000;

/** The tables of a machine, by name. The names stand in its snapshots. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a table holds is its machine's business
export type Tables = Readonly<Record<string, Table<any>>>;

/** A piece of a snapshot of several tables. */
export type TablesPiece = readonly [table: string, piece: TablePiece<unknown>];

/** What the author writes; each as in the contract. What `wake` does, the tables' own expiry apart, is due at `wakeAt`. */
export type TableMethods = Pick<Base, "apply" | "query" | "wakeAt" | "wake" | "upgrade" | "close">;

/**
 * Makes a machine whose whole state is in `tables`.
 *
 * What an `apply` or `upgrade` that throws, rejects, or answers what cannot be sent, has done to the tables is undone.
 * Reads see the tables without what is due at their view's time. Keep no state besides the tables: nobody would undo,
 * save or compare it.
 *
 * @param tables by name; a table that an older snapshot lacks is empty after it was restored
 * @example see the head of table.ts
 */
export function machineOn(tables: Tables, methods: TableMethods): StreamMachine<TablesPiece> {
  const names = Object.keys(tables).sort();
  if (names.includes(END)) throw new TypeError("a table has a name");
  const all = names.map((name) => tables[name]!);
  const { query, wake, upgrade, close } = methods;
  const apply = methods.apply.bind(methods);
  const machine: StreamMachine<TablesPiece> = {
    apply: (command, entry) => transact(all, entry, apply, command),
    wakeAt() {
      let first = methods.wakeAt?.() ?? null;
      for (let i = 0; i < all.length; i++) {
        const atMs = all[i]!.wakeAt();
        if (atMs !== null && (first === null || atMs < first)) first = atMs;
      }
      return first;
    },
    wake(entry) {
      // On its own: if the author's `wake` breaks, what is due must be gone all the same, or it would be due for ever.
      transact(all, entry, sweep, all);
      const atMs = methods.wakeAt?.() ?? null;
      if (wake !== undefined && atMs !== null && atMs <= entry.timeMs) transact(all, entry, () => wake.call(methods, entry) as Reply, null);
    },
    hash: () => names.reduce((hash, name) => foldCount(foldText(hash, name), tables[name]!.hash()), 0) >>> 0,
    snapshot: () => piecesOf(tables, names),
    restore: (pieces) => restore(tables, names, pieces),
  };
  if (query !== undefined) {
    machine.query = (command, view) => {
      for (const table of all) table.look(view);
      return query.call(methods, command, view);
    };
  }
  if (upgrade !== undefined) {
    // What it answers is told: an error or a promise is undone here, and refused by whoever called.
    machine.upgrade = (from, entry) => transact(all, entry, () => upgrade.call(methods, from, entry) as Reply, null) as void;
  }
  if (close !== undefined) machine.close = () => close.call(methods);
  return machine;
}

/**
 * Runs `work` as one entry of all the tables: it ends with all of them changed, or none.
 *
 * @param what its first argument, so that no closure is made for each command
 */
function transact<A>(tables: readonly Table<unknown>[], entry: Entry, work: (what: A, entry: Entry) => Reply, what: A): Reply {
  let begun = 0;
  let isDone = false;
  const told = toldBefore(entry);
  try {
    for (; begun < tables.length; begun++) tables[begun]!.begin(entry);
    const answer = work(what, entry);
    if (!isKept(answer)) return answer;
    // Telling watchers may throw; committing may not.
    for (let i = 0; i < tables.length; i++) tables[i]!.announce();
    isDone = true;
    return answer;
  } finally {
    for (let i = 0; i < begun; i++) {
      if (isDone) tables[i]!.commit();
      else tables[i]!.rollback();
    }
    if (!isDone) takeBack(entry, told);
  }
}

/**
 * Whether what led to `answer` stays: not if it is a refusal, or a promise, which the applier refuses.
 *
 * @throws TypeError if it could not be sent, which would be a fault after all was changed
 */
function isKept(answer: unknown): boolean {
  if (answer === null) return true;
  const type = typeof answer;
  if (type === "string" || type === "number" || type === "boolean" || type === "undefined") return true;
  if (answer instanceof Error || typeof (answer as { then?: unknown }).then === "function") return false;
  foldValue(0, answer);
  return true;
}

function sweep(tables: readonly Table<unknown>[], entry: Entry): undefined {
  let left = SWEEP_MAX;
  // An entry has its moment; how much of what is due at it each table deletes is the same on every replica.
  for (const table of tables) if ((table.wakeAt() ?? Infinity) <= entry.timeMs) left -= table.sweep(left);
}

/** The end of all: how many tables there were. No table is named so. */
const END = "";

/** Begins the snapshots of all tables now, and shows them one after the other. */
function piecesOf(tables: Tables, names: readonly string[]): IterableIterator<TablesPiece, void> {
  const open: { name: string; pieces: IterableIterator<TablePiece<unknown>, void> }[] = [];
  const end = (): void => {
    for (const { pieces } of open.splice(0)) pieces.return?.();
  };
  try {
    for (const name of names) open.push({ name, pieces: tables[name]!.snapshot() });
  } catch (refused) {
    end();
    throw refused;
  }
  let isOver = false;
  return {
    next() {
      for (let first = open[0]; first !== undefined; first = open[0]) {
        const { done, value } = first.pieces.next();
        if (done !== true) return { done: false, value: [first.name, value as TablePiece<unknown>] };
        open.shift();
      }
      if (isOver) return { done: true, value: undefined };
      isOver = true;
      return { done: false, value: [END, { size: names.length, hash: 0, serial: 0 }] };
    },
    return() {
      isOver = true;
      end();
      return { done: true, value: undefined };
    },
    [Symbol.iterator]() {
      return this;
    },
  };
}

async function restore(tables: Tables, names: readonly string[], pieces: AsyncIterable<TablesPiece>): Promise<void> {
  const loaders: Map<string, TableLoader<unknown>> = new Map();
  let count: number | null = null;
  for await (const [name, piece] of pieces) {
    if (name === END) {
      count = (piece as SnapshotEnd).size;
      continue;
    }
    if (!names.includes(name)) throw new TypeError(`a snapshot holds the machine's tables, not '${name}'`);
    const loader = loaders.get(name) ?? tables[name]!.load();
    loaders.set(name, loader);
    loader.add(piece);
  }
  if (count !== loaders.size) throw new TypeError(`a snapshot is whole: it has ${loaders.size} of ${count ?? "some"} tables`);
  for (const name of names) if (!loaders.has(name)) loaders.set(name, emptied(tables[name]!));
  // All or none of them are replaced.
  for (const loader of loaders.values()) loader.check();
  for (const loader of loaders.values()) loader.finish();
}

function emptied(table: Table<unknown>): TableLoader<unknown> {
  const loader = table.load();
  loader.add({ size: 0, hash: new TableRows().sum, serial: 0 });
  return loader;
}
