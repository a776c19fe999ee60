/**
 * Bytes, sums and fixed-width numbers. All formats of draft are little-endian; 64-bit numbers are unsigned and stay
 * within JavaScript's safe integers, which a reader checks.
 */
import { Buffer } from "node:buffer";
import { crc32 as nativeCrc32 } from "node:zlib";

/** Below this many bytes the table in JavaScript beats the call into zlib (measured on Bun, Deno and Node). */
const TABLE_BYTES_MAX = 192;

const SLICES = 8;
const TABLE: Uint32Array = makeTable();

function makeTable(): Uint32Array {
  const table = new Uint32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    table[byte] = value;
  }
  for (let at = 256; at < table.length; at++) {
    const previous = table[at - 256] as number;
    table[at] = (table[previous & 255] as number) ^ (previous >>> 8);
  }
  return table;
}

/**
 * CRC-32 (IEEE 802.3, as zlib's) of `bytes[from..end)`, continued from `seed`.
 *
 * @param end offset behind the last byte
 * @param seed the sum so far, 0 to begin
 */
export function crc32(bytes: Uint8Array, from: number, end: number, seed: number): number {
  if (end - from > TABLE_BYTES_MAX) return nativeCrc32(bytes.subarray(from, end), seed);
  return tableCrc32(bytes, from, end, seed);
}

function tableCrc32(bytes: Uint8Array, from: number, end: number, seed: number): number {
  const table = TABLE;
  let sum = ~seed;
  let at = from;
  for (; at + SLICES <= end; at += SLICES) {
    sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    sum = table[1792 + (sum & 255)]! ^ table[1536 + ((sum >>> 8) & 255)]! ^
      table[1280 + ((sum >>> 16) & 255)]! ^ table[1024 + (sum >>> 24)]! ^
      table[768 + bytes[at + 4]!]! ^ table[512 + bytes[at + 5]!]! ^ table[256 + bytes[at + 6]!]! ^ table[bytes[at + 7]!]!;
  }
  for (; at < end; at++) sum = table[(sum ^ bytes[at]!) & 255]! ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** What Node calls its decoder of a part of a buffer; the same in Bun and Deno, and half the price of TextDecoder's. */
interface PartDecoder {
  readonly utf8Slice: (this: Uint8Array, from: number, end: number) => string;
  readonly hexSlice: (this: Uint8Array, from: number, end: number) => string;
}

const { utf8Slice, hexSlice } = Buffer.prototype as unknown as PartDecoder;

/** The text in `bytes[from..end)`, UTF-8. What is none becomes U+FFFD, as with TextDecoder; a byte order mark stays. */
export function textBetween(bytes: Uint8Array, from: number, end: number): string {
  return utf8Slice.call(bytes, from, end);
}

/** The next multiple of 8 at or above `length`. */
export function align8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** A view for reading and writing numbers in `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The u32 at `at`, without a view: for places that read one number of many arrays. */
export function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** Writes a safe integer as u64. */
export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Reads a u64; NaN if it is no safe integer, so that a reader's check of it fails. */
export function getU64(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Whether two byte strings are equal. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The bytes as lower-case hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return hexBetween(bytes, 0, bytes.length);
}

/** 128 random bits as hexadecimal digits: nobody draws the same twice. */
export function drawHex128(random: { u32(): number }): string {
  return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, "0")).join("");
}

/** `bytes[from..end)` as lower-case hexadecimal digits. */
export function hexBetween(bytes: Uint8Array, from: number, end: number): string {
  return hexSlice.call(bytes, from, end);
}

/** One array with the bytes of all `parts`, in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
