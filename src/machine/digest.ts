/**
 * The running digest of a replica: one number over the payloads, and all that its machine answered and emitted. Replicas
 * that applied the same entries have equal digests, on every runtime, so one that differs has forked. It stands on the path of every
 * write: no encoding, no allocation for text, whole numbers and null.
 *
 * Each fold is one round of MurmurHash3 (Appleby, 2011). A difference stays a difference until another one hides it by
 * chance (2^-32); it is no protection against somebody who means to collide.
 */
import { crc32, hexOf } from "../base/bytes.ts";

/** Values within one another, at most: as deep as the codec goes. */
const NESTING_MAX = 64;

const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;

/** What a value begins with, so that `[]`, `""`, `0` and null differ. */
const Tag = {
  null: 1,
  false: 2,
  true: 3,
  integer: 4,
  float: 5,
  bigint: 6,
  text: 7,
  bytes: 8,
  list: 9,
  map: 10,
  set: 11,
  date: 12,
  nan: 13,
  argument: 14,
  cleared: 15,
} as const;

/** What a machine's `hash()` says, as text. */
export function hashText(hash: string | number | bigint | Uint8Array): string {
  if (typeof hash === "string") return hash;
  return typeof hash === "object" ? hexOf(hash) : hash.toString(16);
}

/** Folds 32 bits into the digest. */
export function foldBits(digest: number, bits: number): number {
  let mixed = Math.imul(bits, 0xcc9e2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  const folded = digest ^ Math.imul(mixed, 0x1b873593);
  return (Math.imul((folded << 13) | (folded >>> 19), 5) + 0xe6546b64) | 0;
}

/** Folds a count or index: a whole number below 2^53. */
export function foldCount(digest: number, count: number): number {
  return foldBits(foldBits(digest, count | 0), Math.floor(count / 2 ** 32));
}

/** Folds the fact that a value is the argument at `position` of the command. */
export function foldArgument(digest: number, position: number): number {
  return foldBits(foldBits(digest, Tag.argument), position);
}

/** Folds the fact that so many rows with this sum were taken away at once. */
export function foldCleared(digest: number, size: number, sum: number): number {
  return foldBits(foldCount(foldBits(digest, Tag.cleared), size), sum);
}

/** Folds a text, two UTF-16 units at a time. */
export function foldText(digest: number, text: string): number {
  const length = text.length;
  let folded = foldBits(digest, length);
  let at = 0;
  for (; at + 1 < length; at += 2) folded = foldBits(folded, text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
  return at < length ? foldBits(folded, text.charCodeAt(at)) : folded;
}

/**
 * Folds a value that a machine answered or emitted. Null and undefined are one, as they are to clients.
 *
 * @throws TypeError if the value, or one within it, could not be sent: a function, a symbol, a cycle
 * @throws RangeError if it holds an integer beyond 64 bits
 */
export function foldValue(digest: number, value: unknown): number {
  return foldWithin(digest, value, 0);
}

function foldWithin(digest: number, value: unknown, depth: number): number {
  switch (typeof value) {
    case "string":
      return foldText(foldBits(digest, Tag.text), value);
    case "number":
      return foldNumber(digest, value);
    case "undefined":
      return foldBits(digest, Tag.null);
    case "boolean":
      return foldBits(digest, value ? Tag.true : Tag.false);
    case "bigint":
      if (value < INTEGER_MIN || value > INTEGER_MAX) throw new RangeError(`an integer is beyond 64 bits: ${value}`);
      return foldText(foldBits(digest, Tag.bigint), value.toString());
    case "object":
      return value === null ? foldBits(digest, Tag.null) : foldObject(digest, value, depth + 1);
    default:
      throw new TypeError(`a ${typeof value} is no value that can be sent`);
  }
}

const scratch = new DataView(new ArrayBuffer(8));

function foldNumber(digest: number, value: number): number {
  if ((value | 0) === value) return foldBits(foldBits(digest, Tag.integer), value);
  if (Number.isSafeInteger(value)) return foldCount(foldBits(digest, Tag.integer), value);
  // Engines differ in the bits of a NaN.
  if (Number.isNaN(value)) return foldBits(digest, Tag.nan);
  scratch.setFloat64(0, value, true);
  return foldBits(foldBits(foldBits(digest, Tag.float), scratch.getInt32(0, true)), scratch.getInt32(4, true));
}

function foldObject(digest: number, value: object, depth: number): number {
  if (depth > NESTING_MAX) throw new TypeError(`a value is nested deeper than ${NESTING_MAX}, or in a circle`);
  if (Array.isArray(value)) {
    let folded = foldCount(foldBits(digest, Tag.list), value.length);
    for (let i = 0; i < value.length; i++) folded = foldWithin(folded, value[i], depth);
    return folded;
  }
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return foldBits(foldCount(foldBits(digest, Tag.bytes), bytes.length), crc32(bytes, 0, bytes.length, 0));
  }
  if (value instanceof Map) {
    let folded = foldCount(foldBits(digest, Tag.map), value.size);
    for (const [key, item] of value) folded = foldWithin(foldWithin(folded, key, depth), item, depth);
    return folded;
  }
  if (value instanceof Set) {
    let folded = foldCount(foldBits(digest, Tag.set), value.size);
    for (const item of value) folded = foldWithin(folded, item, depth);
    return folded;
  }
  if (value instanceof Date) return foldNumber(foldBits(digest, Tag.date), value.getTime());
  const keys = Object.keys(value);
  let folded = foldCount(foldBits(digest, Tag.map), keys.length);
  for (const key of keys) folded = foldWithin(foldText(folded, key), (value as Record<string, unknown>)[key], depth);
  return folded;
}
