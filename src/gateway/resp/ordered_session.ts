/**
 * The sessions of a door's connections: ordered ones, under which the n-th write runs behind the one before it or not at
 * all. So a pipeline may be sent at once, whatever becomes of leaders meanwhile. A connection that ends in good order
 * leaves its session to the next one.
 */
import { sessionBytes } from "../../machine/command.ts";
import type { Clock } from "../../host/host.ts";
import { DraftError } from "../../base/errors.ts";
import type { Answer, NodeApi } from "../../node/node_api.ts";
import { askLeader } from "../at_leader.ts";
import type { Forwarder } from "../forward.ts";
import { OtherLeader } from "../other_leader.ts";
import type { SessionAsk } from "../../net/client_protocol.ts";

/** Sessions of a group that wait for a connection, at most: the cluster forgets them after ten minutes without use. */
const IDLE_MAX = 1024;

/** How long a try to open or close one may take. */
const TRY_MS = 2000;

const RETRY_FIRST_MS = 10;
const RETRY_LAST_MS = 160;

/** One session. Its writes are numbered without a gap. */
export class OrderedSession {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Number of the next write. */
  next = 1;

  constructor(id: string) {
    this.id = id;
    this.bytes = sessionBytes(id);
  }
}

/** What sessions, and the writes under them, are asked with. */
export interface LeaderWay {
  readonly api: NodeApi;
  readonly clock: Clock;
  readonly forwarder: Forwarder;
  readonly leader: OtherLeader;
}

/** A way to the leader for requests that nobody has forwarded yet. */
export function leaderWay(api: NodeApi, clock: Clock, forwarder: Forwarder): LeaderWay {
  return { api, clock, forwarder, leader: new OtherLeader(api, () => false) };
}

/** Which sessions are free, by group. */
export class OrderedSessions {
  readonly way: LeaderWay;
  readonly #idle: Map<string, OrderedSession[]> = new Map();

  constructor(way: LeaderWay) {
    this.way = way;
  }

  /** One that nobody uses; null: it has to be opened. */
  take(group: string): OrderedSession | null {
    return this.#idle.get(group)?.pop() ?? null;
  }

  /** All writes under it were answered. */
  give(group: string, session: OrderedSession): void {
    const idle = this.#idle.get(group) ?? [];
    this.#idle.set(group, idle);
    if (idle.length < IDLE_MAX) idle.push(session);
    else this.#ask(group, { type: "close", session: session.id }, () => {});
  }

  /**
   * Ends `old`, so that nothing that was sent under it can be done any more once this is told, and opens another one. It
   * is tried until it is done.
   *
   * @param wanted whether somebody waits still
   */
  renew(group: string, old: OrderedSession | null, wanted: () => boolean, done: (session: OrderedSession) => void): void {
    const open = (): void => this.#untilDone(group, { type: "open", ordered: true }, wanted, ({ reply }) => done(new OrderedSession(String(reply))));
    if (old === null) open();
    else this.#untilDone(group, { type: "close", session: old.id }, wanted, open);
  }

  #untilDone(group: string, ask: SessionAsk, wanted: () => boolean, done: (answer: Answer) => void): void {
    let delayMs = RETRY_FIRST_MS;
    const attempt = (): void => {
      if (!wanted()) return;
      this.#ask(group, ask, (result) => {
        if (!(result instanceof DraftError)) return done(result);
        this.way.clock.setTimer(Math.max(delayMs, result.retryAfterMs ?? 0), attempt);
        delayMs = Math.min(2 * delayMs, RETRY_LAST_MS);
      });
    };
    attempt();
  }

  #ask(group: string, ask: SessionAsk, done: (result: Answer | DraftError) => void): void {
    askLeader(this.way, {
      group,
      here: (told) => this.way.api.changeSession(group, ask, TRY_MS, told),
      elsewhere: (connection, told) => connection.changeSession(group, ask, TRY_MS, told),
    }, done);
  }
}
