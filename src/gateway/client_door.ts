/**
 * The door for draft's own clients: takes their requests to the node, or to the leader, and their replies back, all
 * replies of a turn in one write. What a client sends is bounded by count, what it does not read by bytes.
 */
import type { NodeCredentials } from "../client/open_connection.ts";
import type { Clock, Log, Net, Random, Socket } from "../host/host.ts";
import type { NodeApi } from "../node/node_api.ts";
import { Access } from "./auth/access.ts";
import { DoorConnection, type DoorConnectionPorts } from "./door_connection.ts";
import { DoorCounts } from "./door_counts.ts";
import { Forwarder } from "./forward.ts";

/** The ports that the door needs. */
export interface DoorPorts {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
}

/** Who is let in, and how this node proves to others that it is one. */
export interface DoorAccess {
  readonly access: Access;
  /** Null: nothing proves it. */
  readonly credentials: NodeCredentials | null;
}

/** What is counted at the door, and what is known of how long writes took. */
export type DoorMeasured = Pick<DoorConnectionPorts, "counts" | "timesOf">;

const UNMEASURED: DoorMeasured = { counts: new DoorCounts(), timesOf: () => null };

/** Everybody is let in. */
export const OPEN: DoorAccess = { access: new Access(), credentials: null };

/** Serves the client protocol. */
export class ClientDoor {
  readonly #ports: DoorConnectionPorts;
  readonly #api: NodeApi;
  readonly #forwarder: Forwarder;
  readonly #connections: Set<DoorConnection> = new Set();
  #stopping = false;

  constructor(ports: DoorPorts, api: NodeApi, { access, credentials }: DoorAccess = OPEN, measured: DoorMeasured = UNMEASURED) {
    this.#ports = { clock: ports.clock, log: ports.log, ...measured, rules: { access, secret: credentials?.secret ?? null, random: ports.random } };
    this.#api = api;
    this.#forwarder = new Forwarder(ports, () => api.identity(), credentials, api.limits().queueBytesMax);
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
