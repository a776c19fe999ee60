/** Draws how the machine changes in a run: who begins with which version, and when each node gets another one. */
import { nextFloat, nextInRange, type RandomState } from "../base/random.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { TALLY } from "./builds.ts";
import { isKnown } from "./known_machine.ts";
import type { Fault, PlannedOperation, Settings, VersionSettings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";

/** The part of runs in which the machine changes, if it has versions. */
const VERSIONS_PART = 0.3;

/**
 * Versions and their beginning; null: all run the same one from first to last.
 *
 * @param asked whether the machine changes; drawn if nothing is said
 */
export function drawVersions(seed: number, nodes: number, plugin: AnyPlugin | null, asked?: boolean): VersionSettings | null {
  const random = streamOf(seed, "versions");
  const newest = plugin === null || isKnown(plugin) ? pick(random, [2, 2, 3]) : plugin.version;
  const drawn = nextFloat(random) < VERSIONS_PART;
  if (!(asked ?? drawn) || newest < 2) return null;
  const isMixed = nextFloat(random) < 0.3;
  const first = Array.from({ length: nodes }, () => isMixed ? nextInRange(random, 1, newest) : 1);
  return { newest, first, finishes: nextFloat(random) < 0.7 };
}

/** The changes, in any order. */
export function drawInstalls(seed: number, { versions, nodes, safetyMs }: Settings): Fault[] {
  if (versions === undefined) return [];
  const random = streamOf(seed, "installs");
  const faults: Fault[] = [];
  const rounds = versions.newest > 2 && nextFloat(random) < 0.7 ? [2, versions.newest] : [versions.newest];
  let atMs = safetyMs * 0.2 * nextFloat(random);
  for (const version of rounds) {
    const everyMs = safetyMs / nodes * pick(random, [0.01, 0.05, 0.1, 0.15]);
    if (nextFloat(random) < 0.75) faults.push(atRaise(random, nodes, atMs, everyMs));
    for (const who of shuffled(random, nodes)) {
      faults.push(install(random, who, version, atMs));
      // Somebody has second thoughts, in time or too late.
      if (nextFloat(random) < 0.25) faults.push(install(random, nextInRange(random, 1, nodes), nextInRange(random, 1, version - 1), atMs + everyMs * 2 * nextFloat(random)));
      atMs += everyMs * 2 * nextFloat(random);
    }
  }
  // Whoever was set back, or goes on with what it began with, gets the newest.
  for (const who of shuffled(random, nodes)) {
    faults.push({ ...install(random, who, versions.newest, atMs + (safetyMs - atMs) * nextFloat(random)), by: "stop" } as Fault);
  }
  return faults.filter((fault) => fault.atMs < safetyMs);
}

function install(random: RandomState, who: number, version: number, atMs: number): Fault {
  const downMs = pick(random, [5, 50, 400]) * (0.5 + nextFloat(random));
  return { id: "", atMs, kind: "install", who, version, by: pick(random, ["stop", "stop", "kill", "nobody"] as const), downMs };
}

function atRaise(random: RandomState, nodes: number, atMs: number, everyMs: number): Fault {
  const forMs = everyMs * pick(random, [0.1, 1, 4]);
  return { id: "", atMs, kind: "at-raise", how: pick(random, ["isolate", "set-back", "set-back"] as const), who: nextInRange(random, 1, nodes), forMs };
}

function shuffled(random: RandomState, count: number): number[] {
  const places = Array.from({ length: count }, (_, at) => at + 1);
  const drawn: number[] = [];
  while (places.length > 0) drawn.push(places.splice(nextInRange(random, 0, places.length - 1), 1)[0] as number);
  return drawn;
}

/** Some of what `kv` is asked by an operation that comes with its version 2. */
export function withTallies(seed: number, operations: readonly PlannedOperation[]): PlannedOperation[] {
  const random = streamOf(seed, "tallies");
  return operations.map((operation) => {
    const [name, ...args] = operation.command;
    return name === "incr" && nextFloat(random) < 0.5 ? { ...operation, command: [TALLY, ...args] } : operation;
  });
}
