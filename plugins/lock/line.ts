/**
 * Who waits for a lock, first come first served. A place in the line expires by itself, so that whoever stops asking
 * does not stand in the way of those behind it.
 */
import type { Entry } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import type { Row } from "../../src/machine/table_rows.ts";

/** Those who wait, for all locks together. */
const WAITERS_MAX = 100_000;

/** Digits of an index, so that the order of texts is that of numbers. */
const INDEX_DIGITS = 16;

/** The tables of the line; a place is a row in each, and both expire at once. */
export type Line = {
  /** By lock and the index of the entry that took the place: who stands there. */
  readonly places: Table<string>;
  /** By lock and owner: the index under which the owner stands in `places`. */
  readonly waiters: Table<number>;
};

/** A line in which nobody stands. Watchers hear of locks alone. */
export function newLine(): Line {
  const tell = (): void => {};
  return { places: new Table({ tell }), waiters: new Table({ tell }) };
}

/** Those who wait for the lock, in their order. */
export function inLine({ places }: Line, name: string, limit: number): Row<string>[] {
  return places.list({ prefix: keyOf(name, ""), limit });
}

/**
 * Gives `owner` a place at the end of the line, or keeps the one that it has, until `untilMs`.
 *
 * @throws what `entry.reject` makes, if too many wait already
 */
export function stand(line: Line, name: string, owner: string, untilMs: number, entry: Entry): void {
  const { places, waiters } = line;
  const waiter = keyOf(name, owner);
  const since = waiters.get(waiter);
  if (since === undefined) {
    if (waiters.size >= WAITERS_MAX) throw entry.reject(`${WAITERS_MAX} wait for locks already: try without waiting`);
    places.set(placeOf(name, entry.index), owner, untilMs);
    waiters.set(waiter, entry.index, untilMs);
  } else {
    places.expire(placeOf(name, since), untilMs);
    waiters.expire(waiter, untilMs);
  }
}

/** Takes `owner` out of the line; says whether it stood there. */
export function leave({ places, waiters }: Line, name: string, owner: string): boolean {
  const since = waiters.get(keyOf(name, owner));
  if (since === undefined) return false;
  places.delete(placeOf(name, since));
  return waiters.delete(keyOf(name, owner));
}

function placeOf(name: string, since: number): string {
  return keyOf(name, String(since).padStart(INDEX_DIGITS, "0"));
}

/** No name holds the character between the two. */
function keyOf(name: string, rest: string): string {
  return `${name}\u0000${rest}`;
}
