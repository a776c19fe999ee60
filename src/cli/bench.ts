/**
 * `draft bench`: how many operations a cluster does, and how long each takes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { build } from "hdr-histogram-js";
import { connect } from "../client/client.ts";
import { type LoadOptions, runLoad } from "./bench_load.ts";
import { addressesFrom, CONNECT_OPTION, LEVEL_OPTION } from "./client_options.ts";
import { DevCluster, leaderOf } from "./dev_cluster.ts";
import type { Io } from "./io.ts";
import type { Leaf, Options, Parsed } from "./leaf.ts";

const NODES = 3;
const KEY_PREFIX = "draft-bench/";
const KEYS_MAX = 10_000;

/** A cluster that somebody uses is warm, and is not to be written to more than was asked for. */
const WARM_UP_OPS_MAX = 50_000;

/** Nodes that were just started compile what runs often while they run: they are measured as they are after that. */
const OWN_WARM_UP = { connections: 16, inflight: 16, opsMax: 200_000 } as const;

/** Longer values are warmed up with as they are measured with: many of them at once would be another load. */
const WARM_UP_VALUE_BYTES_MAX = 4096;

const DELETE_KEYS = 500;
const PROGRESS_MS = 250;

/** The command. */
export const benchLeaf: Leaf = {
  words: ["bench"],
  usage: "",
  summary: "measures a cluster; without -c, one of three nodes that it starts for this",
  options: [
    { ...CONNECT_OPTION, default: "three nodes of its own on fresh directories" },
    { raw: "--operation <operation>", description: "write or read", default: "write" },
    LEVEL_OPTION,
    { raw: "--sessions", description: "write under sessions, as draft client and the library do" },
    { raw: "--connections <n>", description: "connections", default: "16" },
    { raw: "--inflight <n>", description: "requests in flight on each", default: "16" },
    { raw: "--ops <n>", description: "operations in all", default: "100000" },
    { raw: "--key-bytes <n>", description: `bytes of a key, which begins with ${KEY_PREFIX}`, default: "16" },
    { raw: "--value-bytes <n>", description: "bytes of a value", default: "100" },
    { raw: "--warm-up <n>", description: "operations before those that count", default: "of own nodes twice --ops, at most 200000; else --ops, at most 50000" },
    { raw: "--json", description: "one line of JSON" },
  ],
  positionals: { min: 0, max: 0 },
  examples: ["draft bench", "draft bench --operation read --connections 64", "draft bench -c 127.0.0.1:7101 --json"],
  run: bench,
};

