/** Reads what a node has counted, and how it is, when a scrape asks. */
import process from "node:process";
import type { NodeStatus } from "../../net/client_answers.ts";
import type { Node } from "../../node/node.ts";
import type { ClusterClient } from "../cluster_client.ts";
import { DiskSizer } from "./disk_sizes.ts";
import { GROUP_ROWS } from "./group_rows.ts";
import type { Meters } from "./meters.ts";
import { NODE_ROWS } from "./node_rows.ts";
import { metricsText } from "./registry.ts";
import type { ProcessReading, Reading, Row } from "./row.ts";

/** All that is told. */
export const METRICS: readonly Row[] = [...NODE_ROWS, ...GROUP_ROWS];

const MS_A_SECOND = 1000;
const MICROSECONDS_A_SECOND = 1_000_000;

/** Reads one node. */
export class MetricsReader {
  readonly #node: Node;
  readonly #cluster: ClusterClient;
  readonly #meters: Meters;
  readonly #doors: () => Pick<Reading, "connections" | "streams" | "bodyBytes">;
  readonly #sizer: DiskSizer;
  readonly #startedSeconds: number;

  constructor(node: Node, cluster: ClusterClient, meters: Meters, doors: () => Pick<Reading, "connections" | "streams" | "bodyBytes">) {
    this.#node = node;
    this.#cluster = cluster;
    this.#meters = meters;
    this.#doors = doors;
    const { host, dataDir } = node.parts;
    this.#sizer = new DiskSizer(host, dataDir.path);
    this.#startedSeconds = host.clock.wallMs() / MS_A_SECOND - process.uptime();
  }

  /** @returns text in the exposition format 0.0.4 */
  async text(): Promise<string> {
    const sizes = await this.#sizer.read();
    const status = (await this.#cluster.ask("status", "main")) as NodeStatus;
    return metricsText(METRICS, { status, sizes, node: this.#node, meters: this.#meters, process: this.#process(), ...this.#doors() });
  }

  #process(): ProcessReading {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return { startedSeconds: this.#startedSeconds, cpuSeconds: (user + system) / MICROSECONDS_A_SECOND, residentBytes: rss, heapUsedBytes: heapUsed };
  }
}
