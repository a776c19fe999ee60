/** Whether a value travels: to a client, into the log, and back as what it was. */
import { decode, encode } from "../../base/codec.ts";
import { foldValue } from "../digest.ts";

/** Why `value` cannot be sent, or would arrive as something else; null if it travels. */
export function whyUnsendable(value: unknown): string | null {
  try {
    const digest = foldValue(0, value);
    const empty = emptied(value);
    if (empty !== null) return `an object of the class ${empty} arrives as {}`;
    const arrived = (decode(encode([value]).slice()) as [unknown])[0];
    return foldValue(0, arrived) === digest ? null : "it arrives as something else";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** The class of an object within `value`, which is no circle, that holds nothing a codec sees. */
function emptied(value: unknown): string | null {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || value instanceof Date) return null;
  if (value instanceof Map) return firstOf([...value.keys(), ...value.values()]);
  if (Array.isArray(value) || value instanceof Set) return firstOf([...value]);
  const within = Object.values(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isOfClass = prototype !== null && prototype !== Object.prototype;
  return within.length === 0 && isOfClass ? value.constructor.name : firstOf(within);
}

function firstOf(values: readonly unknown[]): string | null {
  for (const value of values) {
    const found = emptied(value);
    if (found !== null) return found;
  }
  return null;
}