async function bench({ options }: Parsed, io: Io): Promise<number> {
  if (options.has("connect")) return measure(addressesFrom(options, io.env), true, options, io);
  const data = mkdtempSync(join(tmpdir(), "draft-bench-"));
  const cluster = new DevCluster({ ports: await freePorts(NODES), data, machines: ["kv"], guarded: false });
  const onSignal = (): void => void cluster.stop().then(() => rmSync(data, { recursive: true, force: true }));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    await cluster.start();
    return await measure(cluster.addresses, false, options, io);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    await cluster.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

async function measure(addresses: readonly string[], cleanUp: boolean, options: Options, io: Io): Promise<number> {
  const upTo = (name: string, otherwise: number, to: number): number => options.number(name, { otherwise, from: 1, to });
  const operation = options.choice("operation", ["write", "read"]);
  const level = options.choice("level", ["linearizable", "lease", "stale"]);
  const connections = upTo("connections", 16, 10_000);
  const inflight = upTo("inflight", 16, 100_000);
  const ops = upTo("ops", 100_000, 1_000_000_000);
  const keys = keysOf(options.number("key-bytes", { otherwise: 16, from: KEY_PREFIX.length + 1, to: 4096 }), ops);
  const value = "v".repeat(options.number("value-bytes", { otherwise: 100, from: 0, to: 8_000_000 }));
  await using client = connect(addresses, { name: "draft bench" });
  const leader = await leaderOf(client);
  const members = [...(await client.members()).members];
  const nodes = members.sort((a, b) => Number(b.id === leader) - Number(a.id === leader)).map(({ address }) => address);
  // Stale reads are any node's to answer; everything else is the leader's in the end.
  const spread = operation === "read" && level === "stale";
  const load: LoadOptions = { addresses: nodes, spread, operation, sessions: options.has("sessions"), level, connections, inflight, ops, keys, value, measured: () => {} };
  // Keys exist and code is warm before anything is measured.
  const warmUp = warmUpOf(load, { isOwn: !cleanUp, asked: options.number("warm-up", { otherwise: -1, from: 0, to: 1_000_000_000 }) });
  if (operation === "read") await runLoad({ ...load, operation: "write", ops: keys.length });
  if (warmUp.ops > 0) await runLoad(warmUp);
  const report = await record(load, io);
  if (cleanUp) {
    for (let i = 0; i < keys.length; i += DELETE_KEYS) await client.write(["del", ...keys.slice(i, i + DELETE_KEYS)]);
  }
  const summary = { operation, connections, inflight, ops, ...report.line };
  io.out(options.has("json") ? JSON.stringify(summary) : [headline(summary), ...report.histogram].join("\n"));
  return report.line.errors < ops ? 0 : 1;
}

/** What is done before anything is measured. */
function warmUpOf(load: LoadOptions, { isOwn, asked }: { isOwn: boolean; asked: number }): LoadOptions {
  const isAsMeasured = !isOwn || load.value.length > WARM_UP_VALUE_BYTES_MAX;
  const usual = isAsMeasured ? Math.min(load.ops, WARM_UP_OPS_MAX) : Math.min(2 * load.ops, OWN_WARM_UP.opsMax);
  const ops = asked >= 0 ? asked : usual;
  const { connections, inflight } = OWN_WARM_UP;
  return isAsMeasured ? { ...load, ops } : { ...load, connections, inflight, ops };
}

interface Measured {
  readonly errors: number;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** Latencies are kept in microseconds, exact to three digits. */
async function record(load: LoadOptions, io: Io): Promise<{ line: Measured; histogram: string[] }> {
  const histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  const atMs = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  const beganMs = performance.now();
  const progress = setInterval(() => {
    if (!io.errorIsTerminal) return;
    const rate = Math.round(histogram.totalCount / (performance.now() - beganMs) * 1000);
    io.errRaw(`\r${histogram.totalCount} of ${load.ops}  ${rate}/s  p50 ${atMs(50)} ms  p99 ${atMs(99)} ms   `);
  }, PROGRESS_MS);
  try {
    const { done, errors, lastError, elapsedMs } = await runLoad({
      ...load,
      measured: (ms) => histogram.recordValue(Math.max(1, Math.round(ms * 1000))),
    });
    if (lastError !== null) io.err(`the last of ${errors} errors: ${lastError.code} ${lastError.message}`);
    const line = {
      errors,
      opsPerSecond: Math.round(done / elapsedMs * 1000),
      p50Ms: atMs(50),
      p99Ms: atMs(99),
      p999Ms: atMs(99.9),
    };
    const rows = [0, 50, 75, 90, 99, 99.9, 99.99, 100].map((p) => `  p${String(p).padEnd(6)} ${atMs(p).toFixed(3)} ms`);
    return { line, histogram: rows };
  } finally {
    clearInterval(progress);
    if (io.errorIsTerminal) io.errRaw("\r\x1b[K");
  }
}

function headline(summary: Measured & { operation: string; connections: number; inflight: number; ops: number }): string {
  const { operation, connections, inflight, ops, errors, opsPerSecond } = summary;
  const load = `${ops} ${operation}s, ${connections} connections with ${inflight} in flight each`;
  return `${load}: ${opsPerSecond} a second${errors === 0 ? "" : `, ${errors} errors`}`;
}

function keysOf(keyBytes: number, ops: number): string[] {
  const digits = keyBytes - KEY_PREFIX.length;
  const count = Math.min(KEYS_MAX, ops, digits < 5 ? 10 ** digits : KEYS_MAX);
  return Array.from({ length: count }, (_, i) => KEY_PREFIX + String(i).padStart(digits, "0"));
}

/** Ports that nobody listens on at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () =>
    new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
      const server = createServer().on("error", reject);
      server.listen(0, "127.0.0.1", () => resolve(server));
    })));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
