/**
 * Frames that go out together: written one behind the other into one buffer, taken as one at the end of the turn.
 */
import { crc32, viewOf } from "../base/bytes.ts";

const FRAME_HEAD_BYTES = 8;
const FIRST_BYTES = 4096;

/** Room is made in advance for a turn like the last one, up to here: a turn of large frames makes its own. */
const ADVANCE_BYTES_MAX = 1024 * 1024;

/** Collects frames. */
export class FrameBatch {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES);
  #view: DataView = viewOf(this.bytes);
  #end = 0;

  /** Bytes of the frames so far. */
  get length(): number {
    return this.#end;
  }

  /** Makes room in `bytes` for one frame's body of up to `bodyBytesMax` and tells where it begins; then `finish`. */
  reserve(bodyBytesMax: number): number {
    const needed = this.#end + FRAME_HEAD_BYTES + bodyBytesMax;
    if (needed > this.bytes.length) this.#grow(needed);
    return this.#end + FRAME_HEAD_BYTES;
  }

  /** The body that was reserved ends at `end`: puts length and sum before it. */
  finish(end: number): void {
    const from = this.#end + FRAME_HEAD_BYTES;
    this.#view.setUint32(this.#end, end - from, true);
    this.#view.setUint32(this.#end + 4, crc32(this.bytes, from, end, 0), true);
    this.#end = end;
  }

  /** Adds a frame with `body`. */
  append(body: Uint8Array): void {
    const at = this.reserve(body.length);
    this.bytes.set(body, at);
    this.finish(at + body.length);
  }

  /** The frames since the last call, or null; they are never written again. */
  take(): Uint8Array | null {
    if (this.#end === 0) return null;
    const taken = this.bytes.subarray(0, this.#end);
    this.#end = 0;
    // The rest of a large buffer serves the next turn; a small rest would only have to grow.
    const rest = this.bytes.subarray(taken.length);
    const advance = Math.min(8 * taken.length, ADVANCE_BYTES_MAX);
    this.#use(rest.length >= Math.min(2 * taken.length, advance) ? rest : new Uint8Array(Math.max(FIRST_BYTES, advance)));
    return taken;
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.#end));
    this.#use(larger);
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }
}
