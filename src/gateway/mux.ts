/**
 * One port for all: the first bytes of a connection tell who it is for. Peers and draft's own clients open with a
 * preface; whatever else comes is closed with one line in the log.
 */
import { concatBytes } from "../base/bytes.ts";
import type { Done } from "../base/task.ts";
import type { Address, Clock, Listener, Log, Net, Socket, Timer } from "../host/host.ts";
import { ConnectionKind, FRAME_VERSION, PREFACE_BYTES, PREFACE_FIRST_BYTE, readPreface } from "../net/frame.ts";
import { SniffedSocket } from "./sniffed_socket.ts";

/** How long a connection may keep silent about what it is. */
const SILENCE_MS = 10_000;

/** Connections that have not told what they are, and connections in all, at most: beyond, new ones are closed. */
const UNKNOWN_MAX = 1000;
const SOCKETS_MAX = 10_000;

/** Who takes a connection over, first byte included. */
export interface Doors {
  peer(socket: Socket): void;
  client(socket: Socket): void;
}

/** The ports that the mux needs. */
export interface MuxPorts {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
}

/** Listens on one port and hands connections to their doors. */
export class Mux {
  readonly #ports: MuxPorts;
  readonly #doors: Doors;
  readonly #unknown: Set<Arrival> = new Set();
  #open = 0;
  #listener: Listener | null = null;

  constructor(ports: MuxPorts, doors: Doors) {
    this.#ports = ports;
    this.#doors = doors;
  }

  /** Listens; `done` gets the real address, or the host's error (EADDRINUSE, …). */
  listen(address: Address, done: Done<Address>): void {
    this.#ports.net.listen(address, (socket) => this.#arrived(socket), (...[error, listener]) => {
      if (error !== null) {
        done(error);
        return;
      }
      this.#listener = listener;
      done(null, listener.address);
    });
  }

  /** Accepts no more, and closes what has not told what it is. Sockets that were handed on stay. */
  close(done: Done<void>): void {
    for (const arrival of this.#unknown) arrival.close();
    if (this.#listener === null) this.#ports.clock.soon(() => done(null, undefined));
    else this.#listener.close(done);
  }

  #arrived(socket: Socket): void {
    if (this.#open >= SOCKETS_MAX || this.#unknown.size >= UNKNOWN_MAX) {
      this.#ports.log.write("warn", "closed a connection: too many are open", { remote: socket.remote, open: this.#open });
      socket.open({ data: () => {}, drained: () => {}, closed: () => {} });
      socket.destroy();
      return;
    }
    this.#open += 1;
    const arrival = new Arrival(socket, this.#ports.clock, {
      told: (door, sniffed) => {
        this.#unknown.delete(arrival);
        this.#doors[door](sniffed);
      },
      refused: (why) => {
        this.#ports.log.write("warn", `closed a connection: ${why}`, { remote: socket.remote });
      },
      closed: () => {
        this.#unknown.delete(arrival);
        this.#open -= 1;
      },
    });
    this.#unknown.add(arrival);
  }
}

interface ArrivalEvents {
  told(door: keyof Doors, socket: Socket): void;
  refused(why: string): void;
  closed(): void;
}

/** A connection that has not told what it is. */
class Arrival {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #events: ArrivalEvents;
  readonly #timer: Timer;
  #first: Uint8Array = new Uint8Array(0);
  #sniffed: SniffedSocket | null = null;
  #refused = false;

  constructor(socket: Socket, clock: Clock, events: ArrivalEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.#timer = clock.setTimer(SILENCE_MS, () => this.#refuse(`it said nothing for ${SILENCE_MS} ms`));
    socket.open({
      data: (bytes) => this.#data(bytes),
      drained: () => this.#sniffed?.drained(),
      closed: (error) => this.#closed(error),
    });
  }

  close(): void {
    this.#timer.cancel();
    this.#socket.destroy();
  }

  #data(bytes: Uint8Array): void {
    if (this.#sniffed !== null) this.#sniffed.data(bytes);
    else if (!this.#refused) this.#sniff(this.#first.length === 0 ? bytes : concatBytes([this.#first, bytes]));
  }

  #sniff(first: Uint8Array): void {
    this.#first = first;
    if (first.length === 0) return;
    if (first[0] !== PREFACE_FIRST_BYTE) return this.#refuse(`it speaks neither as a peer nor as a client: ${shown(first)}`);
    if (first.length < PREFACE_BYTES) return;
    const door = doorOf(first);
    if (door === null) return this.#refuse(`its preface is not one of this version: ${shown(first)}`);
    this.#timer.cancel();
    this.#sniffed = new SniffedSocket(this.#socket, this.#clock, first);
    this.#events.told(door, this.#sniffed);
  }

  #refuse(why: string): void {
    this.#refused = true;
    this.#events.refused(why);
    this.close();
  }

  #closed(error: Error | null): void {
    this.#timer.cancel();
    this.#events.closed();
    this.#sniffed?.closed(error);
  }
}

function doorOf(first: Uint8Array): keyof Doors | null {
  const preface = readPreface(first);
  if (preface === null || preface.version !== FRAME_VERSION) return null;
  if (preface.kind === ConnectionKind.peer) return "peer";
  return preface.kind === ConnectionKind.client ? "client" : null;
}

function shown(bytes: Uint8Array): string {
  return [...bytes.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
