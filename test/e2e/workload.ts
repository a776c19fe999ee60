/**
 * Writers and readers that note what they were told of each operation, and the check of what the cluster holds against
 * it: what was acknowledged is there, what was refused is not, what is unknown may be either.
 */
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { type Client, connect } from "../../src/client/client.ts";
import type { Connection } from "../../src/client/connection.ts";
import { openConnection } from "../../src/client/open_connection.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import type { Command } from "../../src/machine/machine.ts";
import { sleep } from "./processes.ts";

/** Between two operations of one lane: bounds how much there is to check in the end. */
const PAUSE_MS = 2;
const TIMEOUT_MS = 3000;
const COUNTERS = 4;
const LANES_EACH = 3;

/** What a writer was told. */
type Told = "acked" | "not-done" | "unknown";

/** Runs commands somewhere. */
interface Door {
  write(command: Command): Promise<unknown>;
  read(command: Command): Promise<unknown>;
  close(): Promise<void>;
}

/** A door that always goes to the same node, which forwards, and that never tries again. */
class FixedDoor implements Door {
  readonly #address: string;
  #connection: Connection | null = null;

  constructor(address: string) {
    this.#address = address;
  }

  async write(command: Command): Promise<unknown> {
    const connection = await this.#open();
    const envelope = new Uint8Array(encodeCommand(command));
    return new Promise((resolve, reject) => connection.write("main", envelope, TIMEOUT_MS, (error, _, result) => {
      if (error === null) resolve(result);
      else reject(error);
    }));
  }

  async read(command: Command): Promise<unknown> {
    const connection = await this.#open();
    const options = { level: "linearizable", minIndex: 0, timeoutMs: TIMEOUT_MS } as const;
    return new Promise((resolve, reject) => connection.read("main", command, options, (error, _, result) => {
      if (error === null) resolve(result);
      else reject(error);
    }));
  }

  close(): Promise<void> {
    this.#connection?.close();
    return Promise.resolve();
  }

  #open(): Promise<Connection> {
    if (this.#connection?.isOpen === true) return Promise.resolve(this.#connection);
    const options = { clientName: "e2e", clusterId: "", forwarded: false, openTimeoutMs: 1000 };
    return new Promise((resolve, reject) => openConnection(createNodeHost(silentLog), this.#address, options, (error, connection) => {
      if (connection === null) return reject(error ?? new Error("neither connection nor error"));
      this.#connection = connection;
      resolve(connection);
    }));
  }
}

function clientDoor(client: Client): Door {
  return {
    write: async (command) => (await client.write(command, { timeoutMs: TIMEOUT_MS })).result,
    read: async (command) => (await client.read(command, { timeoutMs: TIMEOUT_MS })).result,
    close: () => client.close(),
  };
}

/** What is known of one counter. */
interface Counter {
  readonly key: string;
  acked: number;
  unknown: number;
  /** The greatest value that any answer has told so far: no later read or write may tell less. */
  floor: number;
  readonly answers: Set<number>;
}

