/**
 * Heads of CBOR items (RFC 8949 section 3), written and read by hand: the fixed outer tuples of the hot path cost a
 * fiftieth of what the general encoder takes for them.
 */

/** Major types. */
export const CborMajor = { unsigned: 0, bytes: 2, text: 3, array: 4 } as const;

/** Bytes of the longest head. */
export const CBOR_HEAD_BYTES_MAX = 9;

/** Writes the head of an item at `at` and tells where it ends. `argument` is a safe integer of 0 or more. */
export function writeCborHead(into: Uint8Array, at: number, major: number, argument: number): number {
  const initial = major << 5;
  if (argument < 24) {
    into[at] = initial | argument;
    return at + 1;
  }
  if (argument < 0x100) {
    into[at] = initial | 24;
    into[at + 1] = argument;
    return at + 2;
  }
  if (argument < 0x10000) {
    into[at] = initial | 25;
    into[at + 1] = argument >>> 8;
    into[at + 2] = argument;
    return at + 3;
  }
  if (argument < 0x100000000) {
    into[at] = initial | 26;
    return writeU32(into, at + 1, argument);
  }
  into[at] = initial | 27;
  return writeU32(into, writeU32(into, at + 1, Math.floor(argument / 0x100000000)), argument >>> 0);
}

function writeU32(into: Uint8Array, at: number, value: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}

/** Reads heads one after the other, without allocation. */
export class CborHeadReader {
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where the next head begins; the caller moves it over contents. */
  at = 0;

  /** Begins at the start of `bytes`. */
  reset(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.at = 0;
  }

  /** The argument of a head of `major`; -1, and `at` undefined, if there is none or it is no safe integer. */
  next(major: number): number {
    const bytes = this.#bytes;
    const initial = bytes[this.at] ?? 0xff;
    const info = initial & 31;
    if (initial >> 5 !== major || info > 27) return -1;
    this.at += 1;
    if (info < 24) return info;
    const width = 1 << (info - 24);
    if (this.at + width > bytes.length) return -1;
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (bytes[this.at + i] as number);
    this.at += width;
    return Number.isSafeInteger(value) ? value : -1;
  }
}
