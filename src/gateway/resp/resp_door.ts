/**
 * The door for Redis's clients, RESP2 and RESP3: operations of the machine by name, written in their order through this
 * node or, where another one leads, through that. Connections share a way to the leader and a room for what they hold.
 */
import type { Clock, Log, Net, Socket } from "../../host/host.ts";
import type { NodeApi } from "../../node/node_api.ts";
import type { Access } from "../auth/access.ts";
import { type DoorAccess, OPEN } from "../client_door.ts";
import { Forwarder } from "../forward.ts";
import { leaderWay, OrderedSessions } from "./ordered_session.ts";
import { type ConnectionDoor, RespConnection } from "./resp_connection.ts";
import { RespRoom } from "./resp_room.ts";
import { SentinelEvents } from "./sentinel_events.ts";
import type { ClientState } from "./talk.ts";

/** Bytes of commands that all connections hold together. */
const ROOM_BYTES_MAX = 256 * 1024 * 1024;

/** The ports that the door needs. */
export interface RespPorts {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
}

/** Serves RESP on connections that it is given. */
export class RespDoor implements ConnectionDoor {
  readonly api: NodeApi;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Log;
  readonly startedMs: number;
  readonly events: SentinelEvents;
  readonly sessions: OrderedSessions;
  readonly room: RespRoom;
  readonly #forwarder: Forwarder;
  readonly #connections: Set<RespConnection> = new Set();
  #nextId = 1;
  #isStopping = false;

  constructor(ports: RespPorts, api: NodeApi, { access, credentials }: DoorAccess = OPEN, roomBytesMax: number = ROOM_BYTES_MAX) {
    this.api = api;
    this.access = access;
    this.clock = ports.clock;
    this.log = ports.log;
    this.events = new SentinelEvents(api, ports.clock);
    this.startedMs = ports.clock.monotonicMs();
    this.room = new RespRoom(roomBytesMax);
    this.#forwarder = new Forwarder(ports, () => api.identity(), credentials);
    this.sessions = new OrderedSessions(leaderWay(api, ports.clock, this.#forwarder));
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  clients(): readonly ClientState[] {
    return Array.from(this.#connections, ({ state }) => state);
  }

  /** Takes a connection over. */
  accept(socket: Socket): void {
    const nowMs = this.clock.monotonicMs();
    const state: ClientState = {
      id: this.#nextId, remote: socket.remote, connectedMs: nowMs, lastCommand: "", lastCommandMs: nowMs,
      name: "", libraryName: "", libraryVersion: "", user: "", group: "main", asksCluster: false, readsAnywhere: false,
    };
    this.#nextId += 1;
    const connection = new RespConnection(this, socket, state);
    this.#connections.add(connection);
    if (this.#isStopping) connection.stop();
  }

  left(connection: RespConnection): void {
    this.#connections.delete(connection);
  }

  /** From now on no commands are taken; connections close once their last reply went out. */
  stop(): void {
    this.#isStopping = true;
    for (const connection of this.#connections) connection.stop();
  }

  /** Closes everything at once. */
  close(): void {
    this.stop();
    for (const connection of this.#connections) connection.destroy();
    this.#forwarder.close();
  }
}
