/**
 * Watching from a client: one question after the other, each for what comes behind the last answer. So a change is heard
 * once, in order, whichever nodes answer; whoever reads slowly asks seldom, and nothing is kept for him anywhere; and a
 * node that says nothing, not even that nothing changed, is left for another one.
 */
import { DraftError, type ErrorCode } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";
import { type ChangeCursor, type HeldChange, valueOf } from "../machine/change.ts";
import { membersFrom } from "../net/client_answers.ts";
import { type WatchAnswer, watchAnswerFrom } from "../net/watch_request.ts";
import type { RequestOptions } from "./client_options.ts";
import type { NodeConnection } from "./node_connection.ts";
import type { Pool } from "./pool.ts";
import type { SendRequest, Tries } from "./tries.ts";

/** A node answers within 5 s, be it that nothing changed: who says nothing for so long is gone. */
const SILENCE_MS = 10_000;

const RETRY_FIRST_MS = 10;
const RETRY_LAST_MS = 640;

/** How long a node may take to say who the members are. */
const MEMBERS_MS = 1000;

/** Another node, or a later moment, may serve. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["NO_LEADER", "NOT_LEADER", "BUSY", "STOPPING", "FENCED", "UNREACHABLE", "TIMEOUT", "LOST", "STORAGE_FAILED"]);

/** One change of one key. */
export interface Change {
  /** Index of the entry that made it. */
  readonly index: number;
  /** Its number among the changes of that entry, from 1. */
  readonly n: number;
  /** As the machine tells it. */
  readonly key: string;
  /** The new value; null if the key was deleted. */
  readonly value: unknown;
  /** The key's revision since: `index`. */
  readonly revision: number;
  readonly deleted: boolean;
}

/** Options of a watch. */
export interface WatchRequestOptions extends RequestOptions {
  /** Begin with the changes of this entry; if left out, with what comes from now on. */
  readonly from?: number;
  /** Go on behind this change, or where {@link WatchRequestOptions.heard} said; comes before `from`. */
  readonly after?: ChangeCursor;
  /**
   * How long no node may serve before the watch ends with what the last one said, in milliseconds; the client's own
   * `timeoutMs`.
   */
  readonly timeoutMs?: number;
  /** Is told how far the watch has heard, at its beginning, behind changes and each few seconds: `after` of one that goes on. */
  readonly heard?: (place: ChangeCursor) => void;
}

/** What a watch needs of its client. */
export interface WatchPorts {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly tries: Tries;
  readonly timeoutMs: number;
}

/** The changes of keys that begin with `prefix`, as they come. @throws DraftError COMPACTED, or what the last node said */
export async function* watchChanges(ports: WatchPorts, prefix: string, options: WatchRequestOptions): AsyncGenerator<Change, void> {
  const { from, heard } = options;
  let after = options.after ?? (from === undefined ? null : { index: from, n: 0 });
  const questions = new Questions(ports, prefix, options);
  for (;;) {
    const { changes, next } = await questions.ask(after);
    after = next;
    for (const change of changes) yield changeOf(change);
    heard?.(next);
  }
}

function changeOf({ index, n, key, value }: HeldChange): Change {
  return { index, n, key, value: valueOf(value), revision: index, deleted: value === undefined };
}

/** Asks one node as long as it answers. */
class Questions {
  readonly #ports: WatchPorts;
  readonly #prefix: string;
  readonly #options: WatchRequestOptions;
  /** Who answered last, and is asked again. */
  #connection: NodeConnection | null = null;

  constructor(ports: WatchPorts, prefix: string, options: WatchRequestOptions) {
    this.#ports = ports;
    this.#prefix = prefix;
    this.#options = options;
  }

  async ask(after: ChangeCursor | null): Promise<WatchAnswer> {
    const { clock, tries } = this.#ports;
    const { timeoutMs = this.#ports.timeoutMs, signal } = this.#options;
    const compacted: Map<string, DraftError> = new Map();
    let endMs = Number.POSITIVE_INFINITY;
    for (let delayMs = RETRY_FIRST_MS;; delayMs = Math.min(2 * delayMs, RETRY_LAST_MS)) {
      signal?.throwIfAborted();
      let connection: NodeConnection | null = null;
      try {
        connection = await this.#node();
        return watchAnswerFrom((await tries.once(connection, SILENCE_MS, signal, this.#send(after))).result);
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        this.#connection = null;
        if (error.code === "COMPACTED" && connection !== null) {
          compacted.set(connection.address, error);
          this.#connection = await this.#other(connection, compacted);
          if (this.#connection === null) throw leastOf(compacted);
          continue;
        }
        if (!PASSING.has(error.code)) throw error;
        this.#leave(connection, error);
        const nowMs = clock.monotonicMs();
        endMs = Math.min(endMs, nowMs + timeoutMs);
        if (nowMs + delayMs >= endMs) throw compacted.size > 0 ? leastOf(compacted) : error;
        await tries.sleep(Math.max(delayMs, error.retryAfterMs ?? 0), signal);
      }
    }
  }

  #send(after: ChangeCursor | null): SendRequest {
    const { group = "main" } = this.#options;
    return (connection, timeoutMs, done) => connection.submit({ kind: "watch", group, ask: { prefix: this.#prefix, after } }, timeoutMs, false, done);
  }

  async #node(): Promise<NodeConnection> {
    const { clock, pool, tries } = this.#ports;
    this.#connection ??= pool.ready() ?? await tries.before(clock.monotonicMs() + SILENCE_MS, this.#options.signal, pool.pick());
    return this.#connection;
  }

  /** Another node is asked first for a while. */
  #leave(connection: NodeConnection | null, { code, leader }: DraftError): void {
    const { pool } = this.#ports;
    if (connection !== null && code !== "BUSY") pool.avoid(connection.address);
    if (code === "NOT_LEADER") pool.noteLeader(leader);
  }

  /** A node that may hold more than those that were asked; null if there is none that answers. */
  async #other(asked: NodeConnection, compacted: ReadonlyMap<string, DraftError>): Promise<NodeConnection | null> {
    const { pool } = this.#ports;
    for (const address of new Set([...pool.known, ...await this.#members(asked)])) {
      if (compacted.has(address)) continue;
      try {
        return await pool.connect(address);
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
      }
    }
    return null;
  }

  async #members(asked: NodeConnection): Promise<string[]> {
    const { group = "main", signal } = this.#options;
    try {
      const { result } = await this.#ports.tries.once(asked, MEMBERS_MS, signal, (to, timeoutMs, done) => to.ask("members", group, timeoutMs, done));
      return membersFrom(result).members.filter(({ role }) => role !== "witness").map(({ address }) => address);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      return [];
    }
  }
}

/** What the node said that holds most. */
function leastOf(compacted: ReadonlyMap<string, DraftError>): DraftError {
  return [...compacted.values()].reduce((one, other) => (other.oldestIndex ?? Infinity) < (one.oldestIndex ?? Infinity) ? other : one);
}
