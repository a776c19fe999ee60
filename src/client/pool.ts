/**
 * The connections of one client: which nodes there are, which cluster they belong to, who leads. Before anything is
 * sent, all addresses that were given are asked which cluster they belong to; two answers that differ end the client.
 */
import { DraftError, type LeaderHint } from "../base/errors.ts";
import type { Clock, Timer } from "../host/host.ts";
import type { NodeConnection } from "./node_connection.ts";
import type { ConnectionOptions } from "./open_connection.ts";

/** How long a dial and the hellos may take. */
const OPEN_TIMEOUT_MS = 2000;

/** Once one node has answered, how much longer the others may take before the client goes on without them. */
const GRACE_MS = 250;

/** How long an address that failed is passed over while there are others. */
const AVOID_MS = 1000;

/** The same for one that took a request and said nothing: each try there may cost as much as it did before. */
const AVOID_SILENT_MS = 10_000;

/** Addresses that are kept besides those that were given, at most. */
const LEARNED_MAX = 64;

/** How a way to a node opens, or why it does not: UNREACHABLE, WRONG_IDENTITY, BAD_REQUEST, or what the node said. */
export type OpenNode = (
  address: string,
  options: ConnectionOptions,
  done: (...result: [error: DraftError, connection: null] | [error: null, connection: NodeConnection]) => void,
) => void;

/** Finds nodes and keeps the connections to them. */
export class Pool {
  readonly #clock: Clock;
  readonly #openNode: OpenNode;
  readonly #clientName: string;
  readonly #given: readonly string[];
  readonly #learned: Set<string> = new Set();
  readonly #open: Map<string, NodeConnection> = new Map();
  readonly #dialing: Map<string, Promise<NodeConnection>> = new Map();
  readonly #avoidUntilMs: Map<string, number> = new Map();
  #clusterId = "";
  #leader: LeaderHint | null = null;
  #probe: Promise<void> | null = null;
  #fatal: DraftError | null = null;
  /** Use: why a node did not let this client in; it is what to say if no other one does. */
  #refusal: DraftError | null = null;
  #closed = false;

  constructor(clock: Clock, openNode: OpenNode, addresses: readonly string[], clientName: string) {
    this.#clock = clock;
    this.#openNode = openNode;
    this.#given = addresses;
    this.#clientName = clientName;
  }

  /** The cluster that this client means; empty until a node told. */
  get clusterId(): string {
    return this.#clusterId;
  }

  /** Addresses that were given. */
  get given(): readonly string[] {
    return this.#given;
  }

