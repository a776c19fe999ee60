/**
 * The load of `draft bench`: connections that each keep a number of requests in flight. Callbacks only, no promise, no
 * closure and no timer per operation, so that the program that measures costs little of what it measures.
 */
import { DraftError } from "../base/errors.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import type { Connection, ConnectionPorts } from "../client/connection.ts";
import type { RequestDone } from "../client/node_connection.ts";
import { openConnection } from "../client/open_connection.ts";
import { WriteSession } from "../client/write_session.ts";
import { encodeCommand } from "../machine/command.ts";
import type { Command } from "../machine/machine.ts";
import { WINDOW } from "../machine/session.ts";
import type { Level } from "../net/client_protocol.ts";

const TIMEOUT_MS = 10_000;
const OPEN_TIMEOUT_MS = 2000;
const REOPEN_MS = 100;

/** One write that waits long keeps the others of its session from beginning. */
const ROOM_MS = 1;

/** A node through which nothing was done for so long, for want of a leader, is left for the next one. */
const LEAVE_MS = 1000;

/** A node that stays away for so long ends the run. */
const GIVE_UP_MS = 15_000;

/** What to measure. */
export interface LoadOptions {
  /** Where to connect. */
  readonly addresses: readonly string[];
  /** Connections begin at different addresses; else at the first, and go on to the next if it fails. */
  readonly spread: boolean;
  readonly operation: "write" | "read";
  /** Whether writes go under sessions, as those of the library's client do. */
  readonly sessions: boolean;
  readonly level: Level;
  readonly connections: number;
  /** Per connection. */
  readonly inflight: number;
  readonly ops: number;
  readonly keys: readonly string[];
  readonly value: string;
  /** One operation went well; how long it took. */
  readonly measured: (elapsedMs: number) => void;
}

/** What came of it. */
export interface LoadResult {
  readonly done: number;
  readonly errors: number;
  /** What went wrong last; null if nothing did. */
  readonly lastError: DraftError | null;
  readonly elapsedMs: number;
}

/** Runs a load to its end. @throws DraftError UNREACHABLE if the nodes stay away */
export function runLoad(options: LoadOptions): Promise<LoadResult> {
  return new Promise((resolve, reject) => new Load(options, resolve, reject).start());
}

class Load {
  readonly options: LoadOptions;
  readonly ports: ConnectionPorts = createNodeHost(silentLog);
  readonly #resolve: (result: LoadResult) => void;
  readonly #reject: (error: Error) => void;
  readonly #lanes: Lane[];
  #beganMs = 0;
  #started = 0;
  #done = 0;
  #errors = 0;
  #lastError: DraftError | null = null;
  #ended = false;

  constructor(options: LoadOptions, resolve: (result: LoadResult) => void, reject: (error: Error) => void) {
    this.options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#lanes = Array.from({ length: options.connections }, (_, i) => new Lane(this, i));
  }

