/** Checks of what a peer sent: each field by its kind, refused by its name. */
import { decode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";

/**
 * The tuple in `body`, with at least `itemsMin` items; more are of a newer version and left alone.
 *
 * @throws DraftError BAD_REQUEST
 */
export function decodeTuple(body: Uint8Array, itemsMin: number): readonly unknown[] {
  return tupleOf(decode(body), itemsMin, "frame");
}

/** @throws DraftError BAD_REQUEST unless `value` is a tuple of at least `itemsMin` items */
export function tupleOf(value: unknown, itemsMin: number, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refused(name, "a tuple");
  if (value.length < itemsMin) throw refused(name, `at least ${itemsMin} items, not ${value.length}`);
  return value as unknown[];
}

/** @throws DraftError BAD_REQUEST unless `value` is a whole number in 0..`max` */
export function wholeOf(value: unknown, name: string, max: number = Number.MAX_SAFE_INTEGER): number {
  // The decoder gives a bigint for whatever was written in 64 bits, however small.
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0 || number > max) {
    throw refused(name, max === Number.MAX_SAFE_INTEGER ? "a whole number" : `a whole number up to ${max}`);
  }
  return number;
}

/** @throws DraftError BAD_REQUEST unless `value` is a finite number and not negative */
export function durationOf(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) throw refused(name, "a duration");
  return value;
}

/** @throws DraftError BAD_REQUEST unless `value` is a boolean */
export function flagOf(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw refused(name, "true or false");
  return value;
}

/** @throws DraftError BAD_REQUEST unless `value` is a string of at most `charactersMax` */
export function textOf(value: unknown, name: string, charactersMax: number): string {
  if (typeof value !== "string" || value.length > charactersMax) {
    throw refused(name, `a string of at most ${charactersMax} characters`);
  }
  return value;
}

/** @throws DraftError BAD_REQUEST unless `value` is a byte string */
export function bytesOf(value: unknown, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw refused(name, "a byte string");
  return value;
}

/** The refusal of a field that is not what was `wanted`. */
export function refused(name: string, wanted: string): DraftError {
  return new DraftError("BAD_REQUEST", `bad ${name} from a peer: want ${wanted}`);
}
