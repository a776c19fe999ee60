/**
 * Reads of each level beside writes, in the same rounds on the same three nodes: how many a second, and how long nodes are
 * on a processor for one. Stale reads are asked of each node by itself, and of one and of all three at once by clients in
 * processes of their own. What three do together on one machine is bounded by its processors, which clients and nodes
 * share: that bound is told besides. What nodes with processors of their own do together is the sum, for a node that
 * answers one gives the others nothing to do; how much they have to do meanwhile is measured.
 */
import { type LoadOptions, runLoad } from "../../src/cli/bench_load.ts";
import { TestCluster, type TestNode } from "../../test/e2e/processes.ts";
import type { Reading } from "./reader.ts";
import { processorsBound, readTogether, type Together } from "./readers.ts";
import { busyMs } from "./usage.ts";
import { median, type Outcome, programOf, type Say, type WeighOptions } from "./weigh.ts";

const CONNECTIONS = 16;
const INFLIGHTS = [64, 256];
const WARM_UP_ROUNDS = 3;

/** So many times the operations, on few keys that fit into an argument. */
const AT_ONCE_FACTOR = 4;
const AT_ONCE_KEYS = 1000;

interface Kind {
  readonly name: string;
  readonly operation: LoadOptions["operation"];
  readonly level: LoadOptions["level"];
  /** Which node is asked; 0 leads. */
  readonly at: number;
}

const KINDS: readonly Kind[] = [
  { name: "write", operation: "write", level: "linearizable", at: 0 },
  { name: "linearizable", operation: "read", level: "linearizable", at: 0 },
  { name: "lease", operation: "read", level: "lease", at: 0 },
  { name: "stale at the leader", operation: "read", level: "stale", at: 0 },
  { name: "stale at a follower", operation: "read", level: "stale", at: 1 },
  { name: "stale at the other", operation: "read", level: "stale", at: 2 },
];

interface Measured {
  readonly perSecond: number;
  /** Processor time of the node that was asked, and of the two others together, for one operation. */
  readonly askedMicros: number;
  readonly othersMicros: number;
}

/** @returns medians over the rounds, and of the ratios to what was measured in the same round */
export async function weighReads(options: WeighOptions, say: Say): Promise<Outcome> {
  const { keys: ops, valueBytes, rounds } = options;
  await using cluster = await TestCluster.start(programOf(options));
  const leader = await cluster.leader();
  const nodes = [leader, ...cluster.others(leader)];
  const keys = Array.from({ length: ops }, (_, i) => `key-${String(i).padStart(12, "0")}`);
  const load = ({ operation, level, at }: Kind, inflight: number): LoadOptions => ({
    addresses: [(nodes[at] as TestNode).address], spread: false, operation, level, sessions: false,
    connections: CONNECTIONS, inflight: inflight / CONNECTIONS, ops, keys, value: "v".repeat(valueBytes), measured: () => {},
  });
  for (let i = 0; i < WARM_UP_ROUNDS; i++) for (const kind of KINDS) await runLoad(load(kind, 256));
  const figures: Record<string, number | string> = {};
  let errors = 0;
  for (const inflight of INFLIGHTS) {
    const measured = KINDS.map((): Measured[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, kind] of KINDS.entries()) {
        const one = await measure(nodes, kind.at, load(kind, inflight));
        errors += one.errors;
        measured[i]?.push(one);
        say(`${inflight} in flight, ${kind.name}: ${Math.round(one.perSecond)} a second, ${one.askedMicros.toFixed(1)} µs`);
      }
    }
    KINDS.forEach(({ name }, i) => (figures[`${inflight} ${name}`] = told(measured[i] ?? [], measured[0] ?? [])));
    const [atLeader = [], ...atFollowers] = measured.slice(-nodes.length);
    const together = atLeader.map(({ perSecond }, round) => 1 + atFollowers.reduce((sum, each) => sum + (each[round]?.perSecond ?? 0), 0) / perSecond);
    figures[`${inflight} stale, the sum`] = `${median(together).toFixed(2)} of stale at the leader`;
    const reading = (at: number): Reading => {
      const { addresses: [address = ""], connections, inflight: each } = load({ ...(KINDS[3] as Kind), at }, inflight);
      return { address, connections, inflight: each, ops: ops * AT_ONCE_FACTOR, keys: keys.slice(0, AT_ONCE_KEYS) };
    };
    figures[`${inflight} stale at once`] = await atOnce(nodes, reading, rounds, say);
  }
  return { isSound: errors === 0, figures };
}

/** One node asked by one client, then all by one each, round by round. */
async function atOnce(nodes: readonly TestNode[], reading: (at: number) => Reading, rounds: number, say: Say): Promise<string> {
  const ratios: number[] = [];
  const bounds: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = await readTogether([reading(1)]);
    const before = nodes.map(({ running }) => busyMs(running?.pid ?? 0));
    const all: Together = await readTogether(nodes.map((_, at) => reading(at)));
    // The warming up is as many reads again, and none of the clients' time.
    const nodesMs = nodes.reduce((sum, { running }, at) => sum + busyMs(running?.pid ?? 0) - (before[at] ?? 0), 0);
    const nodeMicros = nodesMs / (2 * nodes.length * reading(0).ops) * 1000;
    ratios.push(all.perSecond / one.perSecond);
    bounds.push(processorsBound(all.clientMicros + nodeMicros) / one.perSecond);
    rates.push(all.perSecond);
    say(`stale at once: ${Math.round(one.perSecond)} a second at one, ${Math.round(all.perSecond)} at three; ${nodeMicros.toFixed(1)} µs at the node, ${all.clientMicros.toFixed(1)} at the client`);
  }
  return `${Math.round(median(rates))} a second at three, ${median(ratios).toFixed(2)} of one; the processors here allow ${median(bounds).toFixed(2)}`;
}

async function measure(nodes: readonly TestNode[], at: number, load: LoadOptions): Promise<Measured & { errors: number }> {
  const busy = (): number[] => nodes.map(({ running }) => busyMs(running?.pid ?? 0));
  const before = busy();
  const { done, errors, elapsedMs } = await runLoad(load);
  const micros = busy().map((ms, i) => (ms - (before[i] ?? 0)) / done * 1000);
  const askedMicros = micros[at] ?? 0;
  return { perSecond: done / elapsedMs * 1000, askedMicros, othersMicros: micros.reduce((sum, each) => sum + each, -askedMicros), errors };
}

function told(all: readonly Measured[], writes: readonly Measured[]): string {
  const middle = (of: (each: Measured, i: number) => number): number => median(all.map(of));
  const ofWrites = middle(({ perSecond }, i) => perSecond / (writes[i]?.perSecond ?? perSecond));
  return `${Math.round(middle(({ perSecond }) => perSecond))} a second, ${ofWrites.toFixed(2)} of writes; ` +
    `the node that is asked ${middle(({ askedMicros }) => askedMicros).toFixed(1)} µs each, the others together ${middle(({ othersMicros }) => othersMicros).toFixed(1)}`;
}
