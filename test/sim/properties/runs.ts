/** Runs of both rigs under faults, with all properties on, from one seed each. */
import { chainAfter } from "../../../src/base/entry.ts";
import { nextFloat, nextInRange, type RandomState, seedRandom } from "../../../src/base/random.ts";
import type { Command } from "../../../src/machine/machine.ts";
import type { ReadLevel } from "../../../src/node/node_api.ts";
import type { Message } from "../../../src/raft/message.ts";
import type { LogEntry } from "../../../src/raft/types.ts";
import { SimNodes } from "../../node/sim_nodes.ts";
import { Cores } from "../../raft/cores.ts";
import { GENESIS_CHAIN } from "../../raft/helpers.ts";
import { CoresWatch, NodesWatch } from "./watch.ts";

/** Bare cores: crashes, partitions, loss, duplicates, slow disks, transfers, reads, late messages of earlier boots. */
export function runCores(seed: number, rounds: number = 150): CoresWatch {
  const random = seedRandom(seed);
  const members = [3, 5, 3, 4, 2, 3][seed % 6]!;
  const watch = new CoresWatch();
  const electionMinMs = nextInRange(random, 100, 300);
  const cores = new Cores({
    members, seed, lossPercent: nextInRange(random, 0, 10), duplicatePercent: nextInRange(random, 0, 20),
    delayMs: [1, nextInRange(random, 2, seed % 4 === 0 ? 1500 : 150)], diskMs: [1, nextInRange(random, 2, 120)],
    wakeMs: seed % 2 === 0 ? 20 : null, observer: watch, snapshotEntries: seed % 3 === 0 ? nextInRange(random, 3, 30) : 0,
    config: {
      appendEntriesMax: nextInRange(random, 1, 8), inflightAppendsMax: nextInRange(random, 1, 6),
      // A wide range lets a leader that was cut off believe in itself while the next one commits.
      electionMinMs, electionMaxMs: electionMinMs + nextInRange(random, 50, 1200), uncommittedBytesMax: nextInRange(random, 0, 2) === 0 ? 2000 : 1 << 20,
      pendingReadsMax: nextInRange(random, 0, 2) === 0 ? 5 : 10_000,
    },
  });
  for (let round = 0; round < rounds; round++) {
    const core = cores.core(nextInRange(random, 1, members));
    const leader = cores.leader();
    const action = nextInRange(random, 0, 13);
    if (action === 0) cores.crash(core.number);
    else if (action <= 3 && !core.up) cores.start(core.number);
    else if (action === 4) cut(cores, [core.number]);
    else if (action === 5 && leader !== null) cut(cores, [leader.number, core.number]);
    else if (action === 6) cores.heal();
    else if (action === 7) cores.event(core, { type: "transfer", to: nextInRange(random, 1, members) });
    else if (action <= 9) for (const each of cores.cores) cores.read(each);
    else if (action === 10) cores.event(core, { type: "diskStalled" });
    else for (const each of cores.cores) if (each.state.role === "leader") cores.propose(each, nextInRange(random, 1, 10));
    if (cores.cut.size > 0) for (const each of cores.cores) cores.read(each);
    cores.run(nextInRange(random, 1, 150));
  }
  cores.heal();
  for (const core of cores.cores) if (!core.up) cores.start(core.number);
  Object.assign(cores.options, { lossPercent: 0, delayMs: [1, 5], diskMs: [1, 3], wakeMs: null });
  cores.propose(cores.awaitLeader());
  cores.run(6000);
  for (const property of watch.properties) property.finished?.(watch.members);
  if (!cores.converged()) throw new Error(`seed ${seed} does not converge`);
  return watch;
}

/**
 * A leader that stays, and a follower that crashes again and again. Its disk loses, or a hand edits, the end of its log;
 * its late acknowledgements arrive after it is back.
 */
export function runDamaged(seed: number, damage: "lost" | "edited"): CoresWatch {
  const random = seedRandom(seed);
  const watch = new CoresWatch();
  const cores = new Cores({
    members: 3, seed, delayMs: [1, 400], diskMs: [1, 20], observer: watch,
    config: { electionMinMs: 3000, electionMaxMs: 4000, appendEntriesMax: 4 },
  });
  const leader = cores.awaitLeader(30_000);
  const victim = cores.core(leader.number === 1 ? 2 : 1);
  for (let round = 0; round < 60; round++) {
    cores.propose(leader, nextInRange(random, 1, 6));
    cores.run(nextInRange(random, 1, 120));
    if (round % 5 !== 4) continue;
    cores.crash(victim.number);
    watch.members[victim.number - 1]!.forgiven = true;
    const { entries } = victim.durable;
    const from = Math.max(0, entries.length - nextInRange(random, 1, 8));
    if (damage === "lost") entries.length = from;
    else edit(entries, from);
    victim.durable.hardState = { ...victim.durable.hardState, commitIndex: 0 };
    cores.run(nextInRange(random, 1, 60));
    cores.start(victim.number);
  }
  Object.assign(cores.options, { delayMs: [1, 5] });
  cores.run(5000);
  if (leader.state.role !== "leader" || !cores.converged()) throw new Error(`seed ${seed} does not converge`);
  return watch;
}

