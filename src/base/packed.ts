/**
 * Numbers one behind the other, each as short as it is near to what the reader expects: for records that are written
 * far more often than read.
 *
 * ```text
 * near   value - base: the first byte holds 6 bits, a sign (0x40) and "more follows" (0x80), each further one 7 bits
 *        and "more follows". A value that is no whole number in 0..2^53 - 1: a magnitude of 2^53, then an f64
 * u32    4 bytes, f64 8 bytes, little-endian
 * ```
 */
import { viewOf } from "./bytes.ts";
import { DraftError } from "./errors.ts";

/** Bytes that one number takes, at most: {@link PackedWriter.near} of something odd. */
export const PACKED_NUMBER_BYTES_MAX = 17;

/** No difference of two safe integers is so large. */
const ESCAPE = 2 ** 53;
const SIGN = 0x40;
const MORE = 0x80;
const SIZED_BYTES_MAX = 5 + PACKED_NUMBER_BYTES_MAX;

/** Writes; the caller reserves room before. */
export class PackedWriter {
  bytes: Uint8Array;
  at = 0;
  #view: DataView;

  constructor(bytesStart: number) {
    this.bytes = new Uint8Array(bytesStart);
    this.#view = viewOf(this.bytes);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const wanted = this.at + count;
    if (wanted <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
    this.#view = viewOf(larger);
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  u32(value: number): void {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  f64(value: number): void {
    this.#view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** A byte, a length near 0 and a u32 in one go: entries come by the thousand. */
  sized(head: number, length: number, sum: number): void {
    this.reserve(SIZED_BYTES_MAX);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = head;
    if (length < SIGN) bytes[at++] = length;
    else if (length < SIGN * MORE) {
      bytes[at] = MORE | (length & (SIGN - 1));
      bytes[at + 1] = length >> 6;
      at += 2;
    } else {
      this.at = at;
      this.near(length, 0);
      ({ at } = this);
    }
    const low = sum | 0;
    bytes[at] = low;
    bytes[at + 1] = low >> 8;
    bytes[at + 2] = low >> 16;
    bytes[at + 3] = low >> 24;
    this.at = at + 4;
  }

  /** `value`, short if it is whole and near `base`, a safe integer of 0 or more. */
  near(value: number, base: number): void {
    if (value >= 0 && value < ESCAPE && value === Math.floor(value)) return this.#signed(value - base);
    this.#signed(ESCAPE);
    this.f64(value);
  }

  #signed(value: number): void {
    const { bytes } = this;
    const sign = value < 0 ? SIGN : 0;
    let rest = value < 0 ? -value : value;
    if (rest < SIGN) {
      bytes[this.at++] = sign | rest;
      return;
    }
    let at = this.at;
    bytes[at++] = MORE | sign | (rest % SIGN);
    rest = Math.floor(rest / SIGN);
    while (rest >= 2 ** 31) {
      bytes[at++] = MORE | (rest % MORE);
      rest = Math.floor(rest / MORE);
    }
    while (rest >= MORE) {
      bytes[at++] = MORE | (rest & (MORE - 1));
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.at = at;
  }
}

/** Reads what {@link PackedWriter} wrote. Every call throws DraftError DAMAGED behind the end. */
export class PackedReader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  near(base: number): number {
    const first = this.byte();
    let magnitude = first & (SIGN - 1);
    let scale = SIGN;
    for (let last = first; (last & MORE) !== 0;) {
      last = this.byte();
      magnitude += (last & (MORE - 1)) * scale;
      scale *= MORE;
      if (magnitude > ESCAPE) throw broken("a number that is too large");
    }
    if (magnitude === ESCAPE) return this.f64();
    const value = base + ((first & SIGN) === 0 ? magnitude : -magnitude);
    if (value < 0 || value >= ESCAPE) throw broken("a number out of range");
    return value;
  }

  #take(count: number): number {
    const { at } = this;
    if (at + count > this.#bytes.length) throw broken("an end in the midst of a number");
    this.at = at + count;
    return at;
  }
}

function broken(what: string): DraftError {
  return new DraftError("DAMAGED", `packed numbers have ${what}`);
}
