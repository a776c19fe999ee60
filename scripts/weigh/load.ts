/**
 * Writes at a steady rate, whatever the cluster does meanwhile: the latency of each counts from the moment at which it
 * was due, so that a node that stands still for a second is not measured by the one write that it kept waiting.
 */
import { build, type Histogram } from "hdr-histogram-js";
import { DraftError } from "../../src/base/errors.ts";
import type { Client } from "../../src/client/client.ts";
import type { Command } from "../../src/machine/machine.ts";

const TICK_MS = 2;

/** Writes under way at most: what is due beyond waits, and that counts too. */
const UNDER_WAY_MAX = 2048;

/** Keys of one `mset` that fills: its command stays far below the largest. */
const FILL_BYTES = 256 * 1024;
const FILL_UNDER_WAY = 8;
const SINGLE_UNDER_WAY = 1000;

/** What one window of a load was like. */
export interface Latencies {
  readonly writes: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly longestMs: number;
}

/** Key number `at`, 16 bytes long. */
export function keyOf(at: number): string {
  return `key/${String(at).padStart(12, "0")}`;
}

/** A value of so many bytes that no other round has. */
export function valueOf(round: number, bytes: number): string {
  return `${round} `.padEnd(bytes, "v").slice(0, bytes);
}

/** Which keys are written. */
export interface FillOptions {
  readonly from?: number;
  readonly end: number;
  readonly valueBytes: number;
  /** Other rounds write other values. */
  readonly round?: number;
  /** Each key by a command of its own. */
  readonly single?: boolean;
}

/** Writes all keys `from`..`end` once, many in one command unless they are to be single. */
export async function fill(client: Client, { from = 0, end, valueBytes, round = 0, single = false }: FillOptions): Promise<void> {
  if (single) return fillSingly(client, { from, end, valueBytes, round });
  const each = Math.max(1, Math.floor(FILL_BYTES / (valueBytes + 16)));
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < end) {
      const first = next;
      next = Math.min(end, first + each);
      const command: string[] = [];
      for (let at = first; at < Math.min(end, first + each); at++) command.push(keyOf(at), valueOf(round * 31 + at, valueBytes));
      await client.write(["mset", ...command], { timeoutMs: 60_000 });
    }
  };
  await Promise.all(Array.from({ length: FILL_UNDER_WAY }, lane));
}

async function fillSingly(client: Client, { from, end, valueBytes, round }: Required<Omit<FillOptions, "single">>): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < end; at = next++) await client.write(["set", keyOf(at), valueOf(round * 31 + at, valueBytes)], { timeoutMs: 60_000 });
  };
  await Promise.all(Array.from({ length: SINGLE_UNDER_WAY }, lane));
}

function newHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: 3 });
}

/** What a load is made of. */
export interface LoadOptions {
  /** Writes a second; 0: none until `go` says otherwise. */
  readonly rate: number;
  /** The command number `at`. */
  readonly command: (at: number) => Command;
}

/** A load that goes on until it is stopped. */
export class Load {
  readonly #client: Client;
  readonly #options: LoadOptions;
  #rate: number;
  #beganMs: number = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  #histogram: Histogram = newHistogram();
  #begun = 0;
  /** Use: the first write of the present rate. */
  #first = 0;
  #underWay = 0;
  #errors = 0;
  #idle: (() => void) | null = null;
  #broken: Error | null = null;

  constructor(client: Client, options: LoadOptions) {
    this.#client = client;
    this.#options = options;
    this.#rate = options.rate;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Goes on at `rate` writes a second; 0: at rest. */
  go(rate: number): void {
    this.#rate = rate;
    this.#first = this.#begun;
    this.#beganMs = performance.now();
  }

  /** What was measured since the last call. Writes that are under way belong to the next window. */
  take(): Latencies {
    const histogram = this.#histogram;
    const errors = this.#errors;
    this.#histogram = newHistogram();
    this.#errors = 0;
    const atMs = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
    return { writes: histogram.totalCount, errors, p50Ms: atMs(50), p99Ms: atMs(99), p999Ms: atMs(99.9), longestMs: histogram.maxValue / 1000 };
  }

  /** Ends when each write has its answer; with what one threw, if that was no answer. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    if (this.#broken !== null) throw this.#broken;
  }

  #tick(): void {
    const rate = this.#rate;
    const due = this.#first + Math.floor((performance.now() - this.#beganMs) / 1000 * rate);
    while (this.#begun < due && this.#underWay < UNDER_WAY_MAX) {
      const at = this.#begun++;
      this.#write(at, this.#beganMs + (at - this.#first) / rate * 1000).catch((error: Error) => (this.#broken ??= error));
    }
  }

  async #write(at: number, dueMs: number): Promise<void> {
    this.#underWay += 1;
    try {
      await this.#client.write(this.#options.command(at), { timeoutMs: 30_000 });
      this.#histogram.recordValue(Math.max(1, Math.round((performance.now() - dueMs) * 1000)));
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      this.#errors += 1;
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle?.();
    }
  }
}