  start(): void {
    this.#beganMs = performance.now();
    for (const lane of this.#lanes) lane.open();
  }

  /** The number of the next operation, or -1 if all were started. */
  next(): number {
    return this.#started < this.options.ops && !this.#ended ? this.#started++ : -1;
  }

  finished(error: DraftError | null, elapsedMs: number): void {
    if (error === null) {
      this.#done += 1;
      this.options.measured(elapsedMs);
    } else {
      this.#errors += 1;
      this.#lastError = error;
    }
    if (this.#done + this.#errors >= this.options.ops) this.#end();
  }

  fail(error: DraftError): void {
    if (this.#ended) return;
    this.#end();
    this.#reject(error);
  }

  get ended(): boolean {
    return this.#ended;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#resolve({ done: this.#done, errors: this.#errors, lastError: this.#lastError, elapsedMs: performance.now() - this.#beganMs });
    for (const lane of this.#lanes) lane.close();
  }
}

/** One connection and its requests. */
class Lane {
  readonly #load: Load;
  readonly #slots: Slot[];
  /** One for as many slots as a session remembers commands; none if it goes without. */
  readonly #sessions: WriteSession[] = [];
  #at: number;
  #connection: Connection | null = null;
  #lostAtMs = 0;
  /** Since when there is no leader to be found through this node; 0: there is one. */
  #leaderlessMs = 0;

  constructor(load: Load, number: number) {
    this.#load = load;
    this.#at = load.options.spread ? number : 0;
    this.#slots = Array.from({ length: load.options.inflight }, (_, i) => new Slot(load, this, i));
  }

  get connection(): Connection | null {
    return this.#connection;
  }

  /** The session of the slot of this number. */
  sessionOf(slot: number): WriteSession | null {
    return this.#sessions[Math.floor(slot / WINDOW)] ?? null;
  }

  /** What came of an operation: a node that was removed, or is cut off, never finds a leader again. */
  answered(error: DraftError | null): void {
    if (error?.code !== "NO_LEADER") {
      this.#leaderlessMs = 0;
      return;
    }
    const nowMs = performance.now();
    if (this.#leaderlessMs === 0) this.#leaderlessMs = nowMs;
    if (nowMs - this.#leaderlessMs < LEAVE_MS) return;
    this.#leaderlessMs = 0;
    this.#connection?.close();
  }

  open(): void {
    if (this.#load.ended) return;
    const { addresses } = this.#load.options;
    const address = addresses[this.#at % addresses.length] ?? "";
    const options = { clientName: "draft bench", clusterId: "", forwarded: false, openTimeoutMs: OPEN_TIMEOUT_MS };
    openConnection(this.#load.ports, address, options, (...[error, connection]) => {
      if (error !== null) this.#failed(error);
      else this.#opened(connection);
    });
  }

  close(): void {
    for (const { id } of this.#sessions) this.#connection?.changeSession("main", { type: "close", session: id }, TIMEOUT_MS, () => {});
    this.#connection?.close();
  }

  #opened(connection: Connection): void {
    if (this.#load.ended) return connection.close();
    this.#lostAtMs = 0;
    connection.onClosed = () => {
      this.#connection = null;
      this.#failed(null);
    };
    this.#openSessions(connection);
  }

  /** Begins when there are as many sessions as it needs. */
  #openSessions(connection: Connection): void {
    const { sessions, operation } = this.#load.options;
    if (!sessions || operation === "read" || this.#sessions.length * WINDOW >= this.#slots.length) {
      this.#connection = connection;
      for (const slot of this.#slots) slot.next();
      return;
    }
    connection.changeSession("main", { type: "open", ordered: false }, TIMEOUT_MS, (error, _, id) => {
      if (error === null) this.#sessions.push(new WriteSession(String(id)));
      if (error === null) this.#openSessions(connection);
      else connection.close();
    });
  }

  #failed(error: DraftError | null): void {
    if (this.#load.ended) return;
    const nowMs = performance.now();
    if (this.#lostAtMs === 0) this.#lostAtMs = nowMs;
    if (nowMs - this.#lostAtMs > GIVE_UP_MS) {
      this.#load.fail(error ?? new DraftError("UNREACHABLE", "the node stays away"));
      return;
    }
    this.#at += 1;
    setTimeout(() => this.open(), REOPEN_MS);
  }
}

/** One request after the other. */
class Slot {
  readonly #load: Load;
  readonly #lane: Lane;
  readonly #number: number;
  #busy = false;
  #beganMs = 0;
  #sequence = 0;

  constructor(load: Load, lane: Lane, number: number) {
    this.#load = load;
    this.#lane = lane;
    this.#number = number;
  }

  next(): void {
    const { connection } = this.#lane;
    if (connection === null || this.#busy) return;
    if (this.#lane.sessionOf(this.#number)?.hasRoom === false) {
      setTimeout(() => this.next(), ROOM_MS);
      return;
    }
    const number = this.#load.next();
    if (number < 0) return;
    const { operation, level, keys, value } = this.#load.options;
    const key = keys[number % keys.length] as string;
    this.#busy = true;
    this.#beganMs = performance.now();
    if (operation === "write") connection.write("main", this.#envelope(["set", key, value]), TIMEOUT_MS, this.#done);
    else connection.read("main", ["get", key], { level, minIndex: 0, timeoutMs: TIMEOUT_MS }, this.#done);
  }

  #envelope(command: Command): Uint8Array {
    const session = this.#lane.sessionOf(this.#number);
    if (session === null) return encodeCommand(command);
    const { sequence, envelope } = session.take(command);
    this.#sequence = sequence;
    return envelope;
  }

  readonly #done: RequestDone = (error) => {
    this.#busy = false;
    if (this.#sequence > 0) this.#lane.sessionOf(this.#number)?.settle(this.#sequence);
    this.#load.finished(error, performance.now() - this.#beganMs);
    this.#lane.answered(error);
    if (error !== null && error.outcome === "not-done") setTimeout(() => this.next(), error.retryAfterMs ?? 10);
    else this.next();
  };
}
