/**
 * What a door asks of the cluster for those who speak no protocol of draft. Writes go as the client of draft would send
 * them: to the leader, under a session, and again if it is not known whether they were done. Reads are answered here.
 */
import { DraftError, type ErrorCode } from "../base/errors.ts";
import { Client } from "../client/client.ts";
import { Connection } from "../client/connection.ts";
import type { ClientAnswer } from "../client/client_options.ts";
import { type NodeCredentials, openConnection } from "../client/open_connection.ts";
import type { OpenNode } from "../client/pool.ts";
import type { Clock, Net } from "../host/host.ts";
import type { Command } from "../machine/machine.ts";
import type { BackupAsk } from "../net/backup_request.ts";
import type { AskRequest } from "../net/client_protocol.ts";
import type { NodeApi, ReadOptions } from "../node/node_api.ts";
import type { WriteTiming } from "../net/write_timing.ts";
import { askNode } from "./ask_node.ts";
import { answering, LocalConnection } from "./local_connection.ts";
import { askEach, type Asked, type NodeState, survey } from "./survey.ts";

/** Timings that nobody has asked for, at most: those of writes that are no longer waited for. */
const TIMINGS_MAX = 4096;

/** Between two tries of a read while nobody leads. */
const READ_RETRY_MS = 20;

/** A member that does not answer for so long is told of as unreachable. */
const SURVEY_MS = 1500;

/** What a read meets while leadership changes. */
const WORTH_WAITING: ReadonlySet<ErrorCode> = new Set(["NO_LEADER", "NOT_LEADER", "LOST"]);

/** The ports that it needs. */
export interface ClusterPorts {
  readonly net: Net;
  readonly clock: Clock;
}

/** Opens ways to nodes in this node's name: to itself without a socket, to others as one that passes on what is asked. */
export function openerFrom(ports: ClusterPorts, api: NodeApi, credentials: NodeCredentials | null): OpenNode {
  const { address } = api.identity();
  return (to, how, done) => {
    if (to === address) done(null, new LocalConnection(api, to));
    else openConnection(ports, to, credentials === null ? how : { ...how, credentials }, done);
  };
}

/** One node's own client of its cluster. */
export class ClusterClient {
  /** For whatever the leader has to do. */
  readonly client: Client;
  readonly api: NodeApi;
  readonly #clock: Clock;
  /** Use: what writes took that another node did and that are about to be answered, by group and index. */
  readonly #timings: Map<string, WriteTiming> = new Map();
  readonly #surveys: Map<string, Promise<NodeState[]>> = new Map();

  /** @param open opens ways to nodes, see {@link openerFrom} */
  constructor(ports: ClusterPorts, api: NodeApi, open: OpenNode) {
    this.api = api;
    this.#clock = ports.clock;
    const { nodeId, address } = api.identity();
    this.client = new Client([address], {
      name: `node ${nodeId}`,
      host: ports,
      open: (to, how, done) => open(to, { ...how, timed: true }, (...[error, connection]) => {
        if (error !== null) return done(error, null);
        if (connection instanceof Connection) connection.onTimed = (group, index, timing) => this.#note(group, index, timing);
        done(null, connection);
      }),
    });
  }

  /** What the leader told of a write that this node passed on, once; null if nothing. */
  timingOf(group: string, index: number): WriteTiming | null {
    const name = `${group}/${index}`;
    const timing = this.#timings.get(name) ?? null;
    this.#timings.delete(name);
    return timing;
  }

  #note(group: string, index: number, timing: WriteTiming): void {
    this.#timings.set(`${group}/${index}`, timing);
    if (this.#timings.size > TIMINGS_MAX) for (const oldest of this.#timings.keys()) return void this.#timings.delete(oldest);
  }

  /** Reads from this node's own state, unless it holds none. While nobody leads it waits, as long as it may. */
  async read(group: string, command: Command, options: ReadOptions): Promise<ClientAnswer> {
    if (!this.api.holdsState(group)) return this.client.read(command, { group, ...options });
    const deadlineMs = this.#clock.monotonicMs() + options.timeoutMs;
    for (;;) {
      const timeoutMs = Math.max(1, deadlineMs - this.#clock.monotonicMs());
      const answer = await this.#readOnce(group, command, { ...options, timeoutMs });
      if (!(answer instanceof DraftError)) return answer;
      if (!WORTH_WAITING.has(answer.code) || timeoutMs <= READ_RETRY_MS) throw answer;
      await this.pause(READ_RETRY_MS);
    }
  }

  /** By the clock that its limits go by. */
  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimer(delayMs, resolve));
  }

  #readOnce(group: string, command: Command, options: ReadOptions): Promise<ClientAnswer | DraftError> {
    return new Promise((resolve) => {
      this.api.read(group, command, options, answering((error, index, result) => resolve(error ?? { result, index })));
    });
  }

  /** What this node says of itself, or of the group. */
  ask(kind: AskRequest["kind"], group: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      askNode(this.api, kind, group, (value) => {
        if (value instanceof DraftError) reject(value);
        else resolve(value);
      });
    });
  }

  /** How all members are, as far as they answer. Whoever asks while it is being asked is told the same. */
  states(group: string): Promise<NodeState[]> {
    const known = this.#surveys.get(group);
    if (known !== undefined) return known;
    const asked = survey(this.client, { group, timeoutMs: SURVEY_MS }).finally(() => this.#surveys.delete(group));
    this.#surveys.set(group, asked);
    return asked;
  }

  /** What each member that answers tells of what happened to it, in words. */
  stories(group: string): Promise<Asked<Uint8Array>> {
    return askEach(this.client, { group, timeoutMs: SURVEY_MS }, (address) => this.client.recording("story", { group, timeoutMs: SURVEY_MS, address }));
  }

  /** Of the file of a snapshot of this node's. */
  backup(group: string, ask: BackupAsk): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.api.backup(group, ask, (reply) => {
        if (reply instanceof DraftError) reject(reply);
        else resolve(reply);
      });
    });
  }

  /** Ends what waits. */
  close(): Promise<void> {
    return this.client.close();
  }
}
