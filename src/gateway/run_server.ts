/**
 * A server as promises: what the command line and the library start. It never ends the process, prints or takes signals.
 */
import process from "node:process";
import { formatAddress, parseAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import { runTask, type Task } from "../base/task.ts";
import type { Host } from "../host/host.ts";
import { readSecret } from "../host/node_secret.ts";
import { checkPlugin } from "../machine/check_plugin.ts";
import { guardPlugin } from "../machine/guard_plugin.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import type { NodeConfig } from "../node/config.ts";
import { LoopGaps } from "../node/loop_gaps.ts";
import { loadPlugin, sourceDigestOf } from "../node/plugin_loader.ts";
import type { Node } from "../node/node.ts";
import type { NodeRequests } from "../node/requests.ts";
import type { OpenNode } from "../client/pool.ts";
import { Safety } from "./auth/safety.ts";
import { saveLastFlight, workingNodes } from "./last_flight.ts";
import type { HttpApp } from "./http/app.ts";
import { HttpDoors } from "./http/http_doors.ts";
import { Meters } from "./metrics/meters.ts";
import { type Server, startServer } from "./server.ts";

/** A node that listens and has recovered. */
export interface RunningServer {
  readonly nodeId: string;
  /** `host:port`, with the real port. */
  readonly listen: string;
  /** `host:port` where others find it. */
  readonly address: string;
  /** Empty until it belongs to a cluster. */
  readonly clusterId: string;
  /** Its role in `main`. */
  readonly role: string;
  /** Ends when the node has stopped; fails if it stopped by itself. */
  readonly closed: Promise<void>;
  /** Reads the files of secrets again. What cannot be taken leaves what it stands for as it was. */
  reload(): void;
  /** Accepts no more, hands leadership over, flushes. */
  stop(): Promise<void>;
}

/** Starts the node that a configuration describes; tests of the command line start something else. */
export type StartServer = (config: NodeConfig, host: Host) => Promise<RunningServer>;

/** A node of this process, whose requests can be called without a socket. */
export interface LocalServer extends RunningServer {
  readonly requests: NodeRequests;
  /** Whether those who ask have to say who they are, or to speak TLS. */
  readonly isGuarded: boolean;
  /** Opens ways to nodes in this node's name. */
  readonly open: OpenNode;
  readonly http: HttpApp;
}

/** Bytes of HTTP bodies that are under way, at least, and what of the largest messages has room at once. */
const ROOM_BYTES_MIN = 64 * 1024 * 1024;
const ROOM_MESSAGES = 4;

/**
 * Starts the node that `config` describes.
 *
 * @param own the machine of `main` as an object, in place of those that `config` names
 * @throws DraftError BAD_CONFIG, BAD_PLUGIN, IN_USE, WRONG_IDENTITY, ADDRESS_IN_USE, DAMAGED, STORAGE_FAILED
 */
export async function runServer(config: NodeConfig, host: Host, own?: AnyPlugin): Promise<LocalServer> {
  const loaded = own === undefined ? await pluginOf(config) : checkPlugin(own, "given to startNode()");
  const plugin = host.guard === undefined ? loaded : guardPlugin(loaded, host.guard);
  // Of an object nobody knows which bytes it came from.
  const sourceDigest = own === undefined ? sourceDigestOf(config.machines[0] ?? "") : "";
  const peerSecret = secretOf(config);
  const safety = new Safety(config, host.log);
  const { access } = safety;
  const ended = Promise.withResolvers<void>();
  // Nobody has to wait for the end; a failure without a listener is told by `closed` when it is looked at.
  ended.promise.catch(() => undefined);
  const loop = new LoopGaps(host.clock);
  const meters = new Meters(host);
  const info = { runtime: runtimeName(), pid: process.pid, loop };
  let node: Node | null = null;
  const failed = (error: DraftError): void => {
    if (node !== null) saveLastFlight(node, error);
    ended.reject(error);
  };
  const http = new HttpDoors(host, {
    ownHost: config.advertise === null ? config.listen.host : parseAddress(config.advertise).host,
    roomBytesMax: Math.max(ROOM_BYTES_MIN, ROOM_MESSAGES * config.frameBytesMax),
    healthListen: config.healthListen,
    access,
    meters,
  });
  let server: Server;
  try {
    server = await promised(startServer(safety.net === null ? meters.host : { ...meters.host, net: safety.net }, { config, plugin, sourceDigest, process: info, peerSecret, access, observers: [meters.groups], failed, http }));
  } catch (error) {
    loop.stop();
    throw error;
  }
  node = server.node;
  workingNodes.add(server.node);
  const forget = (): void => {
    loop.stop();
    workingNodes.delete(server.node);
  };
  ended.promise.then(forget, forget);
  return {
    ...describe(server),
    requests: server.requests,
    isGuarded: access.isRequired || safety.net !== null,
    open: server.open,
    http: http.app,
    reload: () => safety.reload(),
    closed: ended.promise,
    stop: () => promised(server.stop()).then(ended.resolve, (error: unknown) => {
      ended.reject(error);
      throw error;
    }),
  };
}

async function pluginOf({ machines }: NodeConfig): Promise<AnyPlugin> {
  const [machine] = machines;
  if (machine !== undefined && machines.length === 1) return loadPlugin(machine);
  throw new DraftError("BAD_CONFIG", `--machine is given ${machines.length} times: one machine is known to this version`);
}

function secretOf({ peerSecretFile }: NodeConfig): Uint8Array | null {
  const secret = peerSecretFile === null ? null : readSecret(peerSecretFile);
  if (typeof secret !== "string") return secret;
  throw new DraftError("BAD_CONFIG", `--peer-secret-file "${peerSecretFile ?? ""}": ${secret}`);
}

function describe(server: Server): Pick<RunningServer, "nodeId" | "listen" | "address" | "clusterId" | "role"> {
  const { nodeId, address, clusterId } = server.requests.identity();
  const role = clusterId === "" ? "waiting" : "follower";
  return { nodeId, address, clusterId, role, listen: formatAddress(server.listen) };
}

function promised<T>(task: Task<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    runTask(task, (...[error, value]) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
}

/** The runtime and its release: `bun 1.4.5`. */
function runtimeName(): string {
  const { versions } = process as { versions: Record<string, string | undefined> };
  for (const name of ["bun", "deno"]) if (versions[name] !== undefined) return `${name} ${versions[name]}`;
  return `node ${process.version.slice(1)}`;
}
