/**
 * Cuts what a Redis client sends into commands: arrays of bulk strings, or lines of words (RESP2 and RESP3 are alike
 * here). Wherever the network cut it, what waits for its rest is at most twice what arrived of it, and every length is
 * compared with its limit before anything is allocated. Faults bear Redis's own words; behind one nothing is read.
 *
 * Parsers on npm read replies, not requests, and build a buffer or a text an argument before anybody asks for it.
 */
import { textBetween } from "../../base/bytes.ts";
import { DraftError } from "../../base/errors.ts";
import { utf8OrNull } from "../../base/json_value.ts";
import { splitWords } from "../../base/quoting.ts";

/** An argument: text if its bytes are UTF-8, else the bytes, which are the caller's to keep. */
export type Argument = string | Uint8Array;

/** What one request may hold. */
export interface RequestLimits {
  /** Bytes of one argument. */
  readonly bulkBytesMax: number;
  /** Bytes of all arguments, each counted with {@link ARGUMENT_BYTES} more. */
  readonly requestBytesMax: number;
}

/** What an argument is counted with besides its bytes: about the memory that it takes. */
export const ARGUMENT_BYTES = 32;

/** As Redis has them. */
const LINE_BYTES_MAX = 64 * 1024;
const ARGUMENTS_MAX = 1024 * 1024;

const UNTRUSTED_ARGUMENTS_MAX = 10;
const UNTRUSTED_BULK_BYTES_MAX = 16 * 1024;

const FIRST_BUFFER_BYTES = 256;
const CR = 0x0d;
const LF = 0x0a;
const ARRAY = 0x2a;
const BULK = 0x24;

/** What is read next is a line. */
const NO_BULK = -1;

const NOTHING: Uint8Array = new Uint8Array();
const REPLACEMENT = "\ufffd";

/** Reads one connection. */
export class RequestParser {
  /** Why no more can be read, in Redis's words; "" while nothing is wrong. */
  fault = "";
  /** Who has not said who he is may send no more than that takes. */
  isTrusted = true;
  readonly #limits: RequestLimits;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  /** A line or bulk string of which only a part arrived so far. */
  #partial: Uint8Array = NOTHING;
  #have = 0;
  /** Use: the request that is read; null between two. */
  #arguments: Argument[] | null = null;
  #argumentsLeft = 0;
  #argumentBytes = 0;
  /** Length of the bulk string that comes next, or NO_BULK. */
  #bulk = NO_BULK;
  /** Where a line or bulk string that is whole lies, after one of the `#take…`. */
  #source: Uint8Array = this.#chunk;
  #from = 0;
  #end = 0;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  /** Memory that is held of what is not yet a request, about. */
  get heldBytes(): number {
    const announced = this.#bulk === NO_BULK ? 0 : this.#bulk;
    return this.#partial.length + this.#argumentBytes - announced + this.#chunk.length - this.#at;
  }

  /** Whether what was fed is used up. */
  get isUsedUp(): boolean {
    return this.#at === this.#chunk.length;
  }

  /** Takes in what arrived; what was fed before and is not used up yet stays ahead of it. */
  feed(chunk: Uint8Array): void {
    if (this.isUsedUp) this.#chunk = chunk;
    else {
      const rest = this.#chunk.subarray(this.#at);
      this.#chunk = new Uint8Array(rest.length + chunk.length);
      this.#chunk.set(rest);
      this.#chunk.set(chunk, rest.length);
    }
    this.#at = 0;
  }

  /** The next whole request, at least one argument; null if there is none, or at a fault. */
  next(): Argument[] | null {
    while (this.fault === "") {
      if (this.#bulk === NO_BULK ? !this.#takeLine() : !this.#takeBulk()) break;
      const request = this.#bulk === NO_BULK ? this.#line() : this.#argument();
      if (request !== null && request.length > 0) return request;
    }
    // An idle connection does not keep what the system read into.
    if (this.isUsedUp) this.#letGo();
    return null;
  }

  #letGo(): void {
    this.#chunk = NOTHING;
    this.#at = 0;
  }

