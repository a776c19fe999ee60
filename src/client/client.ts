/**
 * The client that programs use: promises over connections. It sends to the leader, follows it when it changes, and
 * tries again until the deadline whatever is definitely not done. A write whose fate is unknown is sent again, as it was,
 * if it has a session, under which it is done once; without one never.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, LogLevel } from "../host/host.ts";
import { encodeCommand } from "../machine/command.ts";
import type { AnyDefinedMachine, MethodsOf } from "../machine/define.ts";
import type { Command } from "../machine/machine.ts";
import {
  type MemberList, indexFrom, membersFrom, type NodeStatus, type OperationInfo, operationsFrom, recordingFrom, statusFrom,
} from "../net/client_answers.ts";
import { type MemberRehearsal, rehearsalFrom } from "../net/member_rehearsal.ts";
import type { BackupAsk, RestoreAsk } from "../net/backup_request.ts";
import type { AskRequest } from "../net/client_protocol.ts";
import type { MemberWish } from "../net/member_wish.ts";
import type { ClientAnswer, ClientOptions, ReadRequestOptions, RequestOptions, WriteRequestOptions } from "./client_options.ts";
import { operationMethods } from "./operation_methods.ts";
import { openConnection } from "./open_connection.ts";
import { portsOf } from "./client_ports.ts";
import { type OpenNode, Pool } from "./pool.ts";
import { type SendRequest, Tries } from "./tries.ts";
import { type Change, watchChanges, type WatchRequestOptions } from "./watch.ts";
import { WriteSessions } from "./write_session.ts";

const TIMEOUT_MS = 5000;

/** A client of one cluster. Make it with {@link connect}. */
export class Client {
  readonly #clock: Clock;
  readonly #pool: Pool;
  readonly #tries: Tries;
  readonly #timeoutMs: number;
  readonly #sessions: WriteSessions | null;
  readonly #sent: NonNullable<ClientOptions["sent"]>;
  readonly #kinds: Map<string, ReadonlyMap<string, OperationInfo>> = new Map();
  /** The newest state that an answer was of, by group: no later read of this client shows an older one. */
  readonly #seen: Map<string, number> = new Map();

