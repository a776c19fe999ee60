/** The doors for HTTP of one server: the one on its port, and, if that is wanted, one for health alone on another. */
import { assert } from "../../base/assert.ts";
import { runTask, type Task, wait } from "../../base/task.ts";
import type { Address, Host, Log, Socket } from "../../host/host.ts";
import { Access } from "../auth/access.ts";
import { bindMux } from "../bind_mux.ts";
import type { Node } from "../../node/node.ts";
import type { DoorMeasured } from "../client_door.ts";
import type { ClusterClient } from "../cluster_client.ts";
import { DoorCounts } from "../door_counts.ts";
import type { Meters } from "../metrics/meters.ts";
import { MetricsReader } from "../metrics/reader.ts";
import { Mux } from "../mux.ts";
import { HttpApp } from "./app.ts";
import { HttpDoor, type HttpDoorOptions } from "./http_door.ts";
import { ROUTES } from "./routes.ts";
import { HEALTH_ROUTES, METRICS_ROUTES } from "./status_routes.ts";

/** How the doors are opened. */
export interface HttpDoorsOptions extends HttpDoorOptions {
  /** Where health and metrics alone are served; null: nowhere. */
  readonly healthListen: Address | null;
  readonly meters: Meters;
}

/** Opens with the port, answers from the node's recovery on. */
export class HttpDoors {
  readonly meters: Meters;
  readonly #main: HttpDoor;
  readonly #health: HttpDoor;
  readonly #healthMux: Mux;
  readonly #healthListen: Address | null;
  readonly #log: Log;
  #cluster: ClusterClient | null = null;

  constructor(host: Host, options: HttpDoorsOptions) {
    this.meters = options.meters;
    this.#main = new HttpDoor(host, options);
    this.#health = new HttpDoor(host, { ...options, access: new Access() });
    this.#log = host.log;
    this.#healthListen = options.healthListen;
    this.#healthMux = new Mux(host, {
      peer: (socket) => socket.destroy(),
      client: (socket) => socket.destroy(),
      http: (socket, first) => this.#health.accept(socket, first),
      resp: (socket) => socket.destroy(),
    });
  }

  /** What answers on the node's port. */
  get app(): HttpApp {
    const { app } = this.#main;
    assert(app !== null, "the node has recovered", this.connectionCount);
    return app;
  }

  /** Connections to the node's port that are open. */
  get connectionCount(): number {
    return this.#main.connectionCount;
  }

  /** @throws DraftError ADDRESS_IN_USE, BAD_CONFIG */
  *listen(): Task<void> {
    if (this.#healthListen !== null) yield* bindMux(this.#healthMux, this.#healthListen, "--health-listen");
  }

  /** What the door for clients counts by, and how it knows what writes took. */
  measured(node: Node): DoorMeasured {
    const { groups, doors } = this.meters;
    return {
      counts: doors.client,
      timesOf: (name, index) => {
        const group = node.groups.get(name);
        // Clients know an index as the machine does, flights as the log.
        return group === undefined ? null : groups.of(group.state.config.group)?.flights.timesOf(index - group.applier.beginning.shift) ?? null;
      },
    };
  }

  /** The node has recovered. */
  open(cluster: ClusterClient, node: Node, mux: Mux): void {
    this.#cluster = cluster;
    const { meters } = this;
    const reader = new MetricsReader(node, cluster, meters, () => ({
      connections: { ...mux.connections, health: this.#healthMux.connections.http },
      streams: this.app.streams.open,
      bodyBytes: this.#main.room.held,
    }));
    const metrics = (): Promise<string> => reader.text();
    const { timesOf } = this.measured(node);
    const services = { log: this.#log, metrics, timesOf };
    this.#main.app = new HttpApp(ROUTES, cluster, { ...services, counts: meters.doors.http });
    this.#health.app = new HttpApp([...HEALTH_ROUTES, ...METRICS_ROUTES], cluster, { ...services, counts: new DoorCounts() });
  }

  /** Takes a connection to the node's port over, of which `first` was read already. */
  accept(socket: Socket, first: Uint8Array): void {
    this.#main.accept(socket, first);
  }

  /** From now on requests are refused with STOPPING; how the node is can still be asked. */
  stop(): void {
    this.#main.stop();
  }

  /** Closes everything at once. */
  close(): void {
    this.#main.close();
    this.#health.close();
    runTask(wait<void>((done) => this.#healthMux.close(done)), () => {});
    this.#cluster?.close().catch(() => undefined);
  }
}
