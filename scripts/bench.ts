/**
 * How fast draft is on this machine: writes and linearizable reads at several numbers of requests in flight, three nodes
 * of their own each time, and with --floor what a bare replicated append does in the same run, since figures of two runs
 * on a shared machine compare little.
 *
 *   npm run bench [-- --rounds 3] [--ops 100000] [--floor FILE]
 *
 * FILE is a program that takes --conns, --inflight (per connection) and --ops, and prints a JSON line with opsPerSecond.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";

/** One way of asking: connections, and requests in flight on each. */
interface Load {
  readonly connections: number;
  readonly inflight: number;
}

const LOADS: readonly Load[] = [
  { connections: 1, inflight: 1 },
  { connections: 16, inflight: 4 },
  { connections: 16, inflight: 16 },
  { connections: 16, inflight: 256 },
];

/** One request at a time: fewer of them tell as much. */
const OPS_ONE_IN_FLIGHT_MAX = 5000;
const RUN_LIMIT_MS = 300_000;

/** What one run measured. */
interface Figures {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms?: number;
}

/** Runs a program of this runtime to its end and gives the last line of its output as JSON. */
function run(args: readonly string[]): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const child = spawn("bun", args, { stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill(), RUN_LIMIT_MS);
    let output = "";
    let errors = "";
    child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(JSON.parse(output.trim().split("\n").at(-1) ?? "") as Figures);
      else reject(new Error(`bun ${args.join(" ")} ended with ${code}: ${errors}`));
    });
  });
}

function draft(operation: "write" | "read", { connections, inflight }: Load, ops: number): Promise<Figures> {
  return run([
    "src/cli/main.ts", "bench", "--json", "--operation", operation, "--ops", String(ops),
    "--connections", String(connections), "--inflight", String(inflight),
  ]);
}

function floor(file: string, { connections, inflight }: Load, ops: number): Promise<Figures> {
  return run([file, "--conns", String(connections), "--inflight", String(inflight), "--ops", String(ops)]);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, i) => (i < 1 ? String(cell).padEnd(7) : String(cell).padStart(i < 2 ? 10 : 11))).join("");
}

/** Medians of several rounds of one load. */
async function measure(operation: "write" | "read", load: Load, options: { ops: number; rounds: number; floorFile: string | undefined }): Promise<string> {
  const inflight = load.connections * load.inflight;
  const ops = inflight === 1 ? Math.min(options.ops, OPS_ONE_IN_FLIGHT_MAX) : options.ops;
  const figures: Figures[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const ours = await draft(operation, load, ops);
    figures.push(ours);
    if (options.floorFile === undefined || operation === "read") continue;
    const theirs = await floor(options.floorFile, load, ops);
    ratios.push(ours.opsPerSecond / theirs.opsPerSecond);
  }
  const of = (field: keyof Figures): number => median(figures.map((each) => each[field] ?? 0));
  const ratio = ratios.length === 0 ? "" : median(ratios).toFixed(2);
  return row([operation, inflight, of("opsPerSecond"), of("p50Ms"), of("p99Ms"), of("p999Ms"), ratio]);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "1" }, ops: { type: "string", default: "100000" }, floor: { type: "string" } },
  });
  const options = { ops: Number(values.ops), rounds: Number(values.rounds), floorFile: values.floor };
  process.stdout.write(`${row(["", "in flight", "per second", "p50 ms", "p99 ms", "p99.9 ms", options.floorFile === undefined ? "" : "of floor"])}\n`);
  for (const operation of ["write", "read"] as const) {
    for (const load of LOADS) process.stdout.write(`${await measure(operation, load, options)}\n`);
  }
}

await main();
