/**
 * Streams over node:net. Names are resolved at each dial. What the runtimes do differently (which errors bear a code,
 * whether `end` comes before `close`) is levelled here: a socket tells `closed` once, and its error has a code.
 */
import * as net from "node:net";
import { concatBytes } from "../base/bytes.ts";
import type { Done } from "../base/task.ts";
import type { Address, HostError, Listener, Net, Socket, SocketHandlers, SocketPeer } from "./host.ts";

/** How long a socket that was ended may take to hand over what is queued, in milliseconds. */
const LINGER_MS = 10_000;

/**
 * Up to this many bytes parts are copied into one buffer, which is used again once the system took its bytes: cheaper
 * than a vectored write, which some runtimes make by copying into memory of its own each time.
 */
const COPY_BYTES_MAX = 128 * 1024;

/** Smaller writes get memory of their own, and those behind others that wait: they would hold a whole buffer each. */
const POOLED_BYTES_MIN = 4096;
const POOL_BUFFERS_MAX = 8;

const BACKLOG = 512;

/** The network of this machine. */
export class NodeNet implements Net {
  listen(address: Address, accept: (socket: Socket) => void, done: Done<Listener>): void {
    listenWith(net.createServer({ pauseOnConnect: true, noDelay: true }, (raw) => accept(new NodeSocket(raw))), address, done);
  }

  dial(address: Address, timeoutMs: number, done: Done<Socket>): void {
    const raw = net.connect({ host: address.host, port: address.port, noDelay: true });
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      raw.off("connect", connected).off("error", settle);
      if (error === null) {
        done(null, new NodeSocket(raw));
      } else {
        raw.on("error", () => undefined);
        raw.destroy();
        done(withCode(error, "ECONNREFUSED"));
      }
    };
    const connected = (): void => settle(null);
    const timer = setTimeout(() => settle(hostError("ETIMEDOUT", `no connection within ${timeoutMs} ms`)), timeoutMs);
    raw.once("connect", connected).once("error", settle);
  }
}

/** Lets `server` listen, and tells once whether it does. */
export function listenWith(server: net.Server, address: Address, done: Done<Listener>): void {
  let settled = false;
  server.on("error", (error) => {
    if (!settled) {
      settled = true;
      done(withCode(error, "EIO"));
    }
  });
  server.listen({ host: address.host, port: address.port, backlog: BACKLOG, exclusive: true }, () => {
    settled = true;
    done(null, new NodeListener(server, address));
  });
}

class NodeListener implements Listener {
  readonly address: Address;
  readonly #server: net.Server;

  constructor(server: net.Server, asked: Address) {
    this.#server = server;
    const bound = server.address();
    this.address = bound === null || typeof bound === "string" ? asked : { host: asked.host, port: bound.port };
  }

  /** Does not wait for the sockets that were accepted, as the runtime's own `close` would. */
  close(done: Done<void>): void {
    this.#server.close();
    setImmediate(() => done(null, undefined));
  }
}

/**
 * The runtime's own socket behind `socket`, for a server of the runtime that takes it over with `first` still to be read;
 * null if there is none, as in a simulation. Of `socket` only its end is told from then on.
 */
export function detachSocket(socket: Socket, first: Uint8Array): net.Socket | null {
  return socket instanceof NodeSocket ? socket.detach(first) : null;
}

/** A socket of the runtime, plain or over TLS. */
export class NodeSocket implements Socket {
  readonly remote: string;
  readonly peer: SocketPeer | null;
  readonly #raw: net.Socket;
  readonly #pool: Uint8Array[] = [];
  #handlers: SocketHandlers | null = null;
  #error: Error | null = null;
  #over = false;
  #told = false;

  /** @param peer who is at the other side, by a certificate that was verified */
  constructor(raw: net.Socket, peer: SocketPeer | null = null) {
    this.#raw = raw;
    this.peer = peer;
    this.remote = `${raw.remoteAddress ?? "?"}:${raw.remotePort ?? 0}`;
    raw.on("error", (error) => {
      this.#error ??= withCode(error, "ECONNRESET");
    });
    raw.on("close", () => this.#close());
  }

  open(handlers: SocketHandlers): void {
    const first = this.#handlers === null;
    this.#handlers = handlers;
    if (!first) return;
    if (this.#over) {
      setImmediate(() => this.#tell());
      return;
    }
    this.#raw.on("data", this.#onData).on("drain", this.#onDrain).on("end", this.#onEnd);
    this.#raw.resume();
  }

  readonly #onData = (bytes: Uint8Array): void => {
    if (!this.#told) this.#handlers?.data(bytes);
  };

  readonly #onDrain = (): void => {
    if (!this.#told) this.#handlers?.drained();
  };

  readonly #onEnd = (): void => {
    this.#lingerThenDestroy();
    this.#close();
  };

  detach(first: Uint8Array): net.Socket {
    const raw = this.#raw;
    raw.off("data", this.#onData).off("drain", this.#onDrain).off("end", this.#onEnd);
    raw.pause();
    raw.unshift(first);
    return raw;
  }

  write(parts: readonly Uint8Array[]): void {
    const raw = this.#raw;
    if (this.#over || raw.writableEnded || raw.destroyed) return;
    const total = parts.reduce((sum, part) => sum + part.length, 0);
    if (parts.length === 1) raw.write(parts[0] as Uint8Array);
    else if (total < POOLED_BYTES_MIN || (total <= COPY_BYTES_MAX && raw.writableLength > 0)) raw.write(concatBytes(parts));
    else if (total <= COPY_BYTES_MAX) this.#writePooled(parts, total);
    else {
      raw.cork();
      for (const part of parts) raw.write(part);
      raw.uncork();
    }
  }

  #writePooled(parts: readonly Uint8Array[], total: number): void {
    const buffer = this.#pool.pop() ?? new Uint8Array(COPY_BYTES_MAX);
    let at = 0;
    for (const part of parts) {
      buffer.set(part, at);
      at += part.length;
    }
    this.#raw.write(buffer.subarray(0, total), () => {
      if (this.#pool.length < POOL_BUFFERS_MAX) this.#pool.push(buffer);
    });
  }

  get queuedBytes(): number {
    return this.#raw.writableLength;
  }

  pause(): void {
    this.#raw.pause();
  }

  resume(): void {
    this.#raw.resume();
  }

  end(): void {
    if (this.#raw.destroyed || this.#raw.writableEnded) return;
    this.#lingerThenDestroy();
    this.#raw.end();
  }

  destroy(): void {
    this.#raw.destroy();
  }

  /** A peer that neither reads nor closes must not keep the socket, and the bytes queued on it, for ever. */
  #lingerThenDestroy(): void {
    const raw = this.#raw;
    const timer = setTimeout(() => raw.destroy(), LINGER_MS);
    timer.unref();
    raw.once("close", () => clearTimeout(timer));
  }

  #close(): void {
    this.#over = true;
    this.#tell();
  }

  #tell(): void {
    if (this.#told || this.#handlers === null) return;
    this.#told = true;
    this.#handlers.closed(this.#error);
  }
}

/** An error as the system would tell it. */
export function hostError(code: string, message: string): HostError {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/** Bun leaves the code out of some errors, or uses names of its own. */
export function withCode(error: Error, fallback: string): HostError {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (/^E[A-Z0-9]+$/.test(code)) return error as HostError;
  return Object.assign(new Error(`${fallback}: ${error.message}`, { cause: error }), { code: fallback });
}
