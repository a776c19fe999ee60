/** Writers that note what was acknowledged, one node's or a cluster's, and the check that all of it is there. */
import * as assert from "uvu/assert";
import { DraftError } from "../../../src/base/errors.ts";
import { type Client, connect } from "../../../src/client/client.ts";
import { sleep } from "../processes.ts";

/** What a refused writer waits. */
const PAUSE_MS = 5;

/** How many keys one read asks for. */
const READ_KEYS = 500;

/** Writes on until it is stopped, each key once. */
export class Acknowledged {
  /** Keys whose write was acknowledged, in that order. */
  readonly keys: string[] = [];
  /** Codes of the errors, and how often. */
  readonly codes: Map<string, number> = new Map();
  readonly refused: Set<string> = new Set();
  readonly #value: string;
  readonly #client: Client;
  readonly #lanes: Promise<void>[];
  #isStopped = false;

  /** @param valueBytes of each write */
  constructor(addresses: readonly string[], { lanes = 4, valueBytes = 10, timeoutMs = 2_000 }: { readonly lanes?: number; readonly valueBytes?: number; readonly timeoutMs?: number } = {}) {
    this.#value = "v".repeat(valueBytes);
    this.#client = connect(addresses, { timeoutMs });
    this.#lanes = Array.from({ length: lanes }, (_, lane) => this.#write(lane));
  }

  /** Ends when every write has its answer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#lanes);
    await this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #write(lane: number): Promise<void> {
    for (let n = 0; !this.#isStopped; n++) {
      const key = `${lane}/${n}`;
      try {
        await this.#client.write(["set", key, this.#value]);
        this.keys.push(key);
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        const what = `${error.code} ${error.outcome}`;
        this.codes.set(what, (this.codes.get(what) ?? 0) + 1);
        if (error.outcome === "not-done") this.refused.add(key);
        await sleep(PAUSE_MS);
      }
    }
  }

  /** Compares what the cluster holds with what it said: the keys acknowledged before `count` more were. */
  async check(address: string, count: number = this.keys.length): Promise<void> {
    await using client = connect(address, { timeoutMs: 10_000 });
    const all = [...this.keys.slice(0, count), ...this.refused];
    for (let at = 0; at < all.length; at += READ_KEYS) {
      const some = all.slice(at, at + READ_KEYS);
      const found = (await client.read(["mget", ...some])).result as (string | null)[];
      for (const [i, key] of some.entries()) {
        if (this.refused.has(key)) assert.is(found[i], null, `${key} was told to be definitely not done and is there`);
        else assert.is(found[i], this.#value, `${key} was acknowledged and is lost`);
      }
    }
  }

  /** One line for the report. */
  summary(): string {
    const codes = [...this.codes].map(([code, count]) => `${code} ${count}`).join(", ");
    return `${this.keys.length} acknowledged${codes === "" ? "" : ` (${codes})`}`;
  }
}
