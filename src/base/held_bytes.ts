/** How much memory a command takes while it waits, about: by that, not by count alone, is bounded what waits. */
import { entriesOf } from "./json_value.ts";

/** Beside its bytes, for each value. */
const VALUE_BYTES = 16;

/** Bytes that `value`, a command or an argument of one, is counted as. */
export function heldBytes(value: unknown): number {
  if (typeof value === "string") return VALUE_BYTES + value.length;
  if (value instanceof Uint8Array) return VALUE_BYTES + value.length;
  if (typeof value !== "object" || value === null) return VALUE_BYTES;
  const items = Array.isArray(value) || value instanceof Set ? [...value] : entriesOf(value).flat();
  return items.reduce((bytes: number, item: unknown) => bytes + heldBytes(item), VALUE_BYTES);
}
