/**
 * What many watchers cost the node that they are on, a follower, while writes flow at a steady rate: its memory, how long
 * its loop stood still, how late a change is heard, and whether each watcher heard each change once and in order. They
 * come by draft's own protocol and by server-sent events; each has keys of its own, so that a change is one watcher's, or
 * all have the same, so that it is everybody's (a tenth of the rate then).
 */
import { build } from "hdr-histogram-js";
import { type Client, connect } from "../../src/client/client.ts";
import { TestCluster, type TestNode, until } from "../../test/e2e/processes.ts";
import { dial } from "./http_load.ts";
import { StallMeter } from "./stall_meter.ts";
import { MIB, residentBytes } from "./usage.ts";
import type { Outcome, Say, WeighOptions } from "./weigh.ts";

const OPEN_AT_ONCE = 100;
const FAN_OUT_PART = 10;

/** Hears changes of one prefix. */
interface Watcher {
  heard: number;
  close(): void;
}

/** Told of each change that a watcher hears: the number that was written. */
type Heard = (watcher: Watcher, number: number) => void;

type Door = (node: TestNode, client: Client, prefix: string, heard: Heard) => Promise<Watcher>;

const DOORS: Readonly<Record<string, Door>> = { client: watchByClient, http: watchByHttp };

/** @returns for each way of watching what the node took, and how late changes were heard */
export async function weighWatch(options: WeighOptions, say: Say): Promise<Outcome> {
  const { keys: count, rate, seconds } = options;
  const meter = new StallMeter(options);
  await using cluster = await TestCluster.start({ program: (at) => meter.program(at) });
  const leader = await cluster.leader();
  const [follower] = cluster.others(leader) as [TestNode];
  await using writing = cluster.client(30_000);
  const figures: Record<string, number | string> = {};
  let isSound = true;
  const idle = await run({ node: follower, writing, prefixes: ["w/"], rate, seconds }, meter);
  figures["nobody"] = text(idle);
  say(`nobody: ${text(idle)}`);
  for (const [door, open] of Object.entries(DOORS)) {
    for (const isShared of [false, true]) {
      const prefixes = isShared ? ["w/"] : Array.from({ length: count }, (_, at) => `w/${at}/`);
      await using watching = connect(follower.address, { timeoutMs: 30_000 });
      const watchers: Watcher[] = [];
      const late = build({ numberOfSignificantValueDigits: 3 });
      let wrong = 0;
      const heard: Heard = (watcher, number) => {
        const { every, sentMs } = written;
        if (number !== watcher.heard * every + (isShared ? 0 : watchers.indexOf(watcher))) wrong += 1;
        watcher.heard += 1;
        late.recordValue(Math.max(1, Math.round((performance.now() - (sentMs.get(number) ?? 0)) * 1000)));
      };
      const written: Written = { every: isShared ? 1 : count, sentMs: new Map() };
      for (let at = 0; at < count; at += OPEN_AT_ONCE) {
        watchers.push(...await Promise.all(Array.from({ length: Math.min(OPEN_AT_ONCE, count - at) }, (_, more) =>
          open(follower, watching, prefixes[isShared ? 0 : at + more] ?? "", heard))));
      }
      const result = await run({ node: follower, writing, prefixes, rate: isShared ? rate / FAN_OUT_PART : rate, seconds, written }, meter);
      const wanted = isShared ? result.writes * count : result.writes;
      await until("all is heard", () => watchers.reduce((sum, each) => sum + each.heard, 0) >= wanted, 30_000);
      for (const each of watchers) each.close();
      const total = watchers.reduce((sum, each) => sum + each.heard, 0);
      isSound &&= wrong === 0 && total === wanted;
      const name = `${count} ${door} ${isShared ? "together" : "apart"}`;
      figures[name] = `${text(result)}; heard ${total} of ${wanted}, p50 ${(late.getValueAtPercentile(50) / 1000).toFixed(1)} p99 ${(late.getValueAtPercentile(99) / 1000).toFixed(1)} ms behind the write`;
      say(`${name}: ${String(figures[name])}`);
    }
  }
  return { isSound, figures };
}

/** Which numbers are written, and when each was sent. */
interface Written {
  /** A watcher hears one of so many. */
  readonly every: number;
  readonly sentMs: Map<number, number>;
}

interface Run {
  readonly node: TestNode;
  readonly writing: Client;
  readonly prefixes: readonly string[];
  readonly rate: number;
  readonly seconds: number;
  readonly written?: Written;
}

interface Ran {
  readonly writes: number;
  readonly memoryBytes: number;
  readonly longestStallMs: number;
  readonly p99Ms: number;
}

/** Writes numbers at a steady rate, to the prefixes in turn. */
async function run({ node, writing, prefixes, rate, seconds, written }: Run, meter: StallMeter): Promise<Ran> {
  const took = build({ numberOfSignificantValueDigits: 3 });
  const beganMs = performance.now();
  const writes: Promise<void>[] = [];
  let memoryBytes = 0;
  await meter.take([node]);
  for (let number = 0; number < rate * seconds; number++) {
    const dueMs = beganMs + number / rate * 1000;
    while (performance.now() < dueMs) await new Promise((resolve) => setTimeout(resolve, Math.max(1, dueMs - performance.now())));
    written?.sentMs.set(number, performance.now());
    writes.push(writing.run(["set", `${prefixes[number % prefixes.length] ?? ""}key`, String(number)]).then(() => took.recordValue(Math.round((performance.now() - dueMs) * 1000))));
    if (number % 100 === 0) memoryBytes = Math.max(memoryBytes, residentBytes(node.running?.pid ?? 0));
  }
  await Promise.all(writes);
  const stalls = (await meter.take([node])).get(node.id);
  return { writes: writes.length, memoryBytes, longestStallMs: stalls?.longestMs ?? 0, p99Ms: took.getValueAtPercentile(99) / 1000 };
}

function text({ writes, memoryBytes, longestStallMs, p99Ms }: Ran): string {
  return `${Math.round(memoryBytes / MIB)} MiB, longest stall ${longestStallMs.toFixed(1)} ms; ${writes} writes, p99 ${p99Ms.toFixed(1)} ms`;
}

async function watchByClient(_node: TestNode, client: Client, prefix: string, heard: Heard): Promise<Watcher> {
  const stop = new AbortController();
  const watcher: Watcher = { heard: 0, close: () => stop.abort() };
  const begun = Promise.withResolvers<void>();
  const follow = async (): Promise<void> => {
    for await (const { value } of client.watch(prefix, { signal: stop.signal, heard: () => begun.resolve() })) heard(watcher, Number(value));
  };
  follow().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  await begun.promise;
  return watcher;
}

async function watchByHttp(node: TestNode, _client: Client, prefix: string, heard: Heard): Promise<Watcher> {
  const socket = dial(node.address);
  const watcher: Watcher = { heard: 0, close: () => void socket.destroy() };
  let text = "";
  await new Promise<void>((resolve, reject) => {
    socket.setEncoding("latin1").on("error", reject).on("connect", () => socket.write(`GET /v1/watch?prefix=${prefix} HTTP/1.1\r\nhost: localhost\r\n\r\n`));
    socket.on("data", (part: string) => {
      text += part;
      const end = text.lastIndexOf("\n\n");
      if (end < 0) return;
      if (text.includes("event: progress")) resolve();
      for (const [, number] of text.slice(0, end).matchAll(/"value":"(\d+)"/g)) heard(watcher, Number(number));
      text = text.slice(end + 2);
    });
  });
  return watcher;
}
