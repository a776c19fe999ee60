/** Values on their way into statements and out of them. */
import type { SQLInputValue, SQLOutputValue } from "node:sqlite";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** A value of a row: what SQLite has. Integers beyond 2^53-1 are bigints. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/**
 * A parameter as SQLite is given it. Whole numbers go as integers: runtimes differ in what they make of a number.
 *
 * @throws Error that says what is wrong, the same text on every node
 */
export function boundValue(value: unknown, place: number): SQLInputValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  if (typeof value === "number" && Number.isFinite(value)) return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === "bigint" && value >= INT64_MIN && value <= INT64_MAX) return value;
  throw new Error(`parameter ${place} must be null, a boolean, a number, text or bytes`);
}

/** A value of a row as it is answered. */
export function answered(value: SQLOutputValue): SqlValue {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Bytes that a value takes, about. */
export function sizeOf(value: SqlValue): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length + 8 : 8;
}
