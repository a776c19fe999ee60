/** What an argument of the kind `json` takes. */
import { utf8OrNull } from "../base/json_value.ts";

/** A value of JSON that is no bare text. An interface fits too: `object` asks for no index signature. */
export type Json = null | boolean | number | object;

/** Lists and objects within one another, at most; what is decoded from the log is bounded by about the same. */
const NESTING_MAX = 60;

/** The value of JSON that `value` is, or that its text says; undefined if it is none, or a bare text. */
export function parseJson(value: unknown): Json | undefined {
  const said = value instanceof Uint8Array ? utf8OrNull(value) : value;
  const parsed = typeof said === "string" ? parsedOrUndefined(said) : value;
  return typeof parsed !== "string" && isJson(parsed, NESTING_MAX) ? parsed as Json : undefined;
}

function parsedOrUndefined(said: string): unknown {
  try {
    return JSON.parse(said) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether `value` is what JSON can say: neither bytes nor Maps, nor numbers that are none. */
function isJson(value: unknown, nesting: number): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || nesting === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, nesting - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((item) => isJson(item, nesting - 1));
}
