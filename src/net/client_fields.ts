/**
 * Checks of fields that came over a client's connection.
 */
import { DraftError, type LeaderHint } from "../base/errors.ts";

/** Characters of a group's name, a client's name or an id, at most. */
const NAME_CHARACTERS_MAX = 256;

/** @throws DraftError BAD_REQUEST unless `value` is a tuple */
export function tuple(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw malformed(what);
  return value;
}

/** @throws DraftError BAD_REQUEST unless `value` is a whole number of 0 or more */
export function whole(value: unknown, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw malformed(what);
  return value;
}

/** @throws DraftError BAD_REQUEST unless `value` is a short text */
export function name(value: unknown, what: string): string {
  if (typeof value !== "string" || value.length > NAME_CHARACTERS_MAX) throw malformed(what);
  return value;
}

/** @throws DraftError BAD_REQUEST unless `value` is a byte string */
export function byteString(value: unknown, what: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed(what);
  return value;
}

/** The leader that two fields name, or null if they do not. */
export function leaderFrom(id: unknown, address: unknown): LeaderHint | null {
  return typeof id === "string" && typeof address === "string" ? { id, address } : null;
}

/** What a field that cannot be read is answered with. */
export function malformed(what: string): DraftError {
  return new DraftError("BAD_REQUEST", `${what} in a message of the client protocol cannot be read`);
}
