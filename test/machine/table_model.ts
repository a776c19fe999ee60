/** A table that is too simple to be wrong, random operations on both, and what to compare. */
import * as assert from "uvu/assert";
import { nextInRange } from "../../src/base/random.ts";
import type { RandomState } from "../../src/base/random.ts";
import type { Entry } from "../../src/machine/machine.ts";
import type { Table } from "../../src/machine/table.ts";
import type { SavedRow } from "../../src/machine/table_rows.ts";
import type { TablePiece } from "../../src/machine/table_snapshot.ts";
import type { WalkOptions } from "../../src/machine/table_walk.ts";

export type Tried = string | number | null | { readonly list: readonly unknown[] };

export type ModelRow = { readonly value: Tried; readonly revision: number; readonly expiresAtMs: number };

/** What the entry emitted goes into `told`. */
export function entryOf(index: number, timeMs: number, told: unknown[] = []): Entry {
  return {
    index, timeMs, term: 1, version: 1, session: null,
    random: () => 0,
    emit: (key, value) => told.push(value === undefined ? [key] : [key, value]),
    reject: (message) => new Error(message),
  };
}

export class Model {
  rows: Record<string, ModelRow> = {};
  timeMs = 0;

  find(key: string): ModelRow | undefined {
    const row = this.rows[key];
    return row === undefined || this.isDue(row) ? undefined : row;
  }

  isDue(row: ModelRow): boolean {
    return row.expiresAtMs !== 0 && row.expiresAtMs <= this.timeMs;
  }

  copy(): Record<string, ModelRow> {
    return structuredClone(this.rows);
  }

  /** What the model's changes since `before` would tell, as a set of texts. */
  toldSince(before: Record<string, ModelRow>): unknown[] {
    const told: unknown[] = [];
    for (const key of new Set([...Object.keys(before), ...Object.keys(this.rows)])) {
      const row = this.rows[key];
      if (row === undefined) told.push([key]);
      else if (before[key]?.revision !== row.revision) told.push([key, row.value]);
    }
    return told;
  }

  walk(range: WalkOptions): unknown[] {
    const rows = Object.keys(this.rows).filter((key) => this.find(key) !== undefined).sort(compare);
    return rangeOf(rows.map((key) => [key, this.rows[key]!.value, this.rows[key]!.revision, this.rows[key]!.expiresAtMs]), range);
  }
}

/** What the model held behind each entry, to compare the table's versions with. */
export class Past {
  readonly #states: { readonly timeMs: number; readonly rows: unknown[] }[] = [{ timeMs: 0, rows: [] }];
  #asked = 0;
  #known = 0;

