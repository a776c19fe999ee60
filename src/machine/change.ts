/**
 * What watchers are told: one change of one key, as an entry emitted it. A change has a place, the index of its entry and
 * its number among that entry's changes, from 1; places are the same on every replica.
 */
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Index } from "../raft/types.ts";

/**
 * How far somebody has heard: all changes up to the `n`-th of entry `index` are known, and those behind it are not. With
 * `n` 0 nothing of that entry is.
 */
export interface ChangeCursor {
  readonly index: Index;
  readonly n: number;
}

/** Below, at or above 0 as `one` has heard less than `other`, as much, or more. */
export function compareCursors(one: ChangeCursor, other: ChangeCursor): number {
  return one.index - other.index || one.n - other.n;
}

/** How far who has heard all of entry `index` has heard. */
export function behindEntry(index: Index): ChangeCursor {
  return { index: index + 1, n: 0 };
}

/** A value that nobody can change any more: itself, or its CBOR; undefined if the key was deleted. */
export type HeldValue = undefined | null | boolean | number | string | Uint8Array;

/** A change as it is kept. */
export interface HeldChange extends ChangeCursor {
  readonly key: string;
  readonly value: HeldValue;
}

/** Memory that a change is counted with besides its key and value. */
const CHANGE_BYTES = 64;

/** An engine keeps a character in one byte or two. */
const CHARACTER_BYTES = 2;

const NUMBER_BYTES = 8;

/**
 * `value` as it is kept: what can still be changed by its machine is encoded.
 *
 * @throws TypeError or RangeError if it cannot be sent
 */
export function heldOf(value: unknown): HeldValue {
  if (value === undefined || value === null || typeof value === "boolean") return value;
  // As CBOR has them: a replica that got them in a snapshot shall hold the same.
  if (typeof value === "string") return value.isWellFormed() ? value : value.toWellFormed();
  if (typeof value === "number") return value + 0;
  return new Uint8Array(encode(value));
}

/** The value again; null if the key was deleted. */
export function valueOf(held: HeldValue): unknown {
  return held instanceof Uint8Array ? decode(new Uint8Array(held)) : held ?? null;
}

/** What a change counts in bytes: no less than it takes, and the same on every replica. */
export function changeBytes(key: string, value: HeldValue): number {
  const valueBytes = typeof value === "string" ? CHARACTER_BYTES * value.length : value instanceof Uint8Array ? value.length : NUMBER_BYTES;
  return CHANGE_BYTES + CHARACTER_BYTES * key.length + valueBytes;
}

const Kind = { value: 0, encoded: 1, deleted: 2 } as const;

/** A change as snapshots and connections carry it. */
export type ChangeRow = readonly [index: number, n: number, key: string | Uint8Array, kind: number, content: unknown];

/** The row of a change: `[index, n, key, kind, content]` (see {@link file://./changes_saved.ts}). */
export function changeRow({ index, n, key, value }: HeldChange): ChangeRow {
  const kind = value === undefined ? Kind.deleted : value instanceof Uint8Array ? Kind.encoded : Kind.value;
  return [index, n, keyContent(key), kind, value ?? null];
}

/** Reads a row. What it holds of bytes is copied. @throws DraftError BAD_REQUEST if it is none */
export function changeFrom(row: unknown): HeldChange {
  const [index, n, key, kind, content] = Array.isArray(row) ? row as readonly unknown[] : [];
  if (!isCount(index) || !isCount(n)) throw unreadable();
  const name = keyFrom(key);
  if (kind === Kind.deleted) return { index, n, key: name, value: undefined };
  if (kind === Kind.encoded && content instanceof Uint8Array) return { index, n, key: name, value: new Uint8Array(content) };
  if (kind !== Kind.value || (typeof content === "object" && content !== null)) throw unreadable();
  return { index, n, key: name, value: content as HeldValue };
}

/** A key as CBOR carries it: text, or the 16-bit units of one that is no Unicode (plugins tell bytes so), little-endian. */
export function keyContent(key: string): string | Uint8Array {
  if (key.isWellFormed()) return key;
  const units = new Uint8Array(2 * key.length);
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    units[2 * at] = unit & 0xff;
    units[2 * at + 1] = unit >> 8;
  }
  return units;
}

/** The key again. @throws DraftError BAD_REQUEST if it is none */
export function keyFrom(content: unknown): string {
  if (typeof content === "string") return content;
  if (!(content instanceof Uint8Array) || content.length % 2 !== 0) throw unreadable();
  let key = "";
  for (let at = 0; at < content.length; at += 2) key += String.fromCharCode(content[at]! | (content[at + 1]! << 8));
  return key;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function unreadable(): DraftError {
  return new DraftError("BAD_REQUEST", "a change cannot be read: use the version of draft that its sender runs");
}
