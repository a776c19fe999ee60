/**
 * One side of a simulated connection. What it writes passes three places: the queue (counted by `queuedBytes`), the
 * window that the simulated system holds, and the wire; the other side gets it in order, in pieces of any size.
 */
import { concatBytes } from "../base/bytes.ts";
import type { HostError, Socket, SocketHandlers, Timer } from "../host/host.ts";
import type { Scheduler } from "./scheduler.ts";
import { resetError } from "./sim_error.ts";
import { SimOutbox } from "./sim_outbox.ts";

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
  /** How long it takes the system of a process that is gone to send again what was lost; mostly nothing was. */
  drawResendMs(): number;
  /** Where to cut a piece of so many bytes; `bytes` for not at all. */
  drawCut(bytes: number): number;
  /** Heads or tails. */
  drawFlip(): boolean;
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

/** How a process ends: killed on a machine that lives on, with its machine that is soon back, or with one that is silent. */
export type Death = "killed" | "rebooted" | "silent";

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
  readonly #outbox: SimOutbox;
  /** When the last byte arrived: the wire carries one piece after the other. */
  #lastArrivalMs = 0;
  /** Until the system sends again. */
  #heldUntilMs = 0;
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
  /** The end that the other side hears of is a reset. */
  #endsInReset = false;
  /** Nobody sends again what is lost now, nor tells of an end: the machine is dead. */
  #silent = false;
  /** The connection is broken in between: nothing passes any more, and a reset is on its way to this side. */
  #severed = false;
  /** What of the bytes that are written goes at once. */
  sift: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;

  constructor(wire: Wire, from: string, to: string, remote: string) {
    this.#wire = wire;
    this.#outbox = new SimOutbox(wire.windowBytes);
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
    const written = concatBytes(parts);
    const bytes = this.sift(written);
    if (bytes.length > 0) this.#send(bytes, bytes.length - written.length);
  }

  inject(bytes: Uint8Array): boolean {
    const isOpen = !this.#ended && !this.#gone && !this.#severed;
    if (isOpen) this.#send(bytes, bytes.length);
    return isOpen;
  }

  #send(bytes: Uint8Array, copied: number): void {
    this.#outbox.copied(copied);
    this.#outbox.add(bytes, this.#wire.scheduler.nowMs, this.#wire.drawDelayMs(), this.#wire.bytesPerMs(this.from, this.to));
    this.#waited ||= this.queuedBytes > 0;
    this.wake();
  }

  /** How long it takes until the other side has what was written so far, if nothing holds it up. */
  get underWayMs(): number {
    return this.#outbox.bytes / this.#wire.bytesPerMs(this.from, this.to);
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
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
    this.#outbox.dropQueue();
    this.#close(null);
    this.end();
  }

  /** The connection breaks: what is under way is lost, and each side hears of it in its own time. */
  sever(error: HostError): void {
    this.#severHere(error);
    if (this.#other !== null) this.#other.#severHere(error);
  }

  /**
   * This side's process is gone and hears nothing more. What the system had taken still arrives, be it that another
   * process runs by then, and then the end; of a machine that lost its power only what was on the wire.
   */
  vanish(death: Death): void {
    if (this.#gone && death === "killed") return;
    this.#gone = true;
    this.#handlers = null;
    this.#ended = true;
    this.#outbox.dropQueue();
    if (death === "killed") this.#endsInReset = this.#closed === null && this.#wire.drawFlip();
    else this.#losePower(death === "silent");
    this.wakeAnew();
    this.#other?.wake();
  }

  /** Goes on with delivery, if something waits and may pass. */
  wake(): void {
    const other = this.#other;
    if (this.#moving !== null || other === null || this.#severed || (this.#outbox.isEmpty && !this.#ended)) return;
    if (this.#silent && (this.#outbox.isEmpty || !this.#wire.passes(this.from, this.to))) return this.#lose();
    if (!this.#wire.passes(this.from, this.to) || !(other.#hears() || other.#isOver())) return;
    const { nowMs } = this.#wire.scheduler;
    const piece = this.#outbox.first;
    const wireMs = (piece?.bytes.length ?? 0) / this.#wire.bytesPerMs(this.from, this.to);
    const dueMs = piece?.dueMs ?? Math.max(this.#outbox.lastDueMs, nowMs + this.#wire.drawDelayMs());
    const delayMs = Math.max(dueMs, this.#silent ? 0 : this.#heldUntilMs, Math.max(this.#lastArrivalMs, nowMs) + wireMs) - nowMs;
    this.#moving = this.#wire.scheduler.after(delayMs, () => this.#arrive(other));
  }

  /** As `wake`, when the wire has become faster or slower. */
  wakeAnew(): void {
    this.#halt();
    if (this.#gone) this.#heldUntilMs = this.#wire.scheduler.nowMs + this.#wire.drawResendMs();
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
    if (!this.#wire.passes(this.from, this.to)) {
      if (this.#silent) this.#lose();
      return;
    }
    if (other.#isOver()) this.#meetNobody(other);
    else if (other.#hears()) {
      if (!this.#outbox.isEmpty) this.#deliver(other);
      else if (this.#ended) this.#deliverEnd(other);
      if (!this.#outbox.isEmpty || this.#gone || !other.#isOver()) this.wake();
    }
  }

  /** Nobody takes the bytes any more; whoever wrote them is told if there is a machine that tells, and hears of it later. */
  #meetNobody(other: SimSocket): void {
    if (this.#isOver()) return this.#lose();
    if (other.#gone && !this.#wire.answers(this.to)) return;
    this.#moving = this.#wire.scheduler.after(this.#wire.drawDelayMs(), () => {
      this.#moving = null;
      if (this.#wire.passes(this.to, this.from)) this.#hearReset(resetError());
    });
  }

  #severHere(error: HostError): void {
    if (this.#severed) return;
    this.#severed = true;
    this.#halt();
    if (this.#isOver()) return this.#lose();
    this.#outbox.clear();
    this.#wire.scheduler.after(this.#wire.drawDelayMs(), () => this.#hearReset(error));
  }

  #hearReset(error: HostError): void {
    this.#ended = true;
    this.#close(error);
    this.#lose();
  }

  /** What is not on the wire yet is lost. */
  #losePower(silent: boolean): void {
    if (this.#wire.passes(this.from, this.to)) this.#outbox.keepLeft(this.#wire.scheduler.nowMs);
    else this.#outbox.clear();
    this.#endsInReset = true;
    this.#silent ||= silent;
  }

  #deliver(other: SimSocket): void {
    const cut = this.#wire.drawCut(this.#outbox.first?.bytes.length ?? 0);
    const bytes = this.#outbox.take(cut);
    this.#wire.delivered(cut);
    other.#handlers?.data(bytes);
    if (this.#waited && this.queuedBytes === 0) {
      this.#waited = false;
      if (this.#closed === null) this.#handlers?.drained();
    }
  }

  #deliverEnd(other: SimSocket): void {
    if (this.#endsInReset) other.#hearReset(resetError());
    else {
      other.#outbox.dropQueue();
      other.#close(null);
      other.end();
      this.#close(null);
    }
    this.#wire.forget(this);
  }

  #halt(): void {
    this.#moving?.cancel();
    this.#moving = null;
  }

  /** Nothing more comes of this side. */
  #lose(): void {
    this.#outbox.clear();
    this.#halt();
    this.#wire.forget(this);
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