  /** Notes the state behind the next entry, and looks back to one of the last. */
  compare(random: RandomState, table: Table<Tried>, model: Model, what: string): void {
    this.#states.push({ timeMs: model.timeMs, rows: model.walk({}) });
    if (nextInRange(random, 0, 2) > 0) return;
    this.#asked += 1;
    const index = Math.max(1, this.#states.length - 1 - nextInRange(random, 0, 60));
    const { timeMs, rows } = this.#states[index]!;
    const version = table.at(index);
    if (version === undefined) return;
    this.#known += 1;
    const range = { ...rangeFrom(random), limit: Infinity };
    // What fell due between the last change and an entry that changed nothing is still there.
    const isThere = ({ expiresAtMs }: { expiresAtMs: number }): boolean => expiresAtMs === 0 || expiresAtMs > timeMs;
    const shown = version.list(range).filter(isThere).map(({ key, value, revision, expiresAtMs }) => [key, value, revision, expiresAtMs]);
    assert.equal(shown, rangeOf(rows, range), `${what}: as it was behind ${index}`);
    for (const [key, value] of shown) assert.is(version.get(key as string), value);
  }

  /** Both happened often: a version that is known, and one that is not. */
  compareCounts(): void {
    assert.ok(this.#known > this.#asked / 5 && this.#known < this.#asked * 0.95, `${this.#known} versions of ${this.#asked} were known`);
  }
}

/** Those of the sorted rows that a walk shows. */
export function rangeOf(rows: readonly unknown[], { prefix = "", after, from = "", to, limit = Infinity, reverse = false }: WalkOptions): unknown[] {
  const within = (rows as [string][]).filter(([key]) => key.startsWith(prefix) && (after === undefined || key > after) && key >= from && (to === undefined || key <= to));
  return (reverse ? within.reverse() : within).slice(0, limit);
}

/** Runs one random write on both, which must answer alike. */
export function write(random: RandomState, table: Table<Tried>, model: Model, index: number): void {
  const key = keyFrom(random);
  const atMs = nextInRange(random, 0, 2) === 0 ? Math.max(1, model.timeMs + nextInRange(random, -5, 60)) : 0;
  const row = model.find(key);
  switch (nextInRange(random, 0, 12)) {
    case 0:
    case 1:
    case 2:
      assert.is(table.delete(key), row !== undefined);
      if (row !== undefined) delete model.rows[key];
      break;
    case 3:
      assert.is(table.expire(key, atMs), row !== undefined);
      if (row !== undefined) model.rows[key] = { ...row, expiresAtMs: atMs };
      break;
    case 4: {
      const max = nextInRange(random, 1, 4);
      const due = Object.entries(model.rows).filter(([, each]) => model.isDue(each));
      due.sort(([a, one], [b, other]) => one.expiresAtMs - other.expiresAtMs || compare(a, b));
      assert.is(table.sweep(max), Math.min(max, due.length));
      for (const [each] of due.slice(0, max)) delete model.rows[each];
      break;
    }
    case 5:
      if (nextInRange(random, 0, 20) > 0) break;
      table.clear();
      model.rows = {};
      break;
    default: {
      const value = valueFrom(random);
      table.set(key, value, atMs);
      model.rows[key] = { value, revision: index, expiresAtMs: atMs };
    }
  }
}

export function rangeFrom(random: RandomState): WalkOptions {
  const some = (): boolean => nextInRange(random, 0, 3) === 0;
  return {
    ...(some() ? { prefix: keyFrom(random).slice(0, nextInRange(random, 0, 2)) } : {}),
    ...(some() ? { after: keyFrom(random) } : {}),
    ...(some() ? { from: keyFrom(random) } : {}),
    ...(some() ? { to: keyFrom(random) } : {}),
    ...(some() ? { limit: nextInRange(random, 0, 70) } : {}),
    ...(some() ? { reverse: true } : {}),
  };
}

/** The state that the pieces of a snapshot tell, in the model's form; their rows must stand in order. */
export function stateOf(pieces: readonly TablePiece<Tried>[]): Record<string, ModelRow> {
  const rows = pieces.flatMap((piece) => ("length" in piece ? piece as readonly SavedRow<Tried>[] : []));
  const keys = rows.map(([key]) => key);
  assert.equal(keys, [...new Set(keys)].sort(compare));
  return Object.fromEntries(rows.map(([key, value, revision, expiresAtMs]) => [key, { value, revision, expiresAtMs }]));
}

/** Objects whose keys stand in any order. */
export function sorted(rows: Record<string, ModelRow>): [string, ModelRow][] {
  return Object.entries(rows).sort(([a], [b]) => compare(a, b));
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a === b ? 0 : 1;
}

const STEMS = ["a", "b", "b/", "é", "\uffff", "𝄞", "", "zz"];

function keyFrom(random: RandomState): string {
  return `${STEMS[nextInRange(random, 0, STEMS.length - 1)]!}${nextInRange(random, 0, 30)}`;
}

function valueFrom(random: RandomState): Tried {
  const number = nextInRange(random, 0, 5);
  if (number === 0) return null;
  if (number === 1) return { list: [nextInRange(random, 0, 9), Uint8Array.of(number), { deep: "x" }] };
  return number < 4 ? `text ${nextInRange(random, 0, 99)}` : nextInRange(random, 0, 2 ** 40);
}