/** Operations that run until they are stopped. */
export class Workload {
  readonly #counters: Counter[] = Array.from({ length: COUNTERS }, (_, i) => ({
    key: `counter/${i}`, acked: 0, unknown: 0, floor: 0, answers: new Set(),
  }));
  readonly #values: Map<string, Told> = new Map();
  readonly told: Record<Told, number> = { acked: 0, "not-done": 0, unknown: 0 };
  /** Codes of the errors, and how often. */
  readonly codes: Map<string, number> = new Map();
  reads = 0;
  /** The longest that a writer that follows the leader went without an acknowledged write, in milliseconds. */
  longestGapMs = 0;
  readonly #doors: Door[] = [];
  readonly #lanes: Promise<void>[];
  #stopped = false;

  /** Starts: writers that stay at each address, some that follow the leader, and readers of both kinds. */
  constructor(addresses: readonly string[]) {
    const fixed = (i: number): Door => this.#keep(new FixedDoor(addresses[i % addresses.length] as string));
    const following = (): Door => this.#keep(clientDoor(connect(addresses, { timeoutMs: TIMEOUT_MS })));
    const fixedLanes = addresses.length * LANES_EACH;
    this.#lanes = [
      ...Array.from({ length: fixedLanes }, (_, lane) => this.#write(fixed(lane), lane, false)),
      ...Array.from({ length: LANES_EACH }, (_, lane) => this.#write(following(), fixedLanes + lane, true)),
      ...addresses.map((_, i) => this.#read(fixed(i))),
      this.#read(following()),
    ];
  }

  #keep(door: Door): Door {
    this.#doors.push(door);
    return door;
  }

  /** Ends when every operation has got its answer. A violation that a lane met fails here. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
    await Promise.all(this.#doors.map((door) => door.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled(this.#lanes);
    await Promise.all(this.#doors.map((door) => door.close()));
  }

  async #write(door: Door, lane: number, follows: boolean): Promise<void> {
    let lastMs = performance.now();
    for (let n = 0; !this.#stopped; n++) {
      const acked = n % 2 === 0 ? await this.#increment(door, (lane + n) % COUNTERS) : await this.#set(door, `value/${lane}/${n}`);
      const nowMs = performance.now();
      if (acked && follows) this.longestGapMs = Math.max(this.longestGapMs, nowMs - lastMs);
      if (acked) lastMs = nowMs;
      await sleep(acked ? PAUSE_MS : 10 * PAUSE_MS);
    }
  }

  async #increment(door: Door, at: number): Promise<boolean> {
    const counter = this.#counters[at] as Counter;
    const { floor } = counter;
    let value: unknown;
    const told = await this.#tell(async () => (value = await door.write(["incr", counter.key])));
    if (told === "unknown") counter.unknown += 1;
    if (told !== "acked") return false;
    counter.acked += 1;
    assert.ok(typeof value === "number" && value > floor, `${counter.key} was ${floor} before incr, which answered ${String(value)}`);
    assert.not.ok(counter.answers.has(value), `two incr of ${counter.key} answered ${value}`);
    counter.answers.add(value);
    counter.floor = Math.max(counter.floor, value);
    return true;
  }

  async #set(door: Door, key: string): Promise<boolean> {
    const told = await this.#tell(() => door.write(["set", key, `of ${key}`]));
    this.#values.set(key, told);
    return told === "acked";
  }

  async #tell(operation: () => Promise<unknown>): Promise<Told> {
    let told: Told = "acked";
    try {
      await operation();
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      assert.is.not(error.outcome, "done", error.message);
      told = error.outcome === "unknown" ? "unknown" : "not-done";
      const key = `${error.code} ${told}`;
      this.codes.set(key, (this.codes.get(key) ?? 0) + 1);
    }
    this.told[told] += 1;
    return told;
  }

  /** A counter that is read never falls, and is never below what a writer was told before. */
  async #read(door: Door): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const counter = this.#counters[n % COUNTERS] as Counter;
      const { floor } = counter;
      try {
        const value = Number(await door.read(["get", counter.key]) ?? 0);
        assert.ok(value >= floor, `${counter.key} was ${floor} before a linearizable read, which answered ${value}`);
        counter.floor = Math.max(counter.floor, value);
        this.reads += 1;
        await sleep(PAUSE_MS);
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        assert.is(error.outcome, "not-done", `a read: ${error.code} ${error.message}`);
        await sleep(10 * PAUSE_MS);
      }
    }
  }

  /** Compares what the cluster holds with what was told. */
  async check(client: Client): Promise<void> {
    for (const { key, acked, unknown, floor } of this.#counters) {
      const value = Number((await client.read(["get", key])).result ?? 0);
      assert.ok(acked <= value && value <= acked + unknown, `${key}: ${value}, acknowledged ${acked}, unknown ${unknown}`);
      assert.ok(value >= floor, `${key}: ${value}, an answer told ${floor}`);
    }
    const keys = [...this.#values.keys()];
    for (let at = 0; at < keys.length; at += 500) {
      const some = keys.slice(at, at + 500);
      const found = (await client.read(["mget", ...some])).result as (string | null)[];
      some.forEach((key, i) => this.#checkValue(key, found[i] ?? null));
    }
  }

  #checkValue(key: string, found: string | null): void {
    const told = this.#values.get(key);
    if (found !== null) assert.is(found, `of ${key}`);
    if (told === "acked") assert.ok(found !== null, `${key} was acknowledged and is lost`);
    if (told === "not-done") assert.ok(found === null, `${key} was told to be definitely not done and is there`);
  }

  /** One line for the report. */
  summary(): string {
    const codes = [...this.codes].map(([code, count]) => `${code} ${count}`).join(", ");
    const { acked, unknown } = this.told;
    return `${acked} acknowledged, ${this.told["not-done"]} not done, ${unknown} unknown, ${this.reads} reads, ` +
      `longest gap ${Math.round(this.longestGapMs)} ms (${codes})`;
  }
}
