/**
 * A client in a process of its own, for reads at several nodes at once: gets its load as JSON in its argument, says
 * `ready` when it is warm, begins at the first byte of its standard input, and prints what came of it.
 */
import process from "node:process";
import { runLoad } from "../../src/cli/bench_load.ts";

/** What such a client is to do: stale reads at one node. */
export interface Reading {
  readonly address: string;
  readonly connections: number;
  /** Per connection. */
  readonly inflight: number;
  readonly ops: number;
  readonly keys: readonly string[];
}

/** What came of it. */
export interface Read {
  readonly done: number;
  readonly errors: number;
  /** By the clock that all processes of a machine share, in milliseconds. */
  readonly beganMs: number;
  readonly endedMs: number;
  /** Processor time of this client. */
  readonly busyMs: number;
}

async function main({ address, ...load }: Reading): Promise<void> {
  const options = { addresses: [address], spread: false, operation: "read", sessions: false, level: "stale", value: "", measured: () => {}, ...load } as const;
  await runLoad(options);
  process.stdout.write("ready\n");
  await new Promise((resolve) => process.stdin.once("data", resolve));
  const before = process.cpuUsage();
  const beganMs = Date.now();
  const { done, errors } = await runLoad(options);
  const { user, system } = process.cpuUsage(before);
  const read: Read = { done, errors, beganMs, endedMs: Date.now(), busyMs: (user + system) / 1000 };
  process.stdout.write(`${JSON.stringify(read)}\n`);
  process.exit(0);
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "{}") as Reading);
