/**
 * A socket whose first bytes were looked at already: whoever opens it gets them first, as if nobody had.
 */
import { concatBytes } from "../base/bytes.ts";
import type { Clock, Socket, SocketHandlers, SocketPeer } from "../host/host.ts";

/** Stands before the real socket. `data`, `drained` and `closed` are for whoever opened that one. */
export class SniffedSocket implements Socket, SocketHandlers {
  readonly #socket: Socket;
  readonly #clock: Clock;
  #first: Uint8Array | null;
  #handlers: SocketHandlers | null = null;
  /** The end, if it came before the first bytes were told. */
  #ended: { readonly error: Error | null } | null = null;
  #pauseWanted = false;

  constructor(socket: Socket, clock: Clock, first: Uint8Array) {
    this.#socket = socket;
    this.#clock = clock;
    this.#first = first;
    socket.pause();
  }

  get remote(): string {
    return this.#socket.remote;
  }

  get peer(): SocketPeer | null {
    return this.#socket.peer ?? null;
  }

  get queuedBytes(): number {
    return this.#socket.queuedBytes;
  }

  open(handlers: SocketHandlers): void {
    this.#handlers = handlers;
    this.#clock.soon(() => this.#begin(handlers));
  }

  #begin(handlers: SocketHandlers): void {
    const first = this.#first;
    this.#first = null;
    if (first !== null) handlers.data(first);
    if (this.#ended !== null) handlers.closed(this.#ended.error);
    else if (!this.#pauseWanted) this.#socket.resume();
  }

  data(bytes: Uint8Array): void {
    // Bytes may slip in after `pause`, on their way already.
    if (this.#first !== null) this.#first = concatBytes([this.#first, bytes]);
    else this.#handlers?.data(bytes);
  }

  drained(): void {
    if (this.#first === null) this.#handlers?.drained();
  }

  closed(error: Error | null): void {
    if (this.#first !== null) this.#ended = { error };
    else this.#handlers?.closed(error);
  }

  write(parts: readonly Uint8Array[]): void {
    this.#socket.write(parts);
  }

  pause(): void {
    this.#pauseWanted = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#pauseWanted = false;
    if (this.#first === null) this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
