/**
 * A quick reader for what nearly every command entry holds: an envelope whose arguments are text, bytes, numbers,
 * booleans and null. Each replica decodes each entry, and the codec, which must be ready for anything,
 * takes twice as long. Whatever is not of this shape, malformed bytes included, is left to the codec.
 */
import { hexBetween, textBetween, viewOf } from "../base/bytes.ts";

/** What the quick reader found. */
export interface FlatEnvelope {
  readonly session: string | null;
  readonly sequence: number;
  readonly answeredBelow: number;
  /** Its bytes are copies. */
  readonly command: unknown[];
}

/** Head of a session's id, a byte string of 16. */
const SESSION_BYTES = 16;
const SESSION_HEAD = 0x50;

const UNREAD: unique symbol = Symbol("unread");

/** The envelope in `bytes[from..end)`, or null if the codec has to look at it. */
export function decodeFlat(bytes: Uint8Array, from: number, end: number): FlatEnvelope | null {
  if (end - from < 2 || bytes[from] !== 0x84) return null;
  const hasSession = bytes[from + 1] === SESSION_HEAD;
  if (!hasSession && bytes[from + 1] !== 0) return null;
  const at = from + 2 + (hasSession ? SESSION_BYTES : 0);
  if (at > end) return null;
  const session = hasSession ? hexBetween(bytes, from + 2, at) : null;
  const reader = new Reader(bytes, at, end);
  const sequence = reader.argument(0);
  const answeredBelow = reader.argument(0);
  const length = reader.argument(4);
  if (sequence < 0 || answeredBelow < 0 || length < 0) return null;
  const command: unknown[] = [];
  for (let i = 0; i < length; i++) {
    const item = reader.item();
    if (item === UNREAD) return null;
    command.push(item);
  }
  return reader.at === end ? { session, sequence, answeredBelow, command } : null;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  #byte(): number {
    return this.at < this.#end ? this.#bytes[this.at] as number : 0xff;
  }

  /** The next item, or `UNREAD`. */
  item(): unknown {
    const initial = this.#byte();
    const major = initial >> 5;
    if (major === 7) return this.#simple(initial);
    if (major > 3) return UNREAD;
    const argument = this.argument(major);
    if (argument < 0) return UNREAD;
    if (major === 0) return argument;
    if (major === 1) return -1 - argument;
    const end = this.at + argument;
    if (end > this.#end) return UNREAD;
    const from = this.at;
    this.at = end;
    return major === 3 ? textBetween(this.#bytes, from, end) : new Uint8Array(this.#bytes.subarray(from, end));
  }

  /** The argument of an item of type `major`, up to 32 bits; -1 if there is none such. */
  argument(major: number): number {
    const initial = this.#byte();
    if (initial >> 5 !== major) return -1;
    const info = initial & 31;
    this.at += 1;
    if (info < 24) return info;
    if (info > 26) return -1;
    const end = this.at + (1 << (info - 24));
    if (end > this.#end) return -1;
    let argument = 0;
    for (; this.at < end; this.at++) argument = argument * 256 + this.#bytes[this.at]!;
    return argument;
  }

  #simple(initial: number): unknown {
    this.at += 1;
    if (initial === 0xf4) return false;
    if (initial === 0xf5) return true;
    if (initial === 0xf6) return null;
    if (initial !== 0xfb || this.at + 8 > this.#end) return UNREAD;
    const value = viewOf(this.#bytes).getFloat64(this.at);
    this.at += 8;
    return value;
  }
}