  /** Reads a line that is whole; a request if it is one by itself. */
  #line(): Argument[] | null {
    const first = this.#source[this.#from];
    if (this.#arguments !== null) {
      if (first !== BULK) return this.#fail(`expected '$', got '${printable(first)}'`);
      const bytes = this.#number();
      if (!(bytes >= 0 && bytes <= this.#limits.bulkBytesMax)) return this.#fail("invalid bulk length");
      if (!this.isTrusted && bytes > UNTRUSTED_BULK_BYTES_MAX) return this.#fail("unauthenticated bulk length");
      this.#argumentBytes += bytes + ARGUMENT_BYTES;
      if (this.#argumentBytes > this.#limits.requestBytesMax) return this.#fail(`too big request, at most ${this.#limits.requestBytesMax} bytes are taken`);
      this.#bulk = bytes;
      return null;
    }
    if (first !== ARRAY) return this.#inline();
    const count = this.#number();
    if (Number.isNaN(count) || count > ARGUMENTS_MAX) return this.#fail("invalid multibulk length");
    if (!this.isTrusted && count > UNTRUSTED_ARGUMENTS_MAX) return this.#fail("unauthenticated multibulk length");
    // Redis takes an empty or a null array for nothing at all.
    if (count <= 0) return null;
    this.#arguments = [];
    this.#argumentsLeft = count;
    this.#argumentBytes = 0;
    return null;
  }

  #inline(): Argument[] | null {
    const line = argumentIn(this.#source, this.#from, this.#end);
    if (typeof line !== "string") return this.#fail("an inline request is text, send bytes as an array");
    try {
      return splitWords(line);
    } catch (error) {
      if (error instanceof DraftError) return this.#fail("unbalanced quotes in request");
      throw error;
    }
  }

  /** Reads a bulk string that is whole; the request, if it was its last. */
  #argument(): Argument[] | null {
    const request = this.#arguments as Argument[];
    this.#bulk = NO_BULK;
    request.push(argumentIn(this.#source, this.#from, this.#end));
    this.#argumentsLeft -= 1;
    if (this.#argumentsLeft > 0) return null;
    this.#arguments = null;
    this.#argumentBytes = 0;
    return request;
  }

  /** The decimal number behind the first byte of the line; NaN if there is none, or a longer one than any limit. */
  #number(): number {
    const source = this.#source;
    let at = this.#from + 1;
    const isNegative = source[at] === 0x2d;
    if (isNegative) at += 1;
    const digits = this.#end - at;
    if (digits < 1 || digits > 10) return Number.NaN;
    let value = 0;
    for (; at < this.#end; at++) {
      const digit = source[at]! - 0x30;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return isNegative ? -value : value;
  }

  /** Finds the next line; false if its end is not there yet. */
  #takeLine(): boolean {
    const chunk = this.#chunk;
    const from = this.#at;
    const end = lineEnd(chunk, from, LINE_BYTES_MAX - this.#have);
    if (end < 0) {
      const isTooLong = chunk.length - from >= LINE_BYTES_MAX - this.#have;
      if (isTooLong) this.#fail(this.#tooLongWords());
      else this.#keep(chunk.length - from, LINE_BYTES_MAX);
      return false;
    }
    if (this.#have === 0) this.#found(chunk, from, end);
    else {
      this.#keep(end - from, LINE_BYTES_MAX);
      this.#found(this.#partial, 0, this.#have);
      this.#forgetPartial();
    }
    this.#at = end + 1;
    if (this.#end > this.#from && this.#source[this.#end - 1] === CR) this.#end -= 1;
    return true;
  }

  /** Finds the bulk string that comes next, and the end of line behind it; false if it is not all there yet. */
  #takeBulk(): boolean {
    const wanted = this.#bulk + 2;
    if (this.#have === 0 && this.#chunk.length - this.#at >= wanted) {
      this.#found(this.#chunk, this.#at, this.#at + this.#bulk);
      this.#at += wanted;
    } else {
      this.#keep(Math.min(wanted - this.#have, this.#chunk.length - this.#at), wanted);
      if (this.#have < wanted) return false;
      this.#found(this.#partial, 0, this.#bulk);
      this.#forgetPartial();
    }
    if (this.#source[this.#end] === CR && this.#source[this.#end + 1] === LF) return true;
    this.#fail("expected the end of a line behind a bulk string");
    return false;
  }

  #found(source: Uint8Array, from: number, end: number): void {
    this.#source = source;
    this.#from = from;
    this.#end = end;
  }

  /** Moves `count` bytes of the chunk to the partial line or bulk string, which will have `wanted` at most. */
  #keep(count: number, wanted: number): void {
    const need = this.#have + count;
    if (need > this.#partial.length) {
      const grown = new Uint8Array(Math.max(need, Math.min(wanted, Math.max(2 * this.#have, FIRST_BUFFER_BYTES))));
      grown.set(this.#partial.subarray(0, this.#have));
      this.#partial = grown;
    }
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + count), this.#have);
    this.#have = need;
    this.#at += count;
  }

  #forgetPartial(): void {
    this.#partial = NOTHING;
    this.#have = 0;
  }

  #tooLongWords(): string {
    if (this.#arguments !== null) return "too big bulk count string";
    const first = this.#have > 0 ? this.#partial[0] : this.#chunk[this.#at];
    return first === ARRAY ? "too big mbulk count string" : "too big inline request";
  }

  #fail(words: string): null {
    this.fault = `Protocol error: ${words}`;
    this.#forgetPartial();
    this.#arguments = null;
    this.#argumentBytes = 0;
    this.#letGo();
    return null;
  }
}

/** Where the next LF is, among `count` bytes from `from` on; -1 if there is none. */
function lineEnd(bytes: Uint8Array, from: number, count: number): number {
  const end = Math.min(bytes.length, from + count);
  for (let at = from; at < end; at++) if (bytes[at] === LF) return at;
  return -1;
}

function argumentIn(bytes: Uint8Array, from: number, end: number): Argument {
  const text = textBetween(bytes, from, end);
  if (!text.includes(REPLACEMENT)) return text;
  const own = bytes.slice(from, end);
  return utf8OrNull(own) ?? own;
}

function printable(byte: number | undefined): string {
  return byte === undefined || byte < 0x20 || byte > 0x7e ? "?" : String.fromCharCode(byte);
}
