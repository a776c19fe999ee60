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

/** Writes; the caller reserves room before, and may write at `at` by itself. */
export class PackedWriter {
  bytes: Uint8Array;
  at = 0;
  /** Of `bytes`. */
  view: DataView;

  constructor(bytesStart: number) {
    this.bytes = new Uint8Array(bytesStart);
    this.view = viewOf(this.bytes);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const wanted = this.at + count;
    if (wanted <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
    this.view = viewOf(larger);
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  f64(value: number): void {
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** `value`, short if it is whole and near `base`, a safe integer of 0 or more. */
  near(value: number, base: number): void {
    const difference = value - base;
    // Mostly: a function so short that engines put it where it is called, and no more than this.
    if (difference >= 0 && difference < SIGN && difference === Math.floor(difference) && value < ESCAPE) this.bytes[this.at++] = difference;
    else this.#far(value, difference);
  }

  #far(value: number, difference: number): void {
    const isWhole = value >= 0 && value < ESCAPE && value === Math.floor(value);
    this.#signed(isWhole ? difference : ESCAPE);
    if (!isWhole) this.f64(value);
  }

  #signed(value: number): void {
    const { bytes } = this;
    const sign = value < 0 ? SIGN : 0;
    let rest = value < 0 ? -value : value;
    let { at } = this;
    bytes[at++] = rest < SIGN ? sign | rest : MORE | sign | (rest % SIGN);
    for (rest = Math.floor(rest / SIGN); rest > 0;) {
      const low = rest % MORE;
      rest = Math.floor(rest / MORE);
      bytes[at++] = rest > 0 ? MORE | low : low;
    }
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