/** A leader that is cut off reads while the next one commits; then the answers to its earlier rounds arrive. */
export function runLateAnswers(seed: number): CoresWatch {
  const watch = new CoresWatch();
  const cores = new Cores({ members: 3, seed, observer: watch, config: { electionMinMs: 150, electionMaxMs: 2000 } });
  const leader = cores.awaitLeader();
  cores.run(300);
  const late: Message[] = [];
  cores.onMessage = (message) => {
    const isLate = message.to === leader.number && message.type === "heartbeatReply";
    if (isLate) late.push(message);
    return !isLate;
  };
  cores.run(120);
  cut(cores, [leader.number]);
  const others = cores.cores.filter((core) => core !== leader);
  for (let i = 0; i < 400 && leader.state.role === "leader"; i++) {
    cores.run(5);
    const next = others.find((core) => core.state.role === "leader" && core.state.commitIndex >= core.state.ownTermIndex);
    if (next === undefined) continue;
    cores.read(leader);
    for (const message of late) cores.event(leader, { type: "receive", message });
    break;
  }
  cores.onMessage = null;
  cores.heal();
  cores.run(5000);
  return watch;
}

/** Gives the entries from this one on other payloads, with chains that fit. */
function edit(entries: LogEntry[], from: number): void {
  for (let at = from; at < entries.length; at++) {
    const entry = { ...entries[at]!, payloadSum: entries[at]!.payloadSum ^ (at === from ? 1 : 0) };
    entry.chain = chainAfter(at === 0 ? GENESIS_CHAIN : entries[at - 1]!.chain, entry);
    entries[at] = entry;
  }
}

function cut(cores: Cores, some: number[]): void {
  cores.partition(some, cores.cores.map((core) => core.number).filter((number) => !some.includes(number)));
}

/** One sync of the log fails, at some moment; what it was to make durable is lost, though later syncs succeed. */
function failSync(nodes: SimNodes, id: string, random: RandomState): void {
  let left = nextInRange(random, 1, 30);
  nodes.node(id).disk.fault = ({ kind, path }) => {
    if (kind !== "sync" || !path.endsWith(".seg")) return null;
    left -= 1;
    return left === 0 ? { error: "EIO" } : null;
  };
}

function cutBoth(nodes: SimNodes, one: string, other: string): void {
  nodes.net.cut(one, other);
  nodes.net.cut(other, one);
}

const IDS = ["a", "b", "c"];
const KEYS = ["k1", "k2", "k3"];

/** Whole nodes: clients at all of them while they crash, one at a time or all, are cut off, and lose what was not synced. */
export function runNodes(seed: number, rounds: number = 6): NodesWatch {
  const watch = new NodesWatch();
  const nodes = new SimNodes({ seed, ids: IDS, properties: watch.properties });
  watch.nodes = nodes;
  const random = seedRandom(seed);
  const run = (ms: number): void => {
    // In pieces, so that a violation is not buried under what follows from it.
    for (let left = ms; left > 0; left -= 50) {
      nodes.run(Math.min(left, 50));
      watch.check();
    }
  };
  const startAll = (): void => {
    nodes.net.healAll();
    for (const id of IDS) {
      const node = nodes.node(id);
      node.disk.fault = () => null;
      if (node.failure !== null && node.server === null) nodes.crash(id);
      if (node.server === null) nodes.start(id);
    }
  };
  nodes.startAll();
  nodes.awaitLeader();
  const clients = startClients(nodes, watch, random);
  for (let round = 0; round < rounds; round++) {
    const id = IDS[nextInRange(random, 0, 2)]!;
    const others = IDS.filter((other) => other !== id);
    run(nextInRange(random, 50, 900));
    const fault = nextInRange(random, 0, 5);
    if (fault === 0) for (const each of IDS) nodes.crash(each);
    else if (fault === 1) for (const other of others) cutBoth(nodes, id, other);
    else if (fault === 2) failSync(nodes, id, random);
    else nodes.crash(id);
    run(nextInRange(random, 1, 900));
    startAll();
  }
  run(3000);
  clients.stop();
  run(4000);
  for (const id of IDS) if (nodes.node(id).server === null) throw new Error(`${id} does not run: ${nodes.node(id).startError?.message ?? ""}`);
  watch.finish();
  return watch;
}

function startClients(nodes: SimNodes, watch: NodesWatch, random: RandomState): { stop(): void } {
  let isOn = true;
  let number = 0;
  const tick = (): void => {
    if (!isOn) return;
    number += 1;
    const id = IDS[nextInRange(random, 0, 2)]!;
    const client = nextInRange(random, 1, 6);
    const { command, level } = drawn(random, number);
    const timeoutMs = nextInRange(random, 50, 1500);
    if (level === null) watch.request(client, nodes.leader()?.id ?? id, command, null, timeoutMs);
    else watch.request(client, id, command, { level, minIndex: level === "stale" ? watch.highest : 0, timeoutMs });
    nodes.scheduler.after(nextInRange(random, 1, 8), tick);
  };
  tick();
  return { stop: () => (isOn = false) };
}

function drawn(random: RandomState, number: number): { readonly command: Command; readonly level: ReadLevel | null } {
  const key = KEYS[nextInRange(random, 0, 2)]!;
  const write = (...command: Command) => ({ command, level: null });
  const read = (...command: Command) => ({ command, level: "linearizable" as const });
  switch (nextInRange(random, 0, 11)) {
    case 0: return write("set", key, `v${number}`);
    case 1: return write("append", key, String(number));
    case 2: return write("cas", key, nextInRange(random, 0, number), `c${number}`);
    case 3: return write("incr", "count");
    case 4: return write("del", key);
    case 5: return write("set", key, `x${number}`, ...(nextFloat(random) < 0.5 ? ["NX"] : ["PX", "30"]));
    case 6: return write("mset", "k1", `m${number}`, "k2", `m${number}`);
    case 7: return { ...read("get", key), level: "stale" };
    case 8: return read("mget", ...KEYS);
    case 9: return read("list");
    default: return read(nextFloat(random) < 0.5 ? "get" : "getrev", key);
  }
}
