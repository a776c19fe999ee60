/**
 * What a session entry says. The id is drawn by the node that proposes the entry, never where it is applied.
 *
 * ```text
 * open   [1, session (16 bytes), principal, ordered]     CBOR
 * close  [2, session]
 * ```
 */
import { hexOf } from "../base/bytes.ts";
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import { SESSION_BYTES, sessionBytes } from "./command.ts";

/** Characters of a principal's name, at most. */
const PRINCIPAL_MAX = 256;

const OPEN = 1;
const CLOSE = 2;

/** Opens or closes a session, 32 lower-case hexadecimal digits. */
export type SessionChange =
  | { readonly type: "open"; readonly session: string; readonly principal: string; readonly ordered: boolean }
  | { readonly type: "close"; readonly session: string };

/** The payload of a session entry. */
export function encodeSessionChange(change: SessionChange): Uint8Array {
  const session = sessionBytes(change.session);
  return encode(change.type === "open" ? [OPEN, session, change.principal, change.ordered] : [CLOSE, session]);
}

/** @throws DraftError BAD_REQUEST if the payload is none */
export function decodeSessionChange(payload: Uint8Array): SessionChange {
  const tuple = decode(payload);
  if (!Array.isArray(tuple)) throw malformed();
  const [kind, id, principal, ordered] = tuple as unknown[];
  if (!(id instanceof Uint8Array) || id.length !== SESSION_BYTES) throw malformed();
  const session = hexOf(id);
  if (kind === CLOSE && tuple.length === 2) return { type: "close", session };
  const isOpen = kind === OPEN && tuple.length === 4 && typeof principal === "string" && principal.length <= PRINCIPAL_MAX;
  if (!isOpen || typeof ordered !== "boolean") throw malformed();
  return { type: "open", session, principal, ordered };
}

function malformed(): DraftError {
  return new DraftError("BAD_REQUEST", "the content of a session entry cannot be read");
}
