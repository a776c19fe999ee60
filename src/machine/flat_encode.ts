/**
 * A quick writer for what nearly every client sends: an envelope whose arguments are ASCII text, bytes and small whole
 * numbers. The codec, which must be ready for anything, takes several times as long. What is not
 * of this shape is left to the codec; what is comes out as the codec would write it.
 */
import { CBOR_HEAD_BYTES_MAX, CborMajor, writeCborHead } from "../base/cbor_head.ts";
import type { Command } from "./machine.ts";

/** Commands longer than this are the codec's: there the copying counts, not the heads. */
const BYTES_MAX = 4096;

/** Where a command stands in its session: the first three fields of the envelope. */
export interface Place {
  /** 16 bytes; null without a session. */
  readonly session: Uint8Array | null;
  readonly sequence: number;
  readonly answeredBelow: number;
}

/** The envelope of `command` at `place`, or null if the codec has to write it. */
export function encodeFlat(command: Command, place: Place): Uint8Array | null {
  const { session, sequence, answeredBelow } = place;
  if (!isSmall(sequence) || !isSmall(answeredBelow)) return null;
  const ahead = 1 + (session === null ? 1 : headBytes(session.length) + session.length) + headBytes(sequence) + headBytes(answeredBelow);
  const room = roomFor(command, ahead);
  if (room < 0) return null;
  const bytes = new Uint8Array(room);
  let end = writeCborHead(bytes, 0, CborMajor.array, 4);
  end = writeOther(bytes, end, session ?? 0);
  end = writeCborHead(bytes, end, CborMajor.unsigned, sequence);
  end = writeCborHead(bytes, end, CborMajor.unsigned, answeredBelow);
  end = writeCborHead(bytes, end, CborMajor.array, command.length);
  for (let i = 0; i < command.length; i++) {
    const item = command[i];
    end = typeof item === "string" ? writeText(bytes, end, item) : writeOther(bytes, end, item as number | Uint8Array);
    if (end < 0) return null;
  }
  return end === room ? bytes : bytes.subarray(0, end);
}

/** Bytes that the envelope takes if its text is ASCII, `ahead` of the command: exactly; -1 if it is not flat. */
function roomFor(command: Command, ahead: number): number {
  let bytes = ahead + headBytes(command.length);
  for (let i = 0; i < command.length; i++) {
    const item = command[i];
    if (typeof item === "string" || item instanceof Uint8Array) bytes += headBytes(item.length) + item.length;
    else if (isSmall(item)) bytes += headBytes(item);
    else return -1;
    if (bytes > BYTES_MAX) return -1;
  }
  return bytes;
}

function isSmall(item: unknown): item is number {
  return typeof item === "number" && (item >>> 0) === item && !Object.is(item, -0);
}

function headBytes(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x10000 ? 3 : argument < 0x100000000 ? 5 : CBOR_HEAD_BYTES_MAX;
}

/** Where the text ends; -1 if it is not ASCII. */
function writeText(into: Uint8Array, at: number, text: string): number {
  const { length } = text;
  const from = writeCborHead(into, at, CborMajor.text, length);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return -1;
    into[from + i] = unit;
  }
  return from + length;
}

function writeOther(into: Uint8Array, at: number, item: number | Uint8Array): number {
  if (typeof item === "number") return writeCborHead(into, at, CborMajor.unsigned, item);
  const from = writeCborHead(into, at, CborMajor.bytes, item.length);
  into.set(item, from);
  return from + item.length;
}