  /** Addresses that were given, or learned from nodes. */
  get known(): readonly string[] {
    return [...new Set([...this.#given, ...this.#learned])];
  }

  /** Whether any node was ever reached. */
  get everReached(): boolean {
    return this.#clusterId !== "" || this.#open.size > 0;
  }

  /** Takes note of who leads. */
  noteLeader(leader: LeaderHint | null): void {
    if (leader === null) return;
    this.#leader = leader;
    this.#learn(leader.address);
  }

  /** Passes over `address` for a while: it does not help now. */
  avoid(address: string, forMs: number = AVOID_MS): void {
    const untilMs = this.#clock.monotonicMs() + forMs;
    this.#avoidUntilMs.set(address, Math.max(untilMs, this.#avoidUntilMs.get(address) ?? 0));
    if (this.#leader?.address === address) this.#leader = null;
  }

  /** The connection to the leader if it is open. */
  ready(): NodeConnection | null {
    if (this.#fatal !== null || this.#leader === null || this.#isAvoided(this.#leader.address)) return null;
    return this.#open.get(this.#leader.address) ?? null;
  }

  /**
   * A connection to the node that most likely can help: the leader, else any that is open, else any that answers.
   *
   * @throws DraftError UNREACHABLE if no node answers, WRONG_IDENTITY if two clusters answer
   */
  async pick(): Promise<NodeConnection> {
    await this.#probed();
    for (const address of this.#candidates()) {
      try {
        return await this.connect(address);
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        if (error.code === "WRONG_IDENTITY" && this.#given.includes(address)) throw error;
        this.avoid(address);
      }
    }
    throw this.#unreachable();
  }

  /**
   * The connection to `address`, opened if need be.
   *
   * @throws DraftError UNREACHABLE, WRONG_IDENTITY, BAD_REQUEST
   */
  connect(address: string): Promise<NodeConnection> {
    if (this.#fatal !== null) return Promise.reject(this.#fatal);
    const open = this.#open.get(address);
    if (open !== undefined) return Promise.resolve(open);
    const dialing = this.#dialing.get(address) ?? this.#dial(address).finally(() => this.#dialing.delete(address));
    this.#dialing.set(address, dialing);
    return dialing;
  }

  /** Closes all connections; requests that wait for replies end as if the connections broke. */
  close(): void {
    this.#closed = true;
    this.#fatal ??= new DraftError("STOPPING", "the client was closed");
    for (const connection of this.#open.values()) connection.close();
  }

  #dial(address: string): Promise<NodeConnection> {
    const options = {
      clientName: this.#clientName,
      clusterId: this.#clusterId,
      forwarded: false,
      openTimeoutMs: OPEN_TIMEOUT_MS,
    };
    return new Promise((resolve, reject) => {
      this.#openNode(address, options, (...[error, connection]) => {
        if (error?.code === "UNAUTHORIZED") this.#refusal = error;
        if (error !== null) reject(error);
        else this.#admit(connection, resolve, reject);
      });
    });
  }

  /** Checks whose node this is, and keeps the connection if it is one of ours. */
  #admit(connection: NodeConnection, resolve: (connection: NodeConnection) => void, reject: (error: DraftError) => void): void {
    const { clusterId, leader } = connection.hello;
    const refusal = this.#fatal ?? this.#checkCluster(connection);
    if (refusal !== null) {
      connection.close();
      reject(refusal);
      return;
    }
    this.#refusal = null;
    if (clusterId !== "") this.#clusterId = clusterId;
    this.#open.set(connection.address, connection);
    this.#avoidUntilMs.delete(connection.address);
    connection.onSilent = () => this.avoid(connection.address, AVOID_SILENT_MS);
    connection.onClosed = () => {
      this.#open.delete(connection.address);
      if (this.#leader?.address === connection.address) this.#leader = null;
    };
    if (this.#leader === null) this.noteLeader(leader);
    resolve(connection);
  }

  #checkCluster(connection: NodeConnection): DraftError | null {
    const { clusterId } = connection.hello;
    if (clusterId === "" || this.#clusterId === "" || clusterId === this.#clusterId) return null;
    const others = [...this.#open.keys()].join(", ");
    const message = `${others || "another address"} answers for cluster ${this.#clusterId}, ${connection.address} for ` +
      `cluster ${clusterId}: name nodes of one cluster with -c`;
    const error = new DraftError("WRONG_IDENTITY", message);
    if (this.#given.includes(connection.address)) {
      this.#fatal = error;
      for (const open of this.#open.values()) open.close();
    }
    return error;
  }

  #probed(): Promise<void> {
    if (this.#fatal !== null) return Promise.reject(this.#fatal);
    if (this.#open.size > 0 && this.#probe !== null) return Promise.resolve();
    this.#probe ??= this.#probeAll().catch((error: unknown) => {
      this.#probe = null;
      throw error;
    });
    return this.#probe;
  }

  /** Asks every address that was given; ends when all have answered or failed, or some time after the first answer. */
  #probeAll(): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = this.#given.length;
      let reached = false;
      let grace: Timer | null = null;
      const settle = (): void => {
        grace?.cancel();
        if (this.#fatal !== null) reject(this.#fatal);
        else if (reached || left > 0) resolve();
        else reject(this.#unreachable());
      };
      const ended = (): void => {
        left -= 1;
        if (left === 0 || this.#fatal !== null) settle();
      };
      for (const address of this.#given) {
        this.connect(address).then(() => {
          if (!reached) grace = this.#clock.setTimer(GRACE_MS, settle);
          reached = true;
          ended();
        }, ended);
      }
    });
  }

  /** Addresses in the order in which to try them. */
  #candidates(): string[] {
    const leader = this.#leader?.address;
    const open = [...this.#open.values()].filter(({ hello }) => hello.clusterId !== "").map(({ address }) => address);
    const all = new Set([...(leader === undefined ? [] : [leader]), ...open, ...this.#given, ...this.#learned]);
    const isAvoided = (address: string): boolean => this.#isAvoided(address);
    // Those that did not help are asked again if nobody else can be reached: they may know why not.
    return [...[...all].filter((address) => !isAvoided(address)), ...[...all].filter(isAvoided)];
  }

  #isAvoided(address: string): boolean {
    return (this.#avoidUntilMs.get(address) ?? 0) > this.#clock.monotonicMs();
  }

  #learn(address: string): void {
    if (this.#learned.size < LEARNED_MAX && !this.#given.includes(address)) this.#learned.add(address);
  }

  #unreachable(): DraftError {
    if (this.#closed) return new DraftError("STOPPING", "the client was closed");
    if (this.#refusal !== null) return this.#refusal;
    const tried = this.known.join(", ");
    return new DraftError("UNREACHABLE", `no node answers at ${tried}: draft dev starts a cluster, -c names one`);
  }
}
