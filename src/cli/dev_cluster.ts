/**
 * A cluster of node processes on this machine, for `draft dev` and `draft bench`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DraftError } from "../base/errors.ts";
import type { Client } from "../client/client.ts";
import { NodeProcess } from "./node_process.ts";
import { GUARD_MACHINES } from "./serve.ts";

const LEADER_TIMEOUT_MS = 15_000;
const SHAPE_FILE = "dev.json";
const IDS = "abcdefghijklmnopqrstuvwxyz";

/** Nodes of a local cluster, at most. */
export const NODES_MAX: number = 9;

/** What a local cluster is like. */
export interface DevShape {
  readonly nodes: number;
  /** The first node's port; the others follow. */
  readonly port: number;
}

/** How to start it. */
export interface DevClusterOptions {
  /** One for each node. */
  readonly ports: readonly number[];
  readonly data: string;
  readonly machines: readonly string[];
  /** More flags of `draft serve`. */
  readonly flags?: readonly string[];
  /** Whether clocks, chance and timers are refused to machines; not where speed is measured. */
  readonly guarded: boolean;
  /** A node ended though nobody asked it to; how, in words. */
  readonly onDeath?: (words: string, id: string) => void;
}

/** The nodes, a first. */
export class DevCluster {
  readonly nodes: readonly NodeProcess[];

  constructor({ ports, data, machines, guarded, flags = [], onDeath }: DevClusterOptions) {
    const members = ports.map((port, i) => ({ id: IDS[i] ?? "", address: `127.0.0.1:${port}` }));
    const initial = members.map(({ id, address }) => `${id}@${address}`).join(",");
    this.nodes = members.map(({ id, address }) => new NodeProcess({
      id,
      address,
      logFile: join(data, `${id}.log`),
      ...(onDeath === undefined ? {} : { onDeath: (words: string) => onDeath(words, id) }),
      env: { [GUARD_MACHINES]: guarded ? "1" : "" },
      flags: [
        ...["--id", id, "--listen", address, "--data", join(data, id), "--initial", initial, "--log-format", "text"],
        ...machines.flatMap((machine) => ["--machine", machine]),
        ...flags,
      ],
    }));
  }

  get addresses(): string[] {
    return this.nodes.map(({ address }) => address);
  }

  /** The node `id`. @throws DraftError BAD_REQUEST if there is none */
  node(id: string): NodeProcess {
    const node = this.nodes.find((each) => each.id === id);
    if (node !== undefined) return node;
    const ids = this.nodes.map((each) => each.id).join(", ");
    throw new DraftError("BAD_REQUEST", `${id === "" ? "which node" : `no node "${id}"`}: name one of ${ids}, .help tells how`);
  }

  /** Starts all; if one cannot start, none is left. */
  async start(): Promise<void> {
    const results = await Promise.allSettled(this.nodes.map((node) => node.start()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    await this.stop();
    throw failed.reason;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** Waits until a node leads, and tells its id. @throws DraftError NO_LEADER */
export async function leaderOf(client: Client): Promise<string> {
  const untilMs = Date.now() + LEADER_TIMEOUT_MS;
  for (;;) {
    try {
      const { groups } = await client.status({ timeoutMs: 1000 });
      const leader = groups.find(({ name }) => name === "main")?.leader ?? null;
      if (leader !== null) return leader.id;
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
    }
    if (Date.now() > untilMs) throw new DraftError("NO_LEADER", "the nodes did not elect a leader: see their logs");
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/**
 * Makes the directory of a local cluster, or finds out what is in it: nodes would not find each other under other
 * addresses.
 *
 * @param wanted what was asked for; the rest is as it was, or as `otherwise` says
 * @throws DraftError BAD_CONFIG if it was made otherwise
 */
export function prepareData(data: string, wanted: Partial<DevShape>, otherwise: DevShape): DevShape {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const path = join(data, SHAPE_FILE);
  if (!existsSync(path)) {
    const shape = { ...otherwise, ...wanted };
    writeFileSync(path, `${JSON.stringify(shape)}\n`, { mode: 0o600 });
    return shape;
  }
  const before = shapeOf(readFileSync(path, "utf8"));
  if (before === null) throw new DraftError("BAD_CONFIG", `${path} is damaged: start over with --fresh`);
  const { nodes, port } = { ...before, ...wanted };
  if (nodes === before.nodes && port === before.port) return before;
  throw new DraftError("BAD_CONFIG", `the cluster in ${data} has ${before.nodes} nodes from port ${before.port} on, not ${nodes} from ${port}: ` +
    "leave out --nodes and --port to start it as it is, or start over with --fresh");
}

function shapeOf(text: string): DevShape | null {
  try {
    const { nodes, port } = JSON.parse(text) as Partial<DevShape>;
    return nodes === undefined || port === undefined ? null : { nodes, port };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether `data` holds a local cluster. */
export function holdsCluster(data: string): boolean {
  return existsSync(join(data, SHAPE_FILE));
}

/** Removes the local cluster in `data`. @throws DraftError BAD_CONFIG if it holds anything else */
export function removeData(data: string): void {
  if (!existsSync(data) || readdirSync(data).length === 0) return;
  if (!holdsCluster(data)) {
    throw new DraftError("BAD_CONFIG", `${data} was not made by draft dev: remove it yourself, or name another --data`);
  }
  rmSync(data, { recursive: true, force: true });
}
