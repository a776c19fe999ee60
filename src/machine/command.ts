/**
 * The command envelope: what the payload of a command entry holds. A client encodes it once; the log, the peers and
 * every replica keep those bytes.
 *
 * ```text
 * envelope  [session, sequence, answeredBelow, command]     CBOR, exactly four items
 * session   0 none, else 16 bytes: of a session, or, with a sequence of 0, a key under which this one command is done once
 * command   [operation, argument, …]
 * ```
 *
 * A field more would change what an entry means, so it comes with a feature level: unlike the tuples of frames, this
 * one is refused if it is longer.
 */
import { hexOf } from "../base/bytes.ts";
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import { decodeFlat } from "./flat_decode.ts";
import { encodeFlat, type Place } from "./flat_encode.ts";
import type { Command } from "./machine.ts";

/** Length of a session's id in bytes. */
export const SESSION_BYTES = 16;

/** One command on its way to the log. */
export interface CommandEnvelope {
  /** Id of the client's session, or a key, 32 lower-case hexadecimal digits; null: nothing is deduplicated. */
  readonly session: string | null;
  /** Number of the command within its session, from 1; 0 without one, and under a key. */
  readonly sequence: number;
  /** The client holds the answers of all sequences below; 0 without a session. */
  readonly answeredBelow: number;
  readonly command: Command;
}

const NO_PLACE: Place = { session: null, sequence: 0, answeredBelow: 0 };

/**
 * `envelope` as the payload of an entry. The bytes may be a view of a larger buffer.
 *
 * @throws RangeError if `envelope.session` is no session id
 */
export function encodeEnvelope(envelope: CommandEnvelope): Uint8Array {
  const { session, sequence, answeredBelow, command } = envelope;
  return encodeCommand(command, { session: session === null ? null : sessionBytes(session), sequence, answeredBelow });
}

/** A command as the payload of an entry; without a session unless `place` says which. */
export function encodeCommand(command: Command, place: Place = NO_PLACE): Uint8Array {
  return encodeFlat(command, place) ?? encode([place.session ?? 0, place.sequence, place.answeredBelow, command]);
}

/**
 * The envelope in the payload of a command entry, `bytes[from..end)`. Bytes within the command are copied out of the
 * payload, whose buffer they would keep alive: what this returns is the machine's to keep.
 *
 * @throws DraftError BAD_REQUEST if the payload is no envelope
 */
export function decodeEnvelope(bytes: Uint8Array, from: number = 0, end: number = bytes.length): CommandEnvelope {
  const flat = decodeFlat(bytes, from, end);
  if (flat === null) return decodeAny(bytes.subarray(from, end));
  checkCommand(flat.command);
  return flat as unknown as CommandEnvelope;
}

function decodeAny(payload: Uint8Array): CommandEnvelope {
  const tuple = decode(payload);
  if (!Array.isArray(tuple) || tuple.length !== 4) throw malformed("is no tuple of four");
  const [session, sequence, answeredBelow, command] = tuple as unknown[];
  if (!isCount(sequence) || !isCount(answeredBelow)) throw malformed("has a sequence that is no whole number");
  const owned = checkCommand(command);
  ownItems(owned as unknown as unknown[]);
  return { session: sessionText(session), sequence, answeredBelow, command: owned };
}

/**
 * `value` as a command: what a client sent, or a plugin made of it.
 *
 * @throws DraftError BAD_REQUEST if it is no list that begins with the name of an operation
 */
export function checkCommand(value: unknown): Command {
  if (!Array.isArray(value)) throw malformed("holds no list");
  if (typeof value[0] !== "string") throw malformed("does not begin with the name of an operation");
  return value as unknown as Command;
}

/** Replaces what is a view of a larger buffer by a copy. */
function ownItems(items: unknown[]): void {
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (typeof item === "object" && item !== null) items[i] = owned(item);
  }
}

/** `value` with nothing in it that is a view of a larger buffer. Depth was bounded by the decoder. */
function owned(value: object): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return (value as Float64Array).slice();
  if (Array.isArray(value)) {
    ownItems(value);
    return value;
  }
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [ownedItem(key), ownedItem(item)]));
  if (value instanceof Set) return new Set([...value].map(ownedItem));
  if (value instanceof Date) return value;
  const record = value as Record<string, unknown>;
  for (const key of Object.keys(record)) record[key] = ownedItem(record[key]);
  return record;
}

function ownedItem(value: unknown): unknown {
  return typeof value === "object" && value !== null ? owned(value) : value;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function sessionText(value: unknown): string | null {
  if (value === 0) return null;
  if (!(value instanceof Uint8Array) || value.length !== SESSION_BYTES) throw malformed("has a session of another length");
  return hexOf(value);
}

/** @throws RangeError if `text` is no session id */
export function sessionBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{32}$/.test(text)) throw new RangeError(`session '${text}' is not 32 lower-case hexadecimal digits`);
  return Uint8Array.from({ length: SESSION_BYTES }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

function malformed(what: string): DraftError {
  return new DraftError("BAD_REQUEST", `command ${what}`);
}
