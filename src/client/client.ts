/**
 * The client that programs use: promises over connections. It sends to the leader, follows it when it changes, and
 * tries again until the deadline whatever is definitely not done. A write whose fate is unknown is never sent again.
 */
import { DraftError, type ErrorCode } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import { encodeCommand } from "../machine/command.ts";
import type { AnyDefinedMachine, MethodsOf } from "../machine/define.ts";
import type { Command } from "../machine/machine.ts";
import {
  type MemberList, membersFrom, type NodeStatus, type OperationInfo, operationsFrom, recordingFrom, statusFrom,
} from "../net/client_answers.ts";
import type { AskRequest } from "../net/client_protocol.ts";
import type { ClientAnswer, ClientOptions, ReadRequestOptions, RequestOptions } from "./client_options.ts";
import type { Connection, RequestDone } from "./connection.ts";
import { operationMethods } from "./operation_methods.ts";
import { Pool } from "./pool.ts";

const TIMEOUT_MS = 5000;
/** How old the knowledge of who leads may become while requests are sent. */
const WATCH_LEADER_MS = 2000;

const RETRY_FIRST_MS = 10;
const RETRY_LAST_MS = 320;

/** What a try needs at least to be worth while. */
const LAST_TRY_MS = 250;

/** How long to knock at doors of which none was ever open, as when a cluster is just starting. */
const FIRST_REACH_MS = 1000;

/** Definitely not done, and another node or a later moment may do it. */
const WORTH_RETRYING: ReadonlySet<ErrorCode> = new Set([
  "NO_LEADER", "NOT_LEADER", "STOPPING", "FENCED", "BUSY", "UNREACHABLE", "LOST",
]);

/** A client of one cluster. Make it with {@link connect}. */
export class Client {
  readonly #clock: Clock;
  readonly #pool: Pool;
  readonly #timeoutMs: number;
  #closed = false;
  #watchedAtMs = 0;
  readonly #kinds: Map<string, ReadonlyMap<string, OperationInfo>> = new Map();

  /** Use {@link connect}. */
  constructor(addresses: readonly string[], options: ClientOptions = {}) {
    const ports = options.host ?? createNodeHost(silentLog);
    this.#clock = ports.clock;
    this.#pool = new Pool(ports, addresses, options.name ?? "client");
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  /** The cluster that answers; empty until the first answer. */
  get clusterId(): string {
    return this.#pool.clusterId;
  }

  /** The addresses that this client was made with. */
  get addresses(): readonly string[] {
    return this.#pool.given;
  }

  /**
   * Runs one command, as a write or a read, whichever the machine says it is.
   *
   * @throws DraftError with an outcome: not-done, unknown
   */
  async run(command: Command, options: ReadRequestOptions = {}): Promise<ClientAnswer> {
    const kind = await this.#kindOf(command[0], options);
    return kind === "read" ? this.read(command, options) : this.write(command, options);
  }

  /** Proposes one command, whose answer comes once a majority holds it and the machine applied it. */
  async write(command: Command, options: RequestOptions = {}): Promise<ClientAnswer> {
    const envelope = new Uint8Array(encodeCommand(command));
    const { group = "main" } = options;
    return this.#request(options, (connection, timeoutMs, done) => connection.write(group, envelope, timeoutMs, done));
  }

  /** Runs one command that only reads; linearizable unless `options.level` asks for less. */
  async read(command: Command, options: ReadRequestOptions = {}): Promise<ClientAnswer> {
    const { group = "main", level = "linearizable", minIndex = 0 } = options;
    return this.#request(options, (connection, timeoutMs, done) =>
      connection.read(group, command, { level, minIndex, timeoutMs }, done)
    );
  }

  /**
   * The operations of a machine of `defineMachine` as typed methods: `client.as(queue).push("body")`. Without the
   * machine its type is enough, `client.as<typeof queue>()`; what is a write and what a read is then asked of the cluster.
   *
   * @param options hold for each call: `{ level: "stale" }`
   */
  as<D extends AnyDefinedMachine>(machine?: D | null, options: ReadRequestOptions = {}): MethodsOf<D> {
    return operationMethods(this, machine?.operations ?? null, options) as MethodsOf<D>;
  }

