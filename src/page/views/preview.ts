/** The beginning of a value, in one line. */
import { keyText, type TextOrBytes } from "../bytes.ts";

const CHARACTERS_MAX = 120;

export function previewText(value: TextOrBytes): string {
  // Of base64 a whole number of groups is left.
  return typeof value === "string" ? keyText(value.slice(0, CHARACTERS_MAX)) : keyText({ base64: value.base64.slice(0, CHARACTERS_MAX) });
}
