/**
 * Text and bytes. To the machine they are the same: `é` and its two bytes of UTF-8 are one key and one value. A key is
 * held as a *binary string*, one character for each byte of its UTF-8: ASCII text is itself, and the order of strings
 * is the order of bytes. A value is held as text if it is UTF-8, else as bytes.
 */

/** A key as the machine holds it. */
export type Key = string;

/** A value as the machine holds it; bytes are never changed in place. */
export type Value = string | Uint8Array;

/** Makes the error that refuses an argument: BAD_REQUEST before the log, REJECTED in it. */
export type Refuse = (message: string) => Error;

const NOT_ASCII = /[\u0080-\uffff]/;
const REPLACEMENT = "\ufffd";
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The value that `argument` stands for: text, bytes, or a number as it would be typed. */
export function valueOf(argument: unknown, refuse: Refuse): Value {
  if (typeof argument === "string") return argument;
  if (argument instanceof Uint8Array) return textOf(argument);
  if (typeof argument === "bigint" || (typeof argument === "number" && Number.isFinite(argument))) return String(argument);
  throw refuse(`an argument must be text, bytes or a number, not ${argument === null ? "null" : typeof argument}`);
}

/** The key that `argument` stands for. */
export function keyOf(argument: unknown, refuse: Refuse): Key {
  if (typeof argument === "string" && !NOT_ASCII.test(argument)) return argument;
  return binaryOf(asBytes(valueOf(argument, refuse)));
}

/** The word that `argument` is, in upper case; empty if it is none. */
export function wordOf(argument: unknown): string {
  const word = argument instanceof Uint8Array ? textOf(argument) : argument;
  return typeof word === "string" ? word.toUpperCase() : "";
}

/** A key as answers show it: text if it is UTF-8, else bytes. */
export function keyShown(key: Key): Value {
  return NOT_ASCII.test(key) ? textOf(bytesOf(key)) : key;
}

/**
 * A key as watchers are told it, always a text. The bytes of a key that is not UTF-8 become U+DC80..U+DCFF, which no
 * decoded text contains, so that no two keys look alike.
 */
export function keyEmitted(key: Key): string {
  const shown = keyShown(key);
  if (typeof shown === "string") return shown;
  return key.replace(/[\x80-\xff]/g, (char) => String.fromCharCode(0xdc00 | char.charCodeAt(0)));
}

/** Length of a value in bytes of UTF-8. */
export function byteLength(value: Value): number {
  if (typeof value !== "string") return value.length;
  return NOT_ASCII.test(value) ? encoder.encode(value).length : value.length;
}

/** Whether two values are the same bytes. */
export function sameValue(a: Value, b: Value): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Below, at or above 0 as the bytes of `a` stand before, at or behind those of `b`. */
export function compareValues(a: Value, b: Value): number {
  const [one, other] = [asBytes(a), asBytes(b)];
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at++) if (one[at] !== other[at]) return one[at]! - other[at]!;
  return one.length - other.length;
}

/** `a` and then `b`: two halves of a character become one. */
export function joined(a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") return a + b;
  const [head, tail] = [asBytes(a), asBytes(b)];
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return textOf(whole);
}

function asBytes(value: Value): Uint8Array {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** `bytes` as text if they are UTF-8, else as they are. */
function textOf(bytes: Uint8Array): Value {
  // A decoder that throws would cost more for bytes than it saves: look for what it could not read instead.
  const text = decoder.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  const again = encoder.encode(text);
  return again.length === bytes.length && again.every((byte, at) => byte === bytes[at]) ? text : bytes;
}

function binaryOf(bytes: Uint8Array): Key {
  let key = "";
  for (let at = 0; at < bytes.length; at++) key += String.fromCharCode(bytes[at]!);
  return key;
}

function bytesOf(key: Key): Uint8Array {
  return Uint8Array.from({ length: key.length }, (_, at) => key.charCodeAt(at));
}