  /** The operations of the group's machine. */
  async operations(options: RequestOptions = {}): Promise<OperationInfo[]> {
    const operations = operationsFrom(await this.#ask("operations", options));
    this.#kinds.set(options.group ?? "main", new Map(operations.map((each) => [each.name, each])));
    return operations;
  }

  /** What one node says of itself: the one at `address`, or any. */
  async status(options: RequestOptions & { readonly address?: string } = {}): Promise<NodeStatus> {
    return statusFrom(await this.#ask("status", options, options.address));
  }

  /** The members of the group, as one node knows them. */
  async members(options: RequestOptions & { readonly address?: string } = {}): Promise<MemberList> {
    return membersFrom(await this.#ask("members", options, options.address));
  }

  /** What one node's flight recorder holds: the body of a recording (docs/formats.md); of a `story` the words alone. */
  async recording(kind: "record" | "story", options: RequestOptions & { readonly address?: string } = {}): Promise<Uint8Array> {
    return recordingFrom(await this.#ask(kind, options, options.address));
  }

  /** Makes the member `id` the leader; returns when it leads. */
  async transfer(id: string, options: RequestOptions = {}): Promise<ClientAnswer> {
    const { group = "main" } = options;
    return this.#request(options, (connection, timeoutMs, done) => connection.transfer(group, id, timeoutMs, done));
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#pool.close();
    await Promise.resolve();
  }

  /** `await using`: closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #kindOf(operation: string, options: RequestOptions): Promise<"read" | "write"> {
    const name = operation.toLowerCase();
    const group = options.group ?? "main";
    const known = this.#kinds.get(group)?.get(name);
    if (known !== undefined) return known.kind;
    const found = (await this.operations(options)).find((each) => each.name === name);
    if (found !== undefined) return found.kind;
    throw new DraftError("UNKNOWN_OPERATION", `the machine of group ${group} has no operation "${operation}"`);
  }

  async #ask(kind: AskRequest["kind"], options: RequestOptions, address?: string): Promise<unknown> {
    const { group = "main" } = options;
    const ask = (connection: Connection, timeoutMs: number, done: RequestDone): void =>
      connection.ask(kind, group, timeoutMs, done);
    if (address === undefined) return (await this.#request(options, ask)).result;
    const connection = await this.#pool.connect(address);
    return (await this.#once(connection, options.timeoutMs ?? this.#timeoutMs, options.signal, ask)).result;
  }

  /** Sends until it is done, certainly refused, of unknown fate, or too late. */
  async #request(options: RequestOptions, send: SendRequest): Promise<ClientAnswer> {
    const { signal, timeoutMs = this.#timeoutMs } = options;
    const beganMs = this.#clock.monotonicMs();
    const deadlineMs = beganMs + timeoutMs;
    let delayMs = RETRY_FIRST_MS;
    for (;;) {
      signal?.throwIfAborted();
      let failure: DraftError;
      let connection: Connection | null = null;
      try {
        connection = this.#pool.ready() ?? await this.#before(deadlineMs, signal, this.#pool.pick());
        this.#watchLeader(connection);
        return await this.#once(connection, deadlineMs - this.#clock.monotonicMs(), signal, send);
      } catch (error) {
        if (!(error instanceof DraftError) || !isWorthRetrying(error)) throw error;
        failure = error;
      }
      const followed = this.#follow(connection, failure);
      if (followed && delayMs === RETRY_FIRST_MS) {
        delayMs *= 2;
        continue;
      }
      const waitMs = Math.max(delayMs, failure.retryAfterMs ?? 0);
      const nowMs = this.#clock.monotonicMs();
      const neverReached = failure.code === "UNREACHABLE" && !this.#pool.everReached;
      // A try that is cut short would only make *definitely not done* into *unknown*.
      const lastTryMs = deadlineMs - Math.min(LAST_TRY_MS, timeoutMs / 4);
      if (this.#closed || nowMs + waitMs >= lastTryMs || (neverReached && nowMs - beganMs >= FIRST_REACH_MS)) throw failure;
      await this.#sleep(waitMs, signal);
      delayMs = Math.min(2 * delayMs, RETRY_LAST_MS);
    }
  }

  /** Whether the failure names another node to try at once. */
  #follow(connection: Connection | null, failure: DraftError): boolean {
    if (connection !== null && failure.code !== "BUSY") this.#pool.avoid(connection.address);
    const leader = failure.leader;
    if (leader === null) return connection !== null && failure.code !== "BUSY" && failure.code !== "NO_LEADER";
    this.#pool.noteLeader(leader);
    return leader.address !== connection?.address;
  }

  #once(connection: Connection, timeoutMs: number, signal: AbortSignal | undefined, send: SendRequest): Promise<ClientAnswer> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason as Error);
      signal?.addEventListener("abort", onAbort, { once: true });
      send(connection, timeoutMs, (error, index, result) => {
        signal?.removeEventListener("abort", onAbort);
        if (error === null) resolve({ result, index });
        else reject(error);
      });
    });
  }

  /** Followers forward, so a leader that changed makes itself known only as latency: now and then it is asked for. */
  #watchLeader(connection: Connection): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#watchedAtMs < WATCH_LEADER_MS) return;
    const first = this.#watchedAtMs === 0;
    this.#watchedAtMs = nowMs;
    if (first) return; // The hello has just told.
    connection.ask("status", "main", this.#timeoutMs, (error, _, result) => {
      if (error !== null) return;
      try {
        this.#pool.noteLeader(statusFrom(result).groups.find(({ name }) => name === "main")?.leader ?? null);
      } catch (unreadable) {
        if (!(unreadable instanceof DraftError)) throw unreadable;
      }
    });
  }

  /** What `promise` gives, unless the deadline or the signal comes first. */
  #before<T>(deadlineMs: number, signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = (): void => end(() => reject(signal?.reason as Error));
      const timer = this.#clock.setTimer(Math.max(0, deadlineMs - this.#clock.monotonicMs()), () => {
        end(() => reject(new DraftError("TIMEOUT", "no node was found within the timeout", { outcome: "not-done" })));
      });
      signal?.addEventListener("abort", onAbort, { once: true });
      promise.then((value) => end(() => resolve(value)), (error: unknown) => end(() => reject(error as Error)));
    });
  }

  #sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const woken = new Promise<void>((resolve) => void this.#clock.setTimer(delayMs, resolve));
    return this.#before(Number.MAX_SAFE_INTEGER, signal, woken);
  }
}

type SendRequest = (connection: Connection, timeoutMs: number, done: RequestDone) => void;

function isWorthRetrying(error: DraftError): boolean {
  return error.outcome === "not-done" && WORTH_RETRYING.has(error.code);
}

/**
 * A client of the cluster that answers at `addresses` (`host:port`, or several with commas between). Nothing is sent
 * before the first request.
 *
 * @example
 * ```ts
 * await using client = connect("127.0.0.1:7100");
 * await client.run(["set", "k", "v"]);
 * ```
 */
export function connect(addresses: string | readonly string[], options: ClientOptions = {}): Client {
  const list = [addresses].flat().flatMap((each) => each.split(",")).map((each) => each.trim()).filter((each) => each !== "");
  if (list.length === 0) throw new TypeError("connect() wants at least one address, host:port");
  return new Client([...new Set(list)], options);
}
