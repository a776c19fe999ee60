/**
 * One side of a simulated connection. What it writes passes three places: the queue (counted by `queuedBytes`), the
 * window that the simulated system holds, and the wire; the other side gets it in order, in pieces of any size.
 */
import { concatBytes } from "../base/bytes.ts";
import type { HostError, Socket, SocketHandlers, Timer } from "../host/host.ts";
import type { Scheduler } from "./scheduler.ts";

/** What lies between the two sides. */
export interface Wire {
  readonly scheduler: Scheduler;
  /** Bytes that the system takes from a writer before it lets them wait. */
  readonly windowBytes: number;
  /** Whether bytes pass from one host to the other now. */
  passes(from: string, to: string): boolean;
  bytesPerMs(from: string, to: string): number;
  /** One way's delay, drawn anew. */
  drawDelayMs(): number;
  /** Where to cut a piece of so many bytes; `bytes` for not at all. */
  drawCut(bytes: number): number;
  /** Whether the machine answers at all, if only to say that it knows of no such connection. */
  answers(host: string): boolean;
  delivered(bytes: number): void;
  /** The side has nothing left to tell or deliver. */
  forget(socket: SimSocket): void;
}

interface Ends {
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
}

/** Bytes under way, and when they arrive at the earliest. */
interface Piece {
  bytes: Uint8Array;
  readonly dueMs: number;
}

/** More arrives in several pieces. */
const PIECE_BYTES_MAX = 64 * 1024;

/** Two connected sockets: that of the side that dialled, and that of the other. */
export function connect(wire: Wire, ends: Ends): [SimSocket, SimSocket] {
  const near = new SimSocket(wire, ends.from, ends.to, `${ends.to}:${ends.toPort}`);
  const far = new SimSocket(wire, ends.to, ends.from, `${ends.from}:${ends.fromPort}`);
  near.join(far);
  far.join(near);
  return [near, far];
}

export class SimSocket implements Socket {
  readonly from: string;
  readonly to: string;
  readonly remote: string;
  readonly #wire: Wire;
  #other: SimSocket | null = null;
  #handlers: SocketHandlers | null = null;
  /** Written and not yet delivered, in order. */
  #pieces: Piece[] = [];
  #pieceBytes = 0;
  /** When the newest piece may arrive: none overtakes another. */
  #lastDueMs = 0;
  /** When the last byte arrived: the wire carries one piece after the other. */
  #lastArrivalMs = 0;
  /** Something was queued, so `drained` is owed. */
  #waited = false;
  #paused = false;
  /** The delivery to the other side that is scheduled. */
  #moving: Timer | null = null;
  /** No more is written: behind what is under way the other side hears of the end. */
  #ended = false;
  #closed: { readonly error: Error | null } | null = null;
  #told = false;
  /** The process is gone; its machine may be, too. */
  #gone = false;

  constructor(wire: Wire, from: string, to: string, remote: string) {
    this.#wire = wire;
    this.from = from;
    this.to = to;
    this.remote = remote;
  }

  join(other: SimSocket): void {
    this.#other = other;
  }

  open(handlers: SocketHandlers): void {
    this.#handlers = handlers;
    if (this.#closed !== null) this.#scheduleTell();
    else this.#other?.wake();
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.#ended || this.#gone) return;
    const bytes = concatBytes(parts);
    if (bytes.length === 0) return;
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#wire.scheduler.nowMs + this.#wire.drawDelayMs());
    for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) {
      this.#pieces.push({ bytes: bytes.subarray(at, at + PIECE_BYTES_MAX), dueMs: this.#lastDueMs });
    }
    this.#pieceBytes += bytes.length;
    if (this.queuedBytes > 0) this.#waited = true;
    this.wake();
  }

