/**
 * CBOR with fixed options: the only import of cbor-x. Bytes from peers, clients and disk are scanned before they are
 * decoded, because cbor-x would act on tags that no one here sends: records compile functions, a 100 KB big number
 * blocks the loop for a second, shared references make cycles, and deep nesting overflows the stack.
 */
import { Encoder } from "cbor-x";
import { DraftError } from "./errors.ts";

/** Arrays, maps and tags within one another, at most. */
export const NESTING_MAX = 64;

const encoder = new Encoder({
  useRecords: false,
  tagUint8Array: false,
  variableMapSize: true,
});

/** Tags that may be decoded: epoch time, Uint8Array and its kin, Set, Map. */
const TAGS_ALLOWED: ReadonlySet<number> = new Set([
  1, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 77, 78, 79, 81, 82, 84, 85, 86, 258, 259,
]);

/** `value` as CBOR. The bytes may be a view of a larger buffer; they are never written again. */
export function encode(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/**
 * The value in `bytes`, which must hold exactly one. Byte strings in it are views: copy what outlives the buffer.
 *
 * @throws DraftError BAD_REQUEST if the bytes are no CBOR of the kind that draft writes
 */
export function decode(bytes: Uint8Array): unknown {
  scan(bytes);
  try {
    return encoder.decode(bytes);
  } catch (error) {
    throw malformed("cannot be decoded", error);
  }
}

const remaining = new Float64Array(NESTING_MAX + 1);

/** Walks over one item and all within it: lengths, nesting, tags; no allocation, no recursion. */
function scan(bytes: Uint8Array): void {
  const length = bytes.length;
  let at = 0;
  let depth = 0;
  remaining[0] = 1;
  while (depth >= 0) {
    if (remaining[depth] === 0) {
      depth -= 1;
      continue;
    }
    remaining[depth]! -= 1;
    if (at >= length) throw malformed("ends too early");
    const initial = bytes[at] as number;
    const major = initial >> 5;
    const info = initial & 31;
    const width = argumentWidth(info);
    const argument = readArgument(bytes, at + 1, width, info);
    at += 1 + width;
    if (at > length) throw malformed("ends too early");
    if (major === 2 || major === 3) {
      if (argument > length - at) throw malformed("has a string that is longer than the rest");
      at += argument;
    } else if (major >= 4 && major <= 6) {
      const items = itemsWithin(major, argument);
      if (items > length - at) throw malformed("has a list that is longer than the rest");
      depth += 1;
      if (depth > NESTING_MAX) throw malformed(`is nested deeper than ${NESTING_MAX}`);
      remaining[depth] = items;
    } else if (major === 7 && (info < 20 || info === 24)) {
      throw malformed("has an unknown simple value");
    }
  }
  if (at !== length) throw malformed("has bytes behind its end");
}

function itemsWithin(major: number, argument: number): number {
  if (major === 4) return argument;
  if (major === 5) return 2 * argument;
  if (!TAGS_ALLOWED.has(argument)) throw malformed(`has the tag ${argument}`);
  return 1;
}

function argumentWidth(info: number): number {
  if (info < 24) return 0;
  if (info > 27) throw malformed("has an item of indefinite length");
  return 1 << (info - 24);
}

function readArgument(bytes: Uint8Array, at: number, width: number, info: number): number {
  if (width === 0) return info;
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}

function malformed(what: string, cause?: unknown): DraftError {
  return new DraftError("BAD_REQUEST", `CBOR ${what}`, cause === undefined ? {} : { cause });
}
