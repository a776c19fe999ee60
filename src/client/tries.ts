/**
 * One request, as often as it takes: to the leader, to whoever follows it, and again until the deadline what is definitely
 * not done. What may be done already is sent again only if its sender says that it is done once, however often it arrives.
 */
import { DraftError, type ErrorCode } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";
import { statusFrom } from "../net/client_answers.ts";
import type { ClientAnswer } from "./client_options.ts";
import type { NodeConnection, RequestDone } from "./node_connection.ts";
import type { Pool } from "./pool.ts";

/** A leader is asked for while requests are sent, and may take so long to answer. */
const ASK_LEADER_MS = 5000;

/** How old the knowledge of who leads may become while requests are sent. */
const WATCH_LEADER_MS = 2000;

const RETRY_FIRST_MS = 10;
const RETRY_LAST_MS = 320;

/** What a try needs at least to be worth while. */
const LAST_TRY_MS = 250;

/** What a try gets at least, of a request that may be sent again. */
const FIRST_TRY_MS = 500;

/** How long to knock at doors of which none was ever open, as when a cluster is just starting. */
const FIRST_REACH_MS = 1000;

/** Definitely not done, and another node or a later moment may do it. */
const WORTH_RETRYING: ReadonlySet<ErrorCode> = new Set([
  "NO_LEADER", "NOT_LEADER", "STOPPING", "FENCED", "BUSY", "UNREACHABLE", "LOST",
]);

/** What `apply` returned: a write that met it needs to be asked for no more, whatever became of earlier tries. */
const SETTLES: ReadonlySet<ErrorCode> = new Set(["REJECTED", "CONFLICT", "MACHINE_FAULT", "ANSWER_NOT_KEPT", "SESSION_EXPIRED"]);

/** Sends a request on a connection. */
export type SendRequest = (connection: NodeConnection, timeoutMs: number, done: RequestDone) => void;

/** How a request is tried. */
export interface TryOptions {
  /** For all tries together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether it may be sent again when its fate is unknown: then one try does not use up all the time, and only what
   * `apply` returned makes good for a try that nobody knows the end of.
   */
  readonly again: boolean;
}

/** Tries the requests of one client. */
export class Tries {
  readonly #clock: Clock;
  readonly #pool: Pool;
  #closed = false;
  #watchedAtMs = 0;

  constructor(clock: Clock, pool: Pool) {
    this.#clock = clock;
    this.#pool = pool;
  }

  /** Nothing is tried again any more. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Sends until it is done, certainly refused, of unknown fate, or too late.
   *
   * @throws DraftError not-done or unknown
   */
  async request(options: TryOptions, send: SendRequest): Promise<ClientAnswer> {
    const { signal, timeoutMs, again } = options;
    const beganMs = this.#clock.monotonicMs();
    const deadlineMs = beganMs + timeoutMs;
    let delayMs = RETRY_FIRST_MS;
    let doubt: DraftError | null = null;
    /** What a member said last: it tells more than that another address does not answer, or waits to be added. */
    let told: DraftError | null = null;
    for (;;) {
      signal?.throwIfAborted();
      let failure: DraftError;
      let connection: NodeConnection | null = null;
      try {
        connection = this.#pool.ready() ?? await this.before(deadlineMs, signal, this.#pool.pick());
        this.#watchLeader(connection);
        const leftMs = deadlineMs - this.#clock.monotonicMs();
        return await this.once(connection, again ? Math.min(leftMs, Math.max(leftMs / 2, FIRST_TRY_MS)) : leftMs, signal, send);
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        failure = error;
        if (connection !== null && connection.hello.clusterId !== "") told = error;
        if (again && isInDoubt(error)) doubt = error;
        else if (!isWorthRetrying(error)) throw SETTLES.has(error.code) ? settling(error, doubt) : doubt ?? error;
      }
      const followed = this.#follow(connection, failure);
      const waitMs = followed && delayMs === RETRY_FIRST_MS ? 0 : Math.max(delayMs, failure.retryAfterMs ?? 0);
      const nowMs = this.#clock.monotonicMs();
      const neverReached = failure.code === "UNREACHABLE" && !this.#pool.everReached;
      // A try that is cut short would only make *definitely not done* into *unknown*.
      const lastTryMs = deadlineMs - Math.min(LAST_TRY_MS, timeoutMs / 4);
      if (this.#closed || nowMs + waitMs >= lastTryMs || (neverReached && nowMs - beganMs >= FIRST_REACH_MS)) throw doubt ?? told ?? failure;
      if (waitMs > 0) await this.sleep(waitMs, signal);
      delayMs = Math.min(2 * delayMs, RETRY_LAST_MS);
    }
  }

  /** Whether the failure names another node to try at once. */
  #follow(connection: NodeConnection | null, failure: DraftError): boolean {
    if (connection !== null && failure.code !== "BUSY") this.#pool.avoid(connection.address);
    const leader = failure.leader;
    if (leader === null) return connection !== null && failure.code !== "BUSY" && failure.code !== "NO_LEADER";
    this.#pool.noteLeader(leader);
    return leader.address !== connection?.address;
  }

  /** One try on this connection. */
  once(connection: NodeConnection, timeoutMs: number, signal: AbortSignal | undefined, send: SendRequest): Promise<ClientAnswer> {
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
  #watchLeader(connection: NodeConnection): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#watchedAtMs < WATCH_LEADER_MS) return;
    const first = this.#watchedAtMs === 0;
    this.#watchedAtMs = nowMs;
    if (first) return; // The hello has just told.
    connection.ask("status", "main", ASK_LEADER_MS, (error, _, result) => {
      if (error !== null) return;
      try {
        this.#pool.noteLeader(statusFrom(result).groups.find(({ name }) => name === "main")?.leader ?? null);
      } catch (unreadable) {
        if (!(unreadable instanceof DraftError)) throw unreadable;
      }
    });
  }

  /** What `promise` gives, unless the deadline or the signal comes first. */
  before<T>(deadlineMs: number, signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
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

  /** Waits; not on if `signal` is given, which it then throws. */
  sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const woken = new Promise<void>((resolve) => void this.#clock.setTimer(delayMs, resolve));
    return this.before(Number.MAX_SAFE_INTEGER, signal, woken);
  }
}

/** Nobody knows whether it was done, and the log may tell later. */
function isInDoubt(error: DraftError): boolean {
  return error.outcome === "unknown" && (error.code === "LOST" || error.code === "TIMEOUT");
}

/** A session that is gone does not tell what an earlier try did; if there was none, nothing was done. */
function settling(error: DraftError, doubt: DraftError | null): DraftError {
  if (error.code !== "SESSION_EXPIRED" || doubt !== null) return error;
  return new DraftError("SESSION_EXPIRED", error.message, { outcome: "not-done", cause: error });
}

function isWorthRetrying(error: DraftError): boolean {
  return error.outcome === "not-done" && WORTH_RETRYING.has(error.code);
}
