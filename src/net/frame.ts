/**
 * The stream between two nodes, and between a client and a node: a preface, then frames.
 *
 * ```text
 * preface, 8 bytes                              frame, little-endian
 * offset size field                             offset size type  field
 *      0    1 0xD7: no HTTP, RESP or TLS             0    4  u32  bodyBytes
 *      1    3 "DRF"                                  4    4  u32  sum      CRC-32 of the body
 *      4    1 kind     1 peer, 2 client              8       body          one CBOR item
 *      5    1 version  1
 *      6    1 lane     see Lane
 *      7    1 0
 * ```
 */
import { assert } from "../base/assert.ts";
import { crc32, equalBytes, u32At } from "../base/bytes.ts";

/** The first byte of each connection that speaks frames. */
export const PREFACE_FIRST_BYTE = 0xd7;

export const PREFACE_BYTES = 8;

/** Rises when the frames themselves change; what they hold rises by the feature level. */
export const FRAME_VERSION = 1;

/** Who dials. */
export const ConnectionKind = { peer: 1, client: 2 } as const;

/** What a peer's connection is for. */
export const Lane = {
  /** Votes, heartbeats, acks, reads: never behind bulk. */
  control: 0,
  /** Append requests. */
  bulk: 1,
  snapshot: 2,
  /** One question, one answer; asked of nodes that are in no cluster yet, too. */
  probe: 3,
} as const;

export type LaneNumber = number;

const MAGIC = Uint8Array.of(PREFACE_FIRST_BYTE, 0x44, 0x52, 0x46);

/** What a preface says. */
export interface Preface {
  readonly kind: number;
  readonly version: number;
  readonly lane: LaneNumber;
}

/** The 8 bytes that open a connection. */
export function writePreface(kind: number, lane: LaneNumber): Uint8Array {
  return Uint8Array.of(...MAGIC, kind, FRAME_VERSION, lane, 0);
}

/** What the first 8 of `bytes` say; null if they are no preface. An unknown kind, version or lane is the caller's to refuse. */
export function readPreface(bytes: Uint8Array): Preface | null {
  if (bytes.length < PREFACE_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return null;
  return { kind: bytes[4] as number, version: bytes[5] as number, lane: bytes[6] as number };
}

export const FRAME_HEADER_BYTES = 8;

/** Why a stream of frames cannot be read on. */
export type FrameFault = "too long" | "empty" | "bad checksum";

const FIRST_BUFFER_BYTES = 1024;

/**
 * Cuts a stream into frames, wherever the network cut it. A length is compared with the limit before anything is
 * allocated, and what waits for the rest of its frame is at most twice what arrived of it. A frame that came in one
 * piece is handed on as a view, so whoever keeps part of it keeps the piece.
 */
export class FrameParser {
  /** Bodies longer than this are a fault. May be raised once the other side has said who it is. */
  bodyBytesMax: number;
  /** Once set, no more frames come. */
  fault: FrameFault | null = null;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;
  /** A frame of which only a part arrived so far: `#have` bytes, header included. */
  #partial: Uint8Array = new Uint8Array();
  #have = 0;

  constructor(bodyBytesMax: number) {
    this.bodyBytesMax = bodyBytesMax;
  }

  /** Bytes that wait for the rest of their frame. */
  get waitingBytes(): number {
    return this.#have;
  }

  /** Memory that they take. */
  get heldBytes(): number {
    return this.#partial.length;
  }

  /** Takes in what arrived. All frames of it must be taken with `next` before more is fed. */
  feed(chunk: Uint8Array): void {
    assert(this.fault !== null || this.#at === this.#chunk.length, "the chunk before was used up", this.#at);
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The body of the next whole frame; null if there is none, or at a fault. */
  next(): Uint8Array | null {
    if (this.fault !== null) return null;
    return this.#have === 0 ? this.#nextInChunk() : this.#nextFromPartial();
  }

  #nextInChunk(): Uint8Array | null {
    const chunk = this.#chunk;
    const from = this.#at + FRAME_HEADER_BYTES;
    if (from > chunk.length) return this.#keepRest();
    const bytes = this.#bodyBytes(chunk, this.#at);
    if (bytes < 0) return null;
    if (from + bytes > chunk.length) return this.#keepRest();
    this.#at = from + bytes;
    return this.#verified(chunk, from - FRAME_HEADER_BYTES, bytes);
  }

  #keepRest(): null {
    const count = this.#chunk.length - this.#at;
    if (count > 0) {
      this.#partial = new Uint8Array(Math.max(count, FIRST_BUFFER_BYTES));
      this.#absorb(count);
    }
    return null;
  }

  #nextFromPartial(): Uint8Array | null {
    if (!this.#fill(FRAME_HEADER_BYTES)) return null;
    const bytes = this.#bodyBytes(this.#partial, 0);
    if (bytes < 0 || !this.#fill(FRAME_HEADER_BYTES + bytes)) return null;
    const frame = this.#partial;
    this.#partial = new Uint8Array();
    this.#have = 0;
    return this.#verified(frame, 0, bytes);
  }

  /** Moves bytes of the chunk to the partial frame until it has `want`; false if the chunk ends before. */
  #fill(want: number): boolean {
    const count = Math.min(want - this.#have, this.#chunk.length - this.#at);
    if (count > 0) {
      const need = this.#have + count;
      if (need > this.#partial.length) {
        const grown = new Uint8Array(Math.max(need, Math.min(want, 2 * this.#have)));
        grown.set(this.#partial.subarray(0, this.#have));
        this.#partial = grown;
      }
      this.#absorb(count);
    }
    return this.#have >= want;
  }

  #absorb(count: number): void {
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + count), this.#have);
    this.#have += count;
    this.#at += count;
  }

  /** The length in the header at `at`, or -1 at a fault. */
  #bodyBytes(bytes: Uint8Array, at: number): number {
    const length = u32At(bytes, at);
    if (length > this.bodyBytesMax) this.fault = "too long";
    else if (length === 0) this.fault = "empty";
    return this.fault === null ? length : -1;
  }

  #verified(bytes: Uint8Array, at: number, length: number): Uint8Array | null {
    const from = at + FRAME_HEADER_BYTES;
    if (u32At(bytes, at + 4) !== crc32(bytes, from, from + length, 0)) {
      this.fault = "bad checksum";
      return null;
    }
    return bytes.subarray(from, from + length);
  }
}
