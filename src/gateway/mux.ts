/**
 * One port for all: the first bytes of a connection tell who it is for. What is for nobody is closed with one line in
 * the log; so is who stays silent. However many come, peers and whoever sits at this machine are let in.
 */
import { hostOf } from "../base/address.ts";
import { concatBytes } from "../base/bytes.ts";
import type { Done } from "../base/task.ts";
import type { Address, Clock, Listener, Log, Net, Socket, Timer } from "../host/host.ts";
import { isLoopback } from "../node/config.ts";
import { type DoorName, sniff } from "./sniff.ts";
import { SniffedSocket } from "./sniffed_socket.ts";

/** How long a connection may keep silent about what it is. */
const SILENCE_MS = 10_000;

/** Connections that have not told what they are, at most: the oldest makes room for the newest, which may be a peer. */
const UNKNOWN_MAX = 1000;

/**
 * Connections that have, at most: beyond, the newest is closed. Clients, however many, leave room for peers, and those
 * from elsewhere for whoever sits at this machine.
 */
const CLIENTS_MAX = 8000;
const LOCAL_CLIENTS_MAX = 8500;
const PEERS_MAX = 500;

/** Who takes a connection over, first byte included. */
export interface Doors {
  peer(socket: Socket): void;
  client(socket: Socket): void;
  /** `socket` is the one that was accepted; `first` was read from it already. */
  http(socket: Socket, first: Uint8Array): void;
  resp(socket: Socket): void;
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
  /** Use: those that told what they are. */
  readonly #byDoor: Record<DoorName, number> = { peer: 0, client: 0, http: 0, resp: 0 };
  #listener: Listener | null = null;

  constructor(ports: MuxPorts, doors: Doors) {
    this.#ports = ports;
    this.#doors = doors;
  }

  /** Connections that are open, by door; `unknown` have not told yet. */
  get connections(): Readonly<Record<DoorName | "unknown", number>> {
    return { ...this.#byDoor, unknown: this.#unknown.size };
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
    if (this.#unknown.size >= UNKNOWN_MAX) {
      const [oldest] = this.#unknown;
      oldest?.refuse(`${UNKNOWN_MAX} that came later have not told what they are either`);
    }
    let at: DoorName | null = null;
    const arrival = new Arrival(socket, this.#ports.clock, {
      told: (door, first) => {
        this.#unknown.delete(arrival);
        const { open, openMax } = this.#placesOf(door, socket);
        if (open >= openMax) return arrival.refuse(`${open} ${door === "peer" ? "peers" : "clients"} are connected already`);
        at = door;
        this.#byDoor[door] += 1;
        if (door === "http") this.#doors.http(socket, first);
        else this.#doors[door](arrival.sniffed(first));
      },
      refused: (why) => {
        this.#unknown.delete(arrival);
        this.#ports.log.write("warn", `closed a connection: ${why}`, { remote: socket.remote });
      },
      closed: () => {
        this.#unknown.delete(arrival);
        if (at !== null) this.#byDoor[at] -= 1;
      },
    });
    this.#unknown.add(arrival);
  }

  /** How many places there are where a connection for `door` belongs, and how many are taken. */
  #placesOf(door: DoorName, socket: Socket): { readonly open: number; readonly openMax: number } {
    const { peer, client, http, resp } = this.#byDoor;
    if (door === "peer") return { open: peer, openMax: PEERS_MAX };
    return { open: client + http + resp, openMax: isLoopback(hostOf(socket.remote)) ? LOCAL_CLIENTS_MAX : CLIENTS_MAX };
  }
}

interface ArrivalEvents {
  told(door: DoorName, first: Uint8Array): void;
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
  /** It told what it is, or was refused. */
  #settled = false;

  constructor(socket: Socket, clock: Clock, events: ArrivalEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.#timer = clock.setTimer(SILENCE_MS, () => this.refuse(`it said nothing for ${SILENCE_MS} ms`));
    socket.open({
      data: (bytes) => this.#data(bytes),
      drained: () => this.#sniffed?.drained(),
      closed: (error) => this.#closed(error),
    });
  }

  /** The socket as its door shall see it. */
  sniffed(first: Uint8Array): Socket {
    this.#sniffed = new SniffedSocket(this.#socket, this.#clock, first);
    return this.#sniffed;
  }

  close(): void {
    this.#timer.cancel();
    this.#socket.destroy();
  }

  #data(bytes: Uint8Array): void {
    if (this.#sniffed !== null) this.#sniffed.data(bytes);
    else if (!this.#settled) this.#sniff(this.#first.length === 0 ? bytes : concatBytes([this.#first, bytes]));
  }

  #sniff(first: Uint8Array): void {
    this.#first = first;
    const found = first.length === 0 ? null : sniff(first);
    if (found === null) return;
    if ("refusal" in found) return this.refuse(found.refusal);
    this.#settled = true;
    this.#timer.cancel();
    this.#events.told(found.door, first);
  }

  /** Closes it, and tells why. */
  refuse(why: string): void {
    this.#settled = true;
    this.#events.refused(why);
    this.close();
  }

  #closed(error: Error | null): void {
    this.#timer.cancel();
    this.#events.closed();
    this.#sniffed?.closed(error);
  }
}
