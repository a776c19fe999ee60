/**
 * A lock of the machine `lock`, from its holder's side: asked for until it is granted, then renewed until it is given
 * back or lost. The holder counts its lease from before it asked, by its own clock, and stops well before the end: the
 * cluster's clock may be a little faster, and whoever has to be ended needs some time for that.
 */
import type { LockMethods } from "../../plugins/lock/methods.ts";
import { DraftError, type ErrorCode } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";

/** When a lease is renewed; when it is given up for lost; and when nothing may be done under it any more: parts of it. */
const RENEW_AT = 1 / 3;
const LOST_AT = 2 / 3;
const OVER_AT = 9 / 10;

/** How long to wait before asking again, from the first time on to ever longer. */
const AGAIN_FIRST_MS = 50;
const AGAIN_LAST_MS = 1000;

/** The same for who hears when the lock changes hands: a place in the line that nobody asked for ends unheard. */
const AGAIN_LISTENING_MS = 2500;

/** How long a place in the line lasts unless its owner asks again: some questions may go astray. */
const PLACE_MS = 10_000;

/** Whoever waits anyhow goes on waiting: the cluster may be back before its time is over. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["NO_LEADER", "NOT_LEADER", "BUSY", "STOPPING", "FENCED", "UNREACHABLE", "TIMEOUT", "LOST", "SESSION_EXPIRED"]);

/** What the lock is asked for with. */
export interface LeaseOptions {
  /** The operations, each to be done within `timeoutMs`; what `signal` ends may still be done. */
  readonly locks: (timeoutMs: number, signal?: AbortSignal) => Pick<LockMethods, "acquire" | "renew" | "release" | "leave">;
  readonly clock: Clock;
  readonly name: string;
  readonly owner: string;
  readonly ttlMs: number;
  /** How long one question may take. */
  readonly timeoutMs: number;
  /** Calls `changed` as soon as it listens, and whenever the lock changes hands; ends when it hears no more. */
  readonly listen?: (changed: () => void, signal: AbortSignal) => Promise<void>;
}

/** A lock that was granted. */
export interface Held {
  readonly token: number;
  /** When the lease began, at the earliest, by the monotonic clock. */
  readonly sinceMs: number;
}

/** The lock is lost, or may be. */
export interface Loss {
  readonly why: string;
  /** By when nothing may be done under it any more, by the monotonic clock. */
  readonly overMs: number;
}

/**
 * Asks for the lock until it is granted.
 *
 * @param waitMs how long, 0: once; null: as long as it takes
 * @returns the lock, or who has it after `waitMs`; null if `signal` was given
 * @throws DraftError what the first question met; later ones only what waiting does not mend
 */
export async function acquireLock(options: LeaseOptions, waitMs: number | null, signal: AbortSignal): Promise<Held | string | null> {
  const bell = new Bell(options.listen ?? null);
  try {
    return await askUntilGranted(options, bell, waitMs, signal);
  } finally {
    bell.end();
  }
}

async function askUntilGranted(options: LeaseOptions, bell: Bell, waitMs: number | null, signal: AbortSignal): Promise<Held | string | null> {
  const { clock } = options;
  const endMs = clock.monotonicMs() + (waitMs ?? Number.POSITIVE_INFINITY);
  let [wasAnswered, inTheWay] = [false, "slow answers"];
  for (let againMs = AGAIN_FIRST_MS; !signal.aborted; againMs = Math.min(2 * againMs, bell.isListening ? AGAIN_LISTENING_MS : AGAIN_LAST_MS)) {
    const sinceMs = clock.monotonicMs();
    try {
      const { name, owner, ttlMs, timeoutMs } = options;
      const answer = await options.locks(timeoutMs, signal).acquire(name, owner, ttlMs, waitMs === 0 ? 0 : PLACE_MS);
      wasAnswered = true;
      const isFresh = clock.monotonicMs() - sinceMs < ttlMs * RENEW_AT;
      if (answer.granted && isFresh) return { token: answer.token, sinceMs };
      // An answer that was long on its way leaves too little of the lease: asked again, it begins anew.
      if (!answer.granted) inTheWay = answer.owner;
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof DraftError) || !wasAnswered || !PASSING.has(error.code)) throw error;
    }
    const leftMs = endMs - clock.monotonicMs();
    if (leftMs <= 0) return inTheWay;
    bell.begin();
    await bell.pause(clock, Math.min(againMs, leftMs), signal);
  }
  return null;
}

/** Rings when the lock may be had: who waits asks then, and not when the time to ask again has come. */
class Bell {
  readonly #listen: LeaseOptions["listen"] | null;
  readonly #over: AbortController = new AbortController();
  #ring: AbortController = new AbortController();
  #hasBegun = false;
  /** Whether it hears. */
  isListening = false;

  constructor(listen: LeaseOptions["listen"] | null) {
    this.#listen = listen;
  }

  /** Listens from now on; without an ear, or once that is deaf, time alone passes. */
  begin(): void {
    if (this.#hasBegun || this.#listen === null || this.#listen === undefined) return;
    this.#hasBegun = true;
    // What it has not heard may have happened.
    const ended = (): void => {
      this.isListening = false;
      this.#ring.abort();
    };
    this.#listen(() => {
      this.isListening = true;
      this.#ring.abort();
    }, this.#over.signal).then(ended, ended);
  }

  /** Waits; not if it has rung since the last time, and no longer once it rings. */
  async pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
    await pause(clock, delayMs, AbortSignal.any([signal, this.#ring.signal]));
    if (this.#ring.signal.aborted) this.#ring = new AbortController();
  }

  end(): void {
    this.#over.abort();
  }
}

/**
 * Renews the lock until `signal` is given.
 *
 * @returns how it was lost; null if it was not
 */
export async function keepLease({ locks, clock, name, ttlMs }: LeaseOptions, held: Held, signal: AbortSignal): Promise<Loss | null> {
  let { sinceMs } = held;
  let failure = "no answer came in time";
  let nextMs = sinceMs + ttlMs * RENEW_AT;
  for (;;) {
    await pause(clock, nextMs - clock.monotonicMs(), signal);
    if (signal.aborted) return null;
    const askedMs = clock.monotonicMs();
    const leftMs = Math.floor(sinceMs + ttlMs * LOST_AT - askedMs);
    const overMs = sinceMs + ttlMs * OVER_AT;
    if (leftMs <= 0) return { why: `it could not be renewed: ${failure}`, overMs };
    try {
      await locks(leftMs, signal).renew(name, held.token, ttlMs);
      sinceMs = askedMs;
      nextMs = sinceMs + ttlMs * RENEW_AT;
    } catch (error) {
      if (signal.aborted) return null;
      if (!(error instanceof DraftError)) throw error;
      const isGone = error.code === "CONFLICT";
      if (isGone) return { why: error.message, overMs: Math.min(overMs, clock.monotonicMs() + ttlMs * (OVER_AT - LOST_AT)) };
      failure = error.message;
      nextMs = Math.min(clock.monotonicMs() + AGAIN_FIRST_MS, sinceMs + ttlMs * LOST_AT);
    }
  }
}

/** Waits; less long if `signal` is given. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || delayMs <= 0) return resolve();
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimer(delayMs, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
