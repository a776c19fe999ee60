/** Signed 64-bit integers, as Redis reads and writes them: numbers where they are exact, else BigInt. */
import type { Refuse, Value } from "./text.ts";
import { valueOf } from "./text.ts";

/** A whole number between -2^63 and 2^63 - 1; a number if it is a safe one. */
export type Integer = number | bigint;

export const NOT_AN_INTEGER = "value is not an integer or out of range";

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
/** So many characters are always a safe integer. */
const SAFE_LENGTH = 15;
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** The integer that `value` is the usual text of, or null: no `+1`, `01`, `1.0` or blanks. */
export function parseInteger(value: Value): Integer | null {
  if (typeof value !== "string" || !INTEGER.test(value)) return null;
  return value.length <= SAFE_LENGTH ? Number(value) : narrowed(BigInt(value));
}

/** The integer that an argument stands for. */
export function integerOf(argument: unknown, refuse: Refuse): Integer {
  const integer = parseInteger(valueOf(argument, refuse));
  if (integer === null) throw refuse(NOT_AN_INTEGER);
  return integer;
}

/** The count that an argument stands for: a whole number from 0 that is exact. */
export function countOf(argument: unknown, refuse: Refuse): number {
  const integer = integerOf(argument, refuse);
  if (typeof integer !== "number" || integer < 0) throw refuse(NOT_AN_INTEGER);
  return integer;
}

/** `a + b`, or null if that overflows. */
export function sumOf(a: Integer, b: Integer): Integer | null {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return narrowed(BigInt(a) + BigInt(b));
}

/** `-a`, or null if that overflows. */
export function negated(a: Integer): Integer | null {
  return typeof a === "number" ? 0 - a : narrowed(-a);
}

function narrowed(integer: bigint): Integer | null {
  if (integer < MIN || integer > MAX) return null;
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}