  /** Use {@link connect}. */
  constructor(addresses: readonly string[], options: ClientOptions = {}) {
    const ports = options.host ?? portsOf(options.tls);
    this.#clock = ports.clock;
    const { token } = options;
    const shown = token === undefined ? {} : { credentials: { type: "token", token } as const };
    const open: OpenNode = options.open ?? ((address, how, done) => openConnection(ports, address, { ...how, ...shown }, done));
    this.#pool = new Pool(this.#clock, open, addresses, options.name ?? "client");
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#tries = new Tries(this.#clock, this.#pool);
    this.#sessions = options.sessions === false ? null : new WriteSessions();
    this.#sent = options.sent ?? (() => {});
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
  async write(command: Command, options: WriteRequestOptions = {}): Promise<ClientAnswer> {
    const sessions = this.#sessions;
    if (options.place !== undefined) return this.#send(command, new Uint8Array(encodeCommand(command, options.place)), options, true);
    if (sessions === null) return this.#send(command, new Uint8Array(encodeCommand(command)), options, false);
    const { group = "main", timeoutMs = this.#timeoutMs } = options;
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    for (;;) {
      let session = sessions.ready(group);
      // Others who waited too may have filled it by now.
      for (; session === null; session = sessions.ready(group)) await this.#openSession(sessions, deadlineMs, options);
      const { sequence, envelope } = session.take(command);
      try {
        return await this.#send(command, envelope, { ...options, timeoutMs: this.#leftMs(deadlineMs) }, true);
      } catch (error) {
        // Nobody has run it under a session that was gone before its first try arrived: it may have another one.
        if (!(error instanceof DraftError) || error.code !== "SESSION_EXPIRED") throw error;
        sessions.forget(group, session);
        if (error.outcome !== "not-done" || this.#leftMs(deadlineMs) === 0) throw error;
      } finally {
        session.settle(sequence);
      }
    }
  }

  /** @param again whether it is done once, however often it arrives */
  async #send(command: Command, envelope: Uint8Array, options: RequestOptions, again: boolean): Promise<ClientAnswer> {
    const { group = "main" } = options;
    return this.#noted(group, await this.#request(options, (connection, timeoutMs, done) => {
      this.#sent(command, envelope);
      connection.write(group, envelope, timeoutMs, done);
    }, again));
  }

  /** Opens a session of the caller's own; returns its id, 32 hexadecimal digits. */
  async openSession({ group = "main", ...options }: RequestOptions = {}): Promise<ClientAnswer> {
    return this.#request(options, (connection, timeoutMs, done) => connection.changeSession(group, { type: "open", ordered: false }, timeoutMs, done), true);
  }

  async #openSession(sessions: WriteSessions, deadlineMs: number, { group = "main", signal }: RequestOptions): Promise<void> {
    // One that nobody hears of stays without use, and expires.
    const open: SendRequest = (connection, timeoutMs, done) => connection.changeSession(group, { type: "open", ordered: false }, timeoutMs, done);
    let isOwn = false;
    const opened = sessions.open(group, async () => {
      isOwn = true;
      return String((await this.#request({ timeoutMs: this.#leftMs(deadlineMs) }, open, true)).result);
    });
    try {
      await this.#tries.before(deadlineMs, signal, opened);
    } catch (error) {
      // Whoever opens for all may have less patience than this one.
      if (isOwn || !(error instanceof DraftError) || this.#leftMs(deadlineMs) === 0) throw error;
    }
  }

  #leftMs(deadlineMs: number): number {
    return Math.max(0, deadlineMs - this.#clock.monotonicMs());
  }

  /**
   * Runs one command that only reads; linearizable unless `options.level` asks for less. Stale reads of one client see
   * its own writes, and never go back, whichever nodes answer.
   */
  async read(command: Command, options: ReadRequestOptions = {}): Promise<ClientAnswer> {
    const { group = "main", level = "linearizable" } = options;
    const minIndex = Math.max(options.minIndex ?? 0, level === "stale" ? this.#seen.get(group) ?? 0 : 0);
    return this.#noted(group, await this.#request(options, (connection, timeoutMs, done) =>
      connection.read(group, command, { level, minIndex, timeoutMs }, done)
    ));
  }

  /**
   * The changes of keys that begin with `prefix`, in the order of the log, each once, whatever becomes of nodes and
   * connections; it ends only when the loop is left, or with an error. Of what changed before, the newest 65,536 changes
   * can be read again, or 16 MiB of them. To miss nothing, read first, and watch from the index of that answer + 1.
   *
   * @param prefix of the keys as the machine tells them to watchers; empty for all
   * @throws DraftError COMPACTED if no node holds all that would have to be told, with the `oldestIndex` that one does;
   *   NO_LEADER, UNREACHABLE and others if no node served for `timeoutMs`
   * @example
   * ```ts
   * for await (const { key, value, deleted } of client.watch("user/", { from: 1 })) console.log(key, deleted ? "is gone" : value);
   * ```
   */
  watch(prefix: string, options: WatchRequestOptions = {}): AsyncGenerator<Change, void> {
    return watchChanges({ clock: this.#clock, pool: this.#pool, tries: this.#tries, timeoutMs: this.#timeoutMs }, prefix, options);
  }

  #noted(group: string, answer: ClientAnswer): ClientAnswer {
    this.#seen.set(group, Math.max(this.#seen.get(group) ?? 0, answer.index));
    return answer;
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

  /** Takes a snapshot on one node, the one at `address`, or any; returns the index that it holds, once it is durable. */
  async snapshot(options: RequestOptions & { readonly address?: string } = {}): Promise<number> {
    return indexFrom(await this.#ask("snapshot", options, options.address));
  }

  /** Of the file of a snapshot on the node at `address`: which it is, or a piece of it (net/backup_request.ts). */
  async backup(ask: BackupAsk, options: RequestOptions & { readonly address: string }): Promise<unknown> {
    return (await this.#at(options.address, options, (to, timeoutMs, done) => to.submit({ kind: "backup", group: options.group ?? "main", ask }, timeoutMs, false, done))).result;
  }

  /** Brings the leader a piece of a backup that the group is to be made from; each counts once, however often it is sent. */
  async restore(ask: RestoreAsk, options: RequestOptions = {}): Promise<ClientAnswer> {
    return this.#request(options, (to, timeoutMs, done) => to.submit({ kind: "restore", group: options.group ?? "main", ask }, timeoutMs, ask.step !== "begin", done), true);
  }

  /** Makes the member `id` the leader; returns when it leads. */
  async transfer(id: string, options: RequestOptions = {}): Promise<ClientAnswer> {
    return this.#request(options, (connection, timeoutMs, done) => connection.transfer(options.group ?? "main", id, timeoutMs, done));
  }

  /**
   * Changes the members of a group, all of `wishes` as one change. Returns once the leader's log has its first step for
   * good; {@link Client.members} shows how far it is.
   */
  async changeMembers(wishes: readonly MemberWish[], options: RequestOptions & { readonly force?: boolean } = {}): Promise<ClientAnswer> {
    const { group = "main", force = false } = options;
    return this.#request(options, (connection, timeoutMs, done) => connection.changeMembers("change", group, { wishes, force }, timeoutMs, done));
  }

  /** What {@link Client.changeMembers} would lead to: the leader steps a copy of its state through it, and changes nothing. */
  async rehearseMembers(wishes: readonly MemberWish[], options: RequestOptions & { readonly force?: boolean } = {}): Promise<MemberRehearsal> {
    const { group = "main", force = false } = options;
    const { result } = await this.#request(options, (connection, timeoutMs, done) =>
      connection.changeMembers("rehearse", group, { wishes, force }, timeoutMs, done));
    return rehearsalFrom(result);
  }

  /** How much the node at `address` says in its log from now on; returns how much it said before. */
  async setLogLevel(level: LogLevel, options: RequestOptions & { readonly address: string }): Promise<string> {
    const { result } = await this.#at(options.address, options, (to, timeoutMs, done) => to.submit({ kind: "log-level", group: "main", level }, timeoutMs, true, done));
    return String(result);
  }

  /** Closes all connections; sessions too, if the leader can be told. */
  async close(): Promise<void> {
    this.#tries.close();
    const connection = this.#pool.ready();
    for (const [group, { id }] of this.#sessions?.takeAll() ?? []) {
      connection?.changeSession(group, { type: "close", session: id }, this.#timeoutMs, () => {});
    }
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
    const known = this.#kinds.get(group)?.get(name) ?? (await this.operations(options)).find((each) => each.name === name);
    if (known !== undefined) return known.kind;
    throw new DraftError("UNKNOWN_OPERATION", `the machine of group ${group} has no operation "${operation}"`);
  }

  async #ask(kind: AskRequest["kind"], options: RequestOptions, address?: string): Promise<unknown> {
    const { group = "main" } = options;
    const ask: SendRequest = (connection, timeoutMs, done) => connection.ask(kind, group, timeoutMs, done);
    return (await (address === undefined ? this.#request(options, ask) : this.#at(address, options, ask))).result;
  }

  /** Asks one node, once. */
  async #at(address: string, { timeoutMs = this.#timeoutMs, signal }: RequestOptions, send: SendRequest): Promise<ClientAnswer> {
    const connection = await this.#pool.connect(address);
    return this.#tries.once(connection, timeoutMs, signal, send);
  }

  #request({ timeoutMs = this.#timeoutMs, signal }: RequestOptions, send: SendRequest, again: boolean = false): Promise<ClientAnswer> {
    return this.#tries.request({ timeoutMs, signal, again }, send);
  }
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
