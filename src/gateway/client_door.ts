/**
 * The door for draft's own clients: takes their requests to the node, or to the leader, and their replies back, all
 * replies of a turn in one write. What a client sends is bounded by count, what it does not read by bytes.
 */
import type { Clock, Log, Net, Socket } from "../host/host.ts";
import type { NodeApi } from "../node/node_api.ts";
import { DoorConnection } from "./door_connection.ts";
import { DoorCounts } from "./door_counts.ts";
import { Forwarder } from "./forward.ts";

/** The ports that the door needs. */
export interface DoorPorts {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
}

/** Serves the client protocol. */
export class ClientDoor {
  readonly #ports: DoorPorts & { readonly counts: DoorCounts };
  readonly #api: NodeApi;
  readonly #forwarder: Forwarder;
  readonly #connections: Set<DoorConnection> = new Set();
  #stopping = false;

  constructor(ports: DoorPorts, api: NodeApi, counts: DoorCounts = new DoorCounts()) {
    this.#ports = { ...ports, counts };
    this.#api = api;
    this.#forwarder = new Forwarder(ports, () => api.identity());
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Takes a connection over, preface included. */
  accept(socket: Socket): void {
    const connection = new DoorConnection(this.#ports, this.#api, this.#forwarder, socket, () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
    if (this.#stopping) connection.stop();
  }

  /** From now on requests are refused with STOPPING; connections close once their last reply went out. */
  stop(): void {
    this.#stopping = true;
    for (const connection of this.#connections) connection.stop();
  }

  /** Closes everything at once. */
  close(): void {
    this.stop();
    for (const connection of this.#connections) connection.destroy();
    this.#forwarder.close();
  }
}
