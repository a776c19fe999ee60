/**
 * Values of a machine as JSON: what `--json`, HTTP and logs show. CBOR knows bytes, big integers and maps, JSON does
 * not: bytes that are UTF-8 become text, others `{"base64":…}`, and integers beyond 2^53-1 become decimal text.
 */
import { DraftError } from "./errors.ts";


/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

const strictUtf8: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `bytes` as text, or null if they are no UTF-8. */
export function utf8OrNull(bytes: Uint8Array): string | null {
  try {
    return strictUtf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** `bytes` in base64, with padding. */
export function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** `value` as JSON can hold it. */
export function toJsonValue(value: unknown): JsonValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value !== "object") return String(value);
  if (value instanceof Uint8Array) return utf8OrNull(value) ?? { base64: base64Of(value) };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(toJsonValue);
  if (value instanceof Set) return [...value].map(toJsonValue);
  return Object.fromEntries(entriesOf(value).map(([key, each]) => [key, toJsonValue(each)]));
}

/** Lists and objects within one another that a request may bring. */
const DEPTH_MAX = 32;

/**
 * A value of JSON as a machine gets it: `{"base64":…}` stands for bytes.
 *
 * @param value what `JSON.parse` made; it is not kept
 * @throws DraftError BAD_REQUEST if that is no base64, or if values are nested too deep
 */
export function fromJsonValue(value: unknown, depth: number = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === DEPTH_MAX) throw new DraftError("BAD_REQUEST", `values are nested deeper than ${DEPTH_MAX}`);
  if (Array.isArray(value)) return value.map((item) => fromJsonValue(item, depth + 1));
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "base64" && typeof first[1] === "string") return bytesOfBase64(first[1]);
  return Object.fromEntries(entries.map(([key, item]) => [key, fromJsonValue(item, depth + 1)]));
}

function bytesOfBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new DraftError("BAD_REQUEST", `"${text.slice(0, 64)}" is no base64`);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Keys, as text, and values of an object or Map. */
export function entriesOf(value: object): [string, unknown][] {
  if (!(value instanceof Map)) return Object.entries(value);
  return [...value].map(([key, each]) => [keyText(key), each]);
}

function keyText(key: unknown): string {
  const shown = toJsonValue(key);
  return typeof shown === "string" ? shown : JSON.stringify(shown);
}
