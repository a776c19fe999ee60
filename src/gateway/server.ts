/**
 * A node with its doors: from the settings to a process that listens and has recovered, and back. What can be wrong is
 * found in a fixed order, so that an exit code means one thing: settings, plugin, lock, identity, port, recovery.
 */
import { formatAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { runTask, type Task, wait } from "../base/task.ts";
import type { Address, Host } from "../host/host.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import type { NodeConfig } from "../node/config.ts";
import { provesByCertificate } from "../node/proof_config.ts";
import { type DataDir, openDataDir } from "../node/data_dir.ts";
import type { FoundingNode } from "../node/identity.ts";
import type { GroupObserver } from "../node/group_observer.ts";
import { Node } from "../node/node.ts";
import { startError } from "../node/open_log.ts";
import { NodeRequests, type ProcessInfo } from "../node/requests.ts";
import type { NodeSettings, Tuning } from "../node/settings.ts";
import { TraceEvents } from "../node/trace_events.ts";
import { openTraceFile, type TraceFile } from "../node/trace_file.ts";
import type { OpenNode } from "../client/pool.ts";
import { Access } from "./auth/access.ts";
import { bindMux } from "./bind_mux.ts";
import { ClientDoor } from "./client_door.ts";
import { ClusterClient, openerFrom } from "./cluster_client.ts";
import type { HttpDoors } from "./http/http_doors.ts";
import { Mux } from "./mux.ts";
import { RespDoor } from "./resp/resp_door.ts";

/** Entries that a node keeps in memory for followers and the machine, in bytes. */
const TAIL_BYTES_MAX = 64 * 1024 * 1024;

/** How often it is looked whether the last reply went out, in milliseconds. */
const LAST_REPLIES_INTERVAL_MS = 5;

/** What a server is started with. */
export interface ServerOptions {
  readonly config: NodeConfig;
  readonly plugin: AnyPlugin;
  /** Digest of the plugin's source; none if nothing is said. */
  readonly sourceDigest?: string;
  readonly process: ProcessInfo;
  /** Who may ask; everybody if nothing is said. */
  readonly access?: Access;
  /** What nodes prove to each other that they know; nothing if nothing is said. */
  readonly peerSecret?: Uint8Array | null;
  /** Entries that are kept in memory, in bytes; 64 MiB if nothing is said. */
  readonly tailBytesMax?: number;
  /** Limits and times that no flag sets. */
  readonly tuning?: Tuning;
  /** Look on while the node's groups work. */
  readonly observers?: readonly GroupObserver[];
  /** Doors for HTTP; none if nothing is said, as in a simulation. */
  readonly http?: HttpDoors;
  /** Called once, when the node cannot go on. */
  readonly failed: (error: DraftError) => void;
}

interface ServerParts {
  readonly host: Host;
  readonly node: Node;
  readonly requests: NodeRequests;
  readonly open: OpenNode;
  readonly listen: Address;
  readonly mux: Mux;
  readonly door: ClientDoor;
  readonly resp: RespDoor;
  readonly http: HttpDoors | null;
  readonly dataDir: DataDir;
  readonly trace: TraceFile | null;
}

/** A node that listens. */
export class Server {
  readonly node: Node;
  readonly requests: NodeRequests;
  /** Opens ways to nodes for who asks in this node's name. */
  readonly open: OpenNode;
  readonly listen: Address;
  readonly #host: Host;
  readonly #mux: Mux;
  readonly #door: ClientDoor;
  readonly #resp: RespDoor;
  readonly #http: HttpDoors | null;
  readonly #dataDir: DataDir;
  readonly #trace: TraceFile | null;

  constructor(parts: ServerParts) {
    this.node = parts.node;
    this.requests = parts.requests;
    this.open = parts.open;
    this.listen = parts.listen;
    this.#host = parts.host;
    this.#mux = parts.mux;
    this.#door = parts.door;
    this.#resp = parts.resp;
    this.#http = parts.http;
    this.#dataDir = parts.dataDir;
    this.#trace = parts.trace;
  }

  /** Accepts no more, hands leadership over, makes everything durable, lets go of the directory. */
  *stop(): Task<void> {
    yield* wait<void>((done) => this.#mux.close(done));
    // First of all nothing new is taken: so whoever asks is told that it is not done, and nobody is left in doubt.
    this.#door.stop();
    this.#resp.stop();
    this.#http?.stop();
    yield* this.node.stop();
    yield* this.#lastReplies();
    this.#door.close();
    this.#resp.close();
    this.#http?.close();
    if (this.#trace !== null) yield* this.#trace.close();
    this.#dataDir.close();
  }

  /** Lets the last replies go out, those that another node still owes included, for one election timeout at most. */
  *#lastReplies(): Task<void> {
    const { clock } = this.#host;
    const endMs = clock.monotonicMs() + this.node.parts.settings.electionMinMs;
    while (this.#door.connectionCount + this.#resp.connectionCount + (this.#http?.connectionCount ?? 0) > 0 && clock.monotonicMs() < endMs) {
      yield* wait<void>((done) => clock.setTimer(LAST_REPLIES_INTERVAL_MS, () => done(null, undefined)));
    }
  }

  /** Lets go of everything at once: the node failed. */
  abandon(): void {
    this.#door.close();
    this.#resp.close();
    this.#http?.close();
    runTask(wait<void>((done) => this.#mux.close(done)), () => {});
    if (this.#trace !== null) runTask(this.#trace.close(), () => {});
    // The directory is not another process's before the last write to it has ended.
    runTask(this.node.closeLog(), () => this.#dataDir.close());
  }
}

/**
 * Starts a server.
 *
 * @throws DraftError IN_USE, WRONG_IDENTITY, BAD_CONFIG, ADDRESS_IN_USE, DAMAGED, DISK_FULL, STORAGE_FAILED
 */
export function* startServer(host: Host, options: ServerOptions): Task<Server> {
  const { config, plugin } = options;
  let dataDir: DataDir | null = null;
  try {
    dataDir = yield* openDataDir(host, config.data, { nodeId: config.id, machine: plugin.name });
    return yield* startOn(host, options, dataDir);
  } catch (error) {
    dataDir?.close();
    throw startError(config.data, error);
  }
}

function* startOn(host: Host, options: ServerOptions, dataDir: DataDir): Task<Server> {
  const { config, plugin, process } = options;
  let node: Node | null = null;
  let door: ClientDoor | null = null;
  let resp: RespDoor | null = null;
  let trace: TraceFile | null = null;
  const mux = new Mux(host, {
    // What arrives before the node has recovered is turned away: its sender tries again.
    peer: (socket) => (node === null ? socket.destroy() : node.acceptPeer(socket)),
    client: (socket) => (door === null ? socket.destroy() : door.accept(socket)),
    resp: (socket) => (resp === null ? socket.destroy() : resp.accept(socket)),
    http: (socket, first) => (options.http === undefined ? socket.destroy() : options.http.accept(socket, first)),
  });
  const listen = yield* bindMux(mux, config.listen, "--listen");
  try {
    if (options.http !== undefined) yield* options.http.listen();
    const founding = config.initial.map((listed) => ({ id: listed.id, address: formatAddress(listed) }));
    const nodeId = config.id ?? dataDir.identity?.nodeId;
    if (nodeId === undefined) throw new DraftError("BAD_CONFIG", `directory ${config.data} holds no node yet: draft serve --id a --data ${shellWord(config.data)}`);
    yield* dataDir.begin({ nodeId, machine: plugin.name, founding });
    const settings = settingsFrom(options, nodeId, { listen, founding });
    trace = config.traceFile === null ? null : yield* openTrace(host, config.traceFile);
    const tracers = trace === null ? [] : [tracerInto(trace)];
    let server: Server | null = null;
    const failed = (error: DraftError): void => {
      server?.abandon();
      options.failed(error);
    };
    node = new Node({ host, settings, plugin, sourceDigest: options.sourceDigest ?? "", dataDir, observers: [...options.observers ?? [], ...tracers], failed });
    yield* node.open();
    const requests = new NodeRequests(node, process);
    const secret = options.peerSecret ?? null;
    const credentials = secret === null && !provesByCertificate(config) ? null : { type: "node", secret } as const;
    const access = { access: options.access ?? new Access(), credentials };
    door = new ClientDoor(host, requests, access, options.http?.measured(node));
    resp = new RespDoor(host, requests, access);
    const open = openerFrom(host, requests, credentials);
    options.http?.open(new ClusterClient(host, requests, open), node, mux);
    server = new Server({ host, node, requests, open, listen, mux, door, resp, http: options.http ?? null, dataDir, trace });
    return server;
  } catch (error) {
    node?.end();
    options.http?.close();
    if (trace !== null) yield* trace.close();
    yield* wait<void>((done) => mux.close(done));
    throw error;
  }
}

function* openTrace(host: Host, path: string): Task<TraceFile> {
  try {
    return yield* openTraceFile(host, path);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new DraftError("BAD_CONFIG", `--trace-file "${path}" cannot be opened: ${said}: choose another`, { cause: error });
  }
}

function tracerInto(trace: TraceFile): TraceEvents {
  return new TraceEvents((line) => trace.write(line));
}

function settingsFrom(options: ServerOptions, id: string, placed: { listen: Address; founding: readonly FoundingNode[] }): NodeSettings {
  const { config } = options;
  const { listen, founding } = placed;
  const founds = config.bootstrap || founding.length > 0;
  return {
    id,
    address: config.advertise ?? formatAddress(listen),
    founding: founds ? { founders: founding.length > 0 ? founding : null } : null,
    join: [...new Set([...config.join, ...founding.filter((founder) => founder.id !== id).map(({ address }) => address)])],
    autoRejoin: config.autoRejoin,
    peerSecret: options.peerSecret ?? null,
    peerCertificates: provesByCertificate(config),
    priority: config.priority,
    heartbeatMs: config.heartbeatMs,
    electionMinMs: config.electionMinMs,
    electionMaxMs: config.electionMaxMs,
    snapshotBytes: config.snapshotBytes,
    snapshotEntries: config.snapshotEntries,
    retainBytes: config.retainBytes,
    segmentBytes: config.segmentBytes,
    valueBytesMax: config.valueBytesMax,
    frameBytesMax: config.frameBytesMax,
    queueBytesMax: config.queueBytesMax,
    scrubBytesPerSecond: config.scrubBytesPerSecond,
    tailBytesMax: options.tailBytesMax ?? TAIL_BYTES_MAX,
    tuning: options.tuning ?? {},
  };
}
