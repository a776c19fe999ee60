/** What one side of a simulated connection has written and the other has not got yet, in order. */

/** Bytes under way, when they have left the machine, and when they arrive at the earliest. */
export interface Piece {
  bytes: Uint8Array;
  readonly leftMs: number;
  readonly dueMs: number;
}

/** More arrives in several pieces. */
const PIECE_BYTES_MAX = 64 * 1024;

/** The pieces: the first ones, as many as the window holds, are with the system; the rest waits in the process. */
export class SimOutbox {
  readonly #windowBytes: number;
  #pieces: Piece[] = [];
  #bytes = 0;
  /** Copies that may stand among what the system has not taken. */
  #copiedBytes = 0;
  /** When the newest piece has left the machine. */
  #lastLeftMs = 0;
  /** When the newest piece may arrive: none overtakes another. */
  #lastDueMs = 0;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  get first(): Piece | undefined {
    return this.#pieces[0];
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Bytes that the other side has not got yet. */
  get bytes(): number {
    return this.#bytes;
  }

  get lastDueMs(): number {
    return this.#lastDueMs;
  }

  /** Bytes that the process has written and the system has not taken. */
  get queuedBytes(): number {
    return Math.max(0, this.#overflow - this.#copiedBytes);
  }

  get #overflow(): number {
    return Math.max(0, this.#bytes - this.#windowBytes);
  }

  /** So many of the bytes that are added next are not the process's: the network doubled a message, or brings a late one. */
  copied(bytes: number): void {
    if (this.#overflow === 0) this.#copiedBytes = 0;
    this.#copiedBytes += Math.max(0, bytes);
  }

  add(bytes: Uint8Array, nowMs: number, delayMs: number, bytesPerMs: number): void {
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + delayMs);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) {
      const piece = bytes.subarray(at, at + PIECE_BYTES_MAX);
      this.#lastLeftMs = Math.max(this.#lastLeftMs, nowMs) + piece.length / bytesPerMs;
      this.#pieces.push({ bytes: piece, leftMs: this.#lastLeftMs, dueMs: this.#lastDueMs });
    }
    this.#bytes += bytes.length;
  }

  /** Takes so many bytes of the first piece. */
  take(count: number): Uint8Array {
    const piece = this.#pieces[0] as Piece;
    const { bytes } = piece;
    if (count === bytes.length) this.#pieces.shift();
    else piece.bytes = bytes.subarray(count);
    this.#bytes -= count;
    return bytes.subarray(0, count);
  }

  /** Loses what the system had not taken. */
  dropQueue(): void {
    while (this.#overflow > 0) {
      const last = this.#pieces.pop() as Piece;
      const keep = Math.max(0, last.bytes.length - this.#overflow);
      this.#bytes -= last.bytes.length - keep;
      if (keep > 0) this.#pieces.push({ ...last, bytes: last.bytes.subarray(0, keep) });
    }
  }

  /** Loses what has not left the machine. */
  keepLeft(nowMs: number): void {
    this.#pieces = this.#pieces.filter(({ leftMs }) => leftMs <= nowMs);
    this.#bytes = this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  clear(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
}
