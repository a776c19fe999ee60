/** Keys and values, which are bytes, as text that a person can read and an address can bear. Pure. */
import { utf8OrNull } from "../base/json_value.ts";

/** A key or value as it comes in JSON. */
export type TextOrBytes = string | { readonly base64: string };

/** So much of a value is shown at once. */
export const SHOWN_BYTES_MAX: number = 64 * 1024;

/** Beyond it a value is not edited here: an editor of that size helps nobody. */
export const EDITED_BYTES_MAX: number = 256 * 1024;

const HEX_ROW = 16;

export function bytesOf(value: TextOrBytes): Uint8Array {
  if (typeof value === "string") return new TextEncoder().encode(value);
  return Uint8Array.from(atob(value.base64), (character) => character.charCodeAt(0));
}

/** A key for the eye: text, with `\xHH` for what is none, and for what would not be seen. */
export function keyText(key: TextOrBytes): string {
  if (typeof key === "string") return key.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/g, (character) => escapes(new TextEncoder().encode(character)));
  const bytes = bytesOf(key);
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escapes(Uint8Array.of(byte)))).join("");
}

function escapes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** The ways to show a value, the best first. */
export function viewsOf(bytes: Uint8Array): ("json" | "text" | "hex")[] {
  const text = bytes.length > SHOWN_BYTES_MAX ? null : utf8OrNull(bytes);
  // A large one is not parsed as a whole: its beginning tells whether it is text.
  if (text === null) return isTextAtFirst(bytes) ? ["text", "hex"] : ["hex"];
  return prettyJson(text) === null ? ["text", "hex"] : ["json", "text", "hex"];
}

function isTextAtFirst(bytes: Uint8Array): boolean {
  if (bytes.length <= SHOWN_BYTES_MAX) return false;
  // A character may be cut in two by the limit.
  return [0, 1, 2, 3].some((less) => utf8OrNull(bytes.subarray(0, SHOWN_BYTES_MAX - less)) !== null);
}

/** JSON with each item on a line of its own; null if `text` is no list or object of JSON. */
export function prettyJson(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The beginning of a value as text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, SHOWN_BYTES_MAX));
}

/** The beginning of a value as rows of sixteen bytes, with their offset and what they are as ASCII. */
export function hexOf(bytes: Uint8Array, bytesMax: number = SHOWN_BYTES_MAX / 4): string {
  const rows: string[] = [];
  for (let from = 0; from < Math.min(bytes.length, bytesMax); from += HEX_ROW) {
    const row = [...bytes.subarray(from, from + HEX_ROW)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    const halves = [hex.slice(0, 8), hex.slice(8)].map((half) => half.join(" ").padEnd(23)).join("  ");
    rows.push(`${from.toString(16).padStart(6, "0")}  ${halves}  ${ascii}`);
  }
  return rows.join("\n");
}