  get queuedBytes(): number {
    return Math.max(0, this.#pieceBytes - this.#wire.windowBytes);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#other?.wake();
  }

  end(): void {
    this.#ended = true;
    this.wake();
  }

  /** The system still delivers what it had taken; what waited before it is lost. */
  destroy(): void {
    if (this.#closed !== null || this.#gone) return;
    this.#dropQueue();
    this.#close(null);
    this.end();
  }

  /** The connection breaks: nothing more arrives, both sides are told. */
  fail(error: HostError): void {
    this.#clear();
    this.#ended = true;
    this.#wire.forget(this);
    if (this.#closed !== null || this.#gone) return;
    this.#close(error);
    this.#other?.fail(error);
  }

  /** This side's process is gone and hears nothing more; the other side hears of it only if the machine says so. */
  vanish(): void {
    this.#gone = true;
    this.#handlers = null;
    this.#clear();
    this.#ended = true;
    this.#wire.forget(this);
    this.#other?.wake();
    if (this.#wire.answers(this.from) && this.#wire.passes(this.from, this.to)) this.#other?.fail(resetError());
  }

  /** Goes on with delivery, if something waits and may pass. */
  wake(): void {
    const other = this.#other;
    if (this.#moving !== null || other === null || (this.#pieces.length === 0 && !this.#ended)) return;
    if (!this.#wire.passes(this.from, this.to) || !(other.#hears() || other.#isOver())) return;
    const { nowMs } = this.#wire.scheduler;
    const piece = this.#pieces[0];
    const wireMs = (piece?.bytes.length ?? 0) / this.#wire.bytesPerMs(this.from, this.to);
    const dueMs = piece?.dueMs ?? Math.max(this.#lastDueMs, nowMs + this.#wire.drawDelayMs());
    const delayMs = Math.max(dueMs, Math.max(this.#lastArrivalMs, nowMs) + wireMs) - nowMs;
    this.#moving = this.#wire.scheduler.after(delayMs, () => this.#arrive(other));
  }

  /** As `wake`, when the wire has become faster or slower. */
  wakeAnew(): void {
    this.#moving?.cancel();
    this.#moving = null;
    this.wake();
  }

  #hears(): boolean {
    return this.#handlers !== null && !this.#paused && this.#closed === null;
  }

  #isOver(): boolean {
    return this.#closed !== null || this.#gone;
  }

  #arrive(other: SimSocket): void {
    this.#moving = null;
    this.#lastArrivalMs = this.#wire.scheduler.nowMs;
    if (!this.#wire.passes(this.from, this.to)) return;
    if (other.#isOver()) {
      this.#meetNobody(other);
    } else if (other.#hears()) {
      if (this.#pieces.length > 0) this.#deliver(other);
      else if (this.#ended) this.#deliverEnd(other);
      if (this.#pieces.length > 0 || !other.#isOver()) this.wake();
    }
  }

  /** Nobody takes the bytes any more; whoever wrote them is told if there is a machine that tells. */
  #meetNobody(other: SimSocket): void {
    if (other.#gone && !this.#wire.answers(this.to)) return;
    this.fail(resetError());
  }

  #deliver(other: SimSocket): void {
    const piece = this.#pieces[0] as Piece;
    const { bytes } = piece;
    const cut = this.#wire.drawCut(bytes.length);
    if (cut === bytes.length) this.#pieces.shift();
    else piece.bytes = bytes.subarray(cut);
    this.#pieceBytes -= cut;
    this.#wire.delivered(cut);
    other.#handlers?.data(bytes.subarray(0, cut));
    if (this.#waited && this.queuedBytes === 0) {
      this.#waited = false;
      if (this.#closed === null) this.#handlers?.drained();
    }
  }

  #deliverEnd(other: SimSocket): void {
    other.#dropQueue();
    other.#close(null);
    other.end();
    this.#close(null);
    this.#wire.forget(this);
  }

  #dropQueue(): void {
    while (this.queuedBytes > 0) {
      const last = this.#pieces.pop() as Piece;
      const keep = Math.max(0, last.bytes.length - this.queuedBytes);
      this.#pieceBytes -= last.bytes.length - keep;
      if (keep === 0) continue;
      this.#pieces.push({ ...last, bytes: last.bytes.subarray(0, keep) });
      return;
    }
  }

  #clear(): void {
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  #close(error: Error | null): void {
    if (this.#isOver()) return;
    this.#closed = { error };
    this.#scheduleTell();
  }

  #scheduleTell(): void {
    this.#wire.scheduler.after(0, () => {
      if (this.#told || this.#handlers === null) return;
      this.#told = true;
      this.#handlers.closed(this.#closed?.error ?? null);
    });
  }
}

/** An error of a simulated system. */
export function simError(code: string, message: string): HostError {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

function resetError(): HostError {
  return simError("ECONNRESET", "the other side knows of no such connection");
}
