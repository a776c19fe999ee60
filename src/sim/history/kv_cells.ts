/** What one key of the machine `kv` holds in the model, and what an operation on it says. */
import type { Recorded } from "./history.ts";

/** What one key holds. */
export interface Cell {
  readonly value: string;
  /** The index of the entry that wrote it; negative where it is not known: another number for each such write. */
  readonly revision: number;
  /** It may be gone at any time. */
  readonly expires: boolean;
}

/** Cells by the position of their key; null: no such key. */
export type KvState = readonly (Cell | null)[];

/** An operation, with the positions of its keys among those that are looked at together. */
export interface KvOperation {
  readonly recorded: Recorded;
  readonly name: string;
  readonly args: readonly string[];
  /** Whether the answer is known, so that it must fit. */
  readonly isAnswered: boolean;
  readonly refusal: string | null;
  /** The answer as {@link meaningOf} says it. */
  readonly reply: string;
  /** Index of the entry, or a negative number of its own. */
  readonly index: number;
}

/** `next`, if the answer is this one, or not known. */
export function fits(operation: KvOperation, next: KvState, reply: string): readonly KvState[] {
  return !operation.isAnswered || operation.reply === reply ? [next] : [];
}

/** What the operation writes. */
export function cellOf(value: string, { index }: KvOperation): Cell {
  return { value, revision: index, expires: false };
}

/** Whether the cell's revision can be this one. */
export function mayBe(cell: Cell, revision: number): boolean {
  return cell.revision === revision || (cell.revision < 0 && revision > 0);
}

/** The state with another cell at this place. */
export function put(state: KvState, at: number, cell: Cell | null): KvState {
  const next = state.slice();
  next[at] = cell;
  return next;
}

/** A value as an answer. */
export function valueMeaning(cell: Cell | null | undefined): string {
  return cell === null || cell === undefined ? "nil" : JSON.stringify(cell.value);
}

/** A count as an answer. */
export function countMeaning(count: number | bigint): string {
  return JSON.stringify(String(count));
}

const encoder = new TextEncoder();

/** Length in bytes of UTF-8. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
