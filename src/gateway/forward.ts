/**
 * Takes writes and transfers to the leader for clients that asked a follower. Before the first byte of a request went
 * out, any not-done code may be given; from then on only the leader's own answer, TIMEOUT or LOST. Reads come here from
 * a witness alone: every other node answers them itself, with a read index of the leader.
 */
import { DraftError, type LeaderHint } from "../base/errors.ts";
import type { Connection, ConnectionPorts } from "../client/connection.ts";
import type { RequestDone } from "../client/node_connection.ts";
import { type ConnectionOptions, type Credentials, openConnection } from "../client/open_connection.ts";
import type { AnswerDone } from "../node/node_api.ts";

/** How long a dial to the leader may take. */
const OPEN_TIMEOUT_MS = 1000;

/** Requests that wait for one dial, at most: beyond, BUSY. */
const WAITING_MAX = 4096;

/** Requests that were passed on and not answered may hold so many bytes, where nothing else is said: beyond, BUSY. */
const UNDER_WAY_BYTES_MAX = 256 * 1024 * 1024;

/** After a dial that failed nobody dials that leader again for so long, doubled with each that fails. */
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 1000;

/** Leaders that connections are kept to, at most; leadership wanders among few. */
const LEADERS_MAX = 16;

/** Sends one request over a connection. */
export type ForwardRequest = (connection: Connection, done: RequestDone) => void;

interface Way {
  connection: Connection | null;
  /** Why the last dial failed; empty while none has. Until `retryAtMs` requests end with it at once. */
  trouble: string;
  /** It does not believe that this is a node: nothing is passed on, and whoever asks has to go there. */
  isRefused: boolean;
  retryAtMs: number;
  readonly backoffMs: number;
  readonly waiting: { readonly request: ForwardRequest; readonly done: AnswerDone }[];
}

/** Keeps one connection to each leader of late. */
export class Forwarder {
  readonly #ports: ConnectionPorts;
  readonly #nodeId: () => string;
  readonly #clusterId: () => string;
  readonly #credentials: Pick<ConnectionOptions, "credentials">;
  readonly #ways: Map<string, Way> = new Map();
  readonly #bytesMax: number;
  #bytes = 0;

  /**
   * @param credentials prove that this is a node; null: nothing does
   * @param bytesMax bytes of requests that are not answered, at most
   */
  constructor(
    ports: ConnectionPorts, identity: () => { readonly nodeId: string; readonly clusterId: string }, credentials: Credentials | null = null,
    bytesMax: number = UNDER_WAY_BYTES_MAX,
  ) {
    this.#ports = ports;
    this.#bytesMax = bytesMax;
    this.#credentials = credentials === null ? {} : { credentials };
    this.#nodeId = () => identity().nodeId;
    this.#clusterId = () => identity().clusterId;
  }

  /**
   * Sends a request to `leader` and passes its answer on.
   *
   * @param bytes what the request holds until then, about; 0 if whoever asks bounds it
   */
  forward(leader: LeaderHint, request: ForwardRequest, done: AnswerDone, bytes: number = 0): void {
    if (bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      const busy = new DraftError("BUSY", `requests for the leader hold ${this.#bytes} bytes here already`, { retryAfterMs: 100 });
      return this.#ports.clock.soon(() => done(busy));
    }
    this.#bytes += bytes;
    this.#pass(leader, request, (result) => {
      this.#bytes -= bytes;
      done(result);
    });
  }

  #pass(leader: LeaderHint, request: ForwardRequest, done: AnswerDone): void {
    const known = this.#ways.get(leader.address);
    const isSpent = known !== undefined && known.trouble !== "" && known.retryAtMs <= this.#ports.clock.monotonicMs();
    const way = known === undefined ? this.#open(leader, BACKOFF_MS_MIN) : isSpent ? this.#open(leader, Math.min(2 * known.backoffMs, BACKOFF_MS_MAX)) : known;
    if (way.connection !== null) send(way.connection, request, done);
    else if (way.trouble !== "") this.#ports.clock.soon(() => done(notAsked(leader, way)));
    else if (way.waiting.length < WAITING_MAX) way.waiting.push({ request, done });
    else {
      const busy = new DraftError("BUSY", `${WAITING_MAX} requests wait for the way to ${leader.id}`, { retryAfterMs: 100 });
      this.#ports.clock.soon(() => done(busy));
    }
  }

  /** Closes all ways. What was sent ends with LOST. */
  close(): void {
    const ways = [...this.#ways.values()];
    this.#ways.clear();
    for (const way of ways) {
      way.connection?.close();
      for (const { done } of way.waiting.splice(0)) done(new DraftError("STOPPING", "this node stops"));
    }
  }

  #open(leader: LeaderHint, backoffMs: number): Way {
    this.#forgetOldest();
    const way: Way = { connection: null, trouble: "", isRefused: false, retryAtMs: 0, backoffMs, waiting: [] };
    this.#ways.set(leader.address, way);
    const options = {
      clientName: `node ${this.#nodeId()}`,
      clusterId: this.#clusterId(),
      forwarded: true,
      ...this.#credentials,
      openTimeoutMs: OPEN_TIMEOUT_MS,
    };
    openConnection(this.#ports, leader.address, options, (...[error, connection]) => {
      if (this.#ways.get(leader.address) !== way) return connection?.close();
      if (error !== null) this.#failed(leader, way, error);
      else this.#opened(leader, way, connection);
    });
    return way;
  }

  #opened(leader: LeaderHint, way: Way, connection: Connection): void {
    way.connection = connection;
    connection.onClosed = () => this.#drop(leader, way);
    for (const { request, done } of way.waiting.splice(0)) send(connection, request, done);
  }

  #failed(leader: LeaderHint, way: Way, error: DraftError): void {
    way.trouble = error.message;
    way.isRefused = error.code === "UNAUTHORIZED";
    way.retryAtMs = this.#ports.clock.monotonicMs() + way.backoffMs;
    for (const { done } of way.waiting.splice(0)) done(notAsked(leader, way));
  }

  #drop(leader: LeaderHint, way: Way): void {
    if (this.#ways.get(leader.address) === way) this.#ways.delete(leader.address);
  }

  #forgetOldest(): void {
    for (const [address, way] of this.#ways) {
      if (this.#ways.size < LEADERS_MAX) return;
      const isUnderWay = way.connection === null ? way.trouble === "" : way.connection.pendingCount > 0;
      if (isUnderWay) continue;
      this.#ways.delete(address);
      way.connection?.close();
    }
  }
}

function send(connection: Connection, request: ForwardRequest, done: AnswerDone): void {
  request(connection, (error, index, reply) => done(error === null ? { index, reply } : notReached(error)));
}

function notAsked(leader: LeaderHint, { trouble, isRefused }: Way): DraftError {
  const { id } = leader;
  if (isRefused) return new DraftError("NOT_LEADER", `${id} leads, and takes nothing from this node: ${trouble}`, { leader });
  return new DraftError("NO_LEADER", `the leader ${id} cannot be asked: ${trouble}`);
}

/** A way that broke before the request went out: to the client that is a cluster without a leader, for now. */
function notReached(error: DraftError): DraftError {
  return error.code === "UNREACHABLE" ? new DraftError("NO_LEADER", `the leader cannot be asked: ${error.message}`) : error;
}
