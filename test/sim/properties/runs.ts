/** Runs of both rigs under faults, with all properties on, from one seed each. */
import { nextFloat, nextInRange, type RandomState, seedRandom } from "../../../src/base/random.ts";
import type { Command } from "../../../src/machine/machine.ts";
import type { ReadLevel } from "../../../src/node/node_api.ts";
import { SimNodes } from "../../node/sim_nodes.ts";
import { Cores } from "../../raft/cores.ts";
import { CoresWatch, NodesWatch } from "./watch.ts";

/** Bare cores: crashes, partitions, loss, duplicates, slow disks, transfers, reads, late messages of earlier boots. */
export function runCores(seed: number, rounds: number = 150): CoresWatch {
  const random = seedRandom(seed);
  const members = [3, 5, 3, 4, 2, 3][seed % 6]!;
  const watch = new CoresWatch();
  const cores = new Cores({
    members, seed, lossPercent: nextInRange(random, 0, 10), duplicatePercent: nextInRange(random, 0, 20),
    delayMs: [1, nextInRange(random, 2, 150)], diskMs: [1, nextInRange(random, 2, 120)],
    wakeMs: seed % 2 === 0 ? 20 : null, observer: watch,
    config: {
      appendEntriesMax: nextInRange(random, 1, 8), inflightAppendsMax: nextInRange(random, 1, 6),
      electionMaxMs: 450, uncommittedBytesMax: nextInRange(random, 0, 2) === 0 ? 2000 : 1 << 20,
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
    cores.run(nextInRange(random, 1, 150));
  }
  cores.heal();
  for (const core of cores.cores) if (!core.up) cores.start(core.number);
  Object.assign(cores.options, { lossPercent: 0, delayMs: [1, 5], diskMs: [1, 3], wakeMs: null });
  cores.propose(cores.awaitLeader());
  cores.run(3000);
  for (const property of watch.properties) property.finished?.(watch.members);
  if (!cores.converged()) throw new Error(`seed ${seed} does not converge`);
  return watch;
}

function cut(cores: Cores, some: number[]): void {
  cores.partition(some, cores.cores.map((core) => core.number).filter((number) => !some.includes(number)));
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
  const nodes = new SimNodes({ seed, ids: IDS, watch });
  watch.nodes = nodes;
  const random = seedRandom(seed);
  const run = (ms: number): void => {
    // In pieces, so that a violation is not buried under what follows from it.
    for (let left = ms; left > 0; left -= 50) {
      nodes.run(Math.min(left, 50));
      watch.check();
    }
  };
  nodes.startAll();
  nodes.awaitLeader();
  const clients = startClients(nodes, watch, random);
  for (let round = 0; round < rounds; round++) {
    const id = IDS[nextInRange(random, 0, 2)]!;
    const others = IDS.filter((other) => other !== id);
    run(nextInRange(random, 50, 900));
    const fault = nextInRange(random, 0, 3);
    if (fault === 0) for (const each of IDS) nodes.crash(each);
    else if (fault === 1) for (const other of others) cutBoth(nodes, id, other);
    else nodes.crash(id);
    run(nextInRange(random, 1, 900));
    nodes.net.healAll();
    for (const each of IDS) if (nodes.node(each).server === null) nodes.start(each);
  }
  run(3000);
  clients.stop();
  run(4000);
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
    if (level === null) watch.request(client, nodes.leader()?.id ?? id, command);
    else watch.request(client, id, command, { level, minIndex: 0, timeoutMs: 1000 });
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
