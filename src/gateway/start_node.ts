/**
 * A node inside of a program: the same node that `draft serve` runs, with options in place of flags. It never ends the
 * process, prints or takes signals; what it has to say goes to `options.log`, and its end is `node.closed`.
 */
import { formatAddress, parseAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import { type Client, connect } from "../client/client.ts";
import type { LogLevel } from "../host/host.ts";
import { createNodeHost } from "../host/node_host.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { isWildcard, LOG_LEVELS, parseNodeConfig, type RawConfig } from "../node/config.ts";
import { fetchFrom } from "./http/fetch.ts";
import { type LocalServer, runServer } from "./run_server.ts";

/** Options of {@link startNode}: the flags of `draft serve`, in camelCase, with the same defaults. */
export interface NodeOptions {
  /** Name of the node, 1 to 64 of `a-z 0-9 . _ -`; what the data directory says if left out. */
  readonly id?: string;
  /** Its data directory; `./draft-data/<id>`. */
  readonly data?: string;
  /** Where to listen, `host:port`; port 0 means any. `127.0.0.1:7100`. */
  readonly listen?: string;
  /** Where to serve `/livez`, `/readyz` and `/metrics` alone, too, `host:port`; nowhere. */
  readonly healthListen?: string;
  /** Where others find it, `host:port`; its entry in `initial`, else where it listens. */
  readonly advertise?: string;
  /** Found a cluster of this node alone, if the directory is empty. */
  readonly bootstrap?: boolean;
  /** Found a cluster of these voters together, `id@host:port` each, the same list on each node. */
  readonly initial?: string | readonly string[];
  /** Ask the cluster of these nodes, `host:port`, to add this one; a node of a cluster looks there for members that moved. */
  readonly join?: string | readonly string[];
  /** Ask to be taken in again if the data directory was lost. */
  readonly autoRejoin?: boolean;
  /** File with what nodes that join prove to know, the same on all, readable by its owner alone. */
  readonly peerSecretFile?: string;
  /** File that says who may ask what, readable by its owner alone; without it anybody may ask anything. `node.client` may. */
  readonly authFile?: string;
  /** Files of PEM: the node's certificate and its key, with which its port speaks TLS alone. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Who signs clients' certificates, and nodes' unless `tlsPeerCa` is given. */
  readonly tlsCa?: string;
  readonly tlsPeerCa?: string;
  /** Whether who connects must show a certificate. */
  readonly tlsClientAuth?: boolean;
  /** The machine: a plugin, the name of one that draft ships, or the path of a file whose default export is one; `kv`. */
  readonly machine?: string | AnyPlugin;
  /** A node of a higher priority is handed leadership once it has been in step for a while; 0 to 100; 0. */
  readonly priority?: number;
  /** How often a leader is heard, in milliseconds; 60. */
  readonly heartbeatMs?: number;
  /** Silence after which another node takes over, `MIN-MAX` in milliseconds; `300-600`. */
  readonly electionMs?: string;
  /** Size of a file of the log in bytes; 64 MiB. */
  readonly snapshotBytes?: number;
  readonly snapshotEntries?: number;
  readonly retainBytes?: number;
  readonly segmentBytes?: number;
  /** Largest command in bytes; 8 MiB. */
  readonly valueBytesMax?: number;
  /** Largest message in bytes; 16 MiB. */
  readonly frameBytesMax?: number;
  /** Most bytes that wait, uncommitted or for one peer; 256 MiB. */
  readonly queueBytesMax?: number;
  /** How fast closed files are read again to find what rots, in bytes; 4 MiB; 0: never. */
  readonly scrubBytesPerSecond?: number;
  /** File to append the protocol's events to, a JSON object a line; none. */
  readonly traceFile?: string;
  /** Allow to listen beyond loopback, where nobody has to prove who they are. */
  readonly insecure?: boolean;
  /** Least level of the lines that `log` gets; `info`. */
  readonly logLevel?: LogLevel;
  /** Hears what the node does, a line at a time; without it nothing is kept. */
  readonly log?: (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** A node of this process, from {@link startNode}. */
export interface RunningNode extends AsyncDisposable {
  /** Its name. */
  readonly id: string;
  /** `host:port` on which it listens, with the real port. */
  readonly listen: string;
  /** `host:port` where others find it. */
  readonly address: string;
  /** Empty until the node belongs to a cluster. */
  readonly clusterId: string;
  /** A client connected to this node. It follows the leader, wherever that is, and ends with the node. */
  readonly client: Client;
  /**
   * Answers a request as the node's port would over HTTP: for a web server of the program's own. The path counts, not the
   * host: who may ask is for the program to say.
   */
  fetch(request: Request): Promise<Response>;
  /** Ends when the node was stopped; fails with a {@link DraftError} if it ended by itself. */
  readonly closed: Promise<void>;
  /** Reads the files of secrets again; one that cannot be taken changes nothing, and `log` hears why. */
  reload(): void;
  /** Accepts no more, hands leadership over, makes all durable, lets go of the directory. May be called again. */
  stop(): Promise<void>;
}

/** What is no flag, or no text. */
const OWN_OPTIONS: ReadonlySet<string> = new Set(["machine", "log", "logLevel", "initial", "join", "bootstrap", "insecure", "autoRejoin", "tlsClientAuth"]);

const TEXT_OPTIONS: ReadonlySet<string> = new Set([
  "id", "data", "listen", "healthListen", "advertise", "priority", "heartbeatMs", "electionMs", "snapshotBytes", "snapshotEntries",
  "retainBytes", "segmentBytes", "valueBytesMax", "frameBytesMax",
  "queueBytesMax", "scrubBytesPerSecond", "traceFile", "peerSecretFile", "authFile",
  "tlsCert", "tlsKey", "tlsCa", "tlsPeerCa",
]);

/**
 * Starts a node in this process. It listens and has recovered when the promise resolves; a cluster that it founds, and
 * its leader, come soon after, and requests wait for them.
 *
 * @throws DraftError BAD_CONFIG, BAD_PLUGIN, IN_USE, WRONG_IDENTITY, ADDRESS_IN_USE, DAMAGED, STORAGE_FAILED
 * @example
 * ```ts
 * await using node = await startNode({ id: "a", listen: "127.0.0.1:0", data: "./data/a", bootstrap: true });
 * await node.client.run(["set", "greeting", "hello"]);
 * ```
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const config = parseNodeConfig(rawConfig(options));
  const { machine, log } = options;
  const least = LOG_LEVELS.indexOf(config.logLevel);
  const enabled = (level: LogLevel): boolean => log !== undefined && LOG_LEVELS.indexOf(level) >= least;
  const host = createNodeHost({
    enabled,
    write: (level, message, fields = {}) => {
      if (enabled(level)) log?.(level, message, fields);
    },
  });
  const server = await runServer(config, host, typeof machine === "string" ? undefined : machine);
  return new LocalNode(server);
}

class LocalNode implements RunningNode {
  readonly client: Client;
  readonly closed: Promise<void>;
  readonly #server: LocalServer;
  #hasEnded = false;
  #stopping: Promise<void> | null = null;

  constructor(server: LocalServer) {
    this.#server = server;
    // Where others have to say who they are, the program that runs a node need not.
    const open = server.isGuarded ? server.open : undefined;
    this.client = connect(open === undefined ? reachable(server.listen) : server.address, { name: `node ${server.nodeId}`, ...(open === undefined ? {} : { open }) });
    this.closed = server.closed;
    const end = (): Promise<void> => {
      this.#hasEnded = true;
      return this.client.close();
    };
    // How it ended is what `closed` tells; closing a client does not fail.
    server.closed.then(end, end).catch(() => undefined);
  }

  get id(): string {
    return this.#server.nodeId;
  }

  get listen(): string {
    return this.#server.listen;
  }

  get address(): string {
    return this.#server.address;
  }

  get clusterId(): string {
    return this.#server.requests.identity().clusterId;
  }

  fetch(request: Request): Promise<Response> {
    return fetchFrom(this.#server.http, request);
  }

  reload(): void {
    this.#server.reload();
  }

  stop(): Promise<void> {
    // A node that ended by itself has let go of everything already; `closed` tells why.
    if (this.#hasEnded) return Promise.resolve();
    this.#stopping ??= this.#server.stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** An address that reaches what listens on `listen`, which may be every address of the machine. */
function reachable(listen: string): string {
  const { host, port } = parseAddress(listen);
  if (!isWildcard(host)) return listen;
  return formatAddress({ host: host.includes(":") ? "::1" : "127.0.0.1", port });
}

/** The options as the texts of their flags, so that both are checked by the same words. */
function rawConfig(options: NodeOptions): RawConfig {
  const given = new Map<string, string>();
  for (const [name, value] of Object.entries(options)) {
    if (!OWN_OPTIONS.has(name) && !TEXT_OPTIONS.has(name)) {
      throw new DraftError("BAD_CONFIG", `startNode() knows no option "${name}": flags of draft serve in camelCase`);
    }
    if (TEXT_OPTIONS.has(name) && value !== undefined) given.set(flagOf(name), String(value));
  }
  const { initial, join, logLevel, machine, bootstrap = false, insecure = false, autoRejoin = false, tlsClientAuth = false } = options;
  const switches: ReadonlyMap<string, boolean> = new Map([["bootstrap", bootstrap], ["insecure", insecure], ["auto-rejoin", autoRejoin], ["tls-client-auth", tlsClientAuth]]);
  if (initial !== undefined) given.set("initial", [initial].flat().join(","));
  if (join !== undefined) given.set("join", [join].flat().join(","));
  if (logLevel !== undefined) given.set("log-level", logLevel);
  return {
    text: (name) => given.get(name),
    all: (name) => name === "machine" && typeof machine === "string" ? [machine] : [],
    has: (name) => switches.get(name) ?? false,
  };
}

function flagOf(option: string): string {
  return option.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}
