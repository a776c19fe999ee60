/**
 * How fast the simulator is as it ships, every property, mark and the hash included: events a second over fixed seeds,
 * and how many times as fast as real time a cluster of three nodes at rest lives. Medians of several rounds, by the clock
 * and by the processor time that was taken, of all threads: on a machine with much else to do only that says something.
 *
 *   npm run sim:speed [-- --seeds 20] [--rounds 5] [--only seeds|quiet] [--without-properties]
 */
import { availableParallelism, loadavg } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { CONFIG_DEFAULTS } from "../src/node/config.ts";
import { loadPlugin } from "../src/node/plugin_loader.ts";
import { runScript, type RunOptions } from "../src/sim/run_seed.ts";
import type { Script } from "../src/sim/script.ts";
import { drawScript } from "../src/sim/swarm.ts";

const QUIET_MS = 300_000;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    "without-properties": { type: "boolean", default: false },
  },
});

function wanted(name: "seeds" | "rounds"): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`--${name} "${values[name]}": want a whole number from 1 on`);
  return value;
}

/** Three nodes with the settings that they ship with, on disks and lines without trouble, which nobody asks anything. */
function quietScript(): Script {
  const { settings } = drawScript(1, { nodes: 3, quiet: true, library: false });
  const [electionMinMs = 0, electionMaxMs = 0] = CONFIG_DEFAULTS.election.split("-").map(Number);
  return {
    seed: 1, faults: [], operations: [],
    settings: { ...settings, heartbeatMs: CONFIG_DEFAULTS.heartbeatMs, electionMinMs, electionMaxMs, netCutOneIn: 0, safetyMs: QUIET_MS },
  };
}

interface Round {
  readonly events: number;
  readonly simulatedMs: number;
  readonly clockMs: number;
  readonly processorMs: number;
}

/** Runs all scripts, one after the other. */
async function round(scripts: readonly Script[], options: RunOptions): Promise<Round> {
  const beganMs = performance.now();
  const before = process.cpuUsage();
  let events = 0;
  let simulatedMs = 0;
  for (const script of scripts) {
    const outcome = await runScript(script, options);
    if (outcome.violation !== null) throw outcome.violation;
    events += outcome.events;
    simulatedMs += outcome.simulatedMs;
  }
  const { user, system } = process.cpuUsage(before);
  return { events, simulatedMs, clockMs: performance.now() - beganMs, processorMs: (user + system) / 1000 };
}

/** The median of the rounds, the least and the most. */
function middle(rounds: readonly Round[], of: (each: Round) => number): string {
  const sorted = rounds.map((each) => Math.round(of(each))).sort((a, b) => a - b);
  return `${sorted[sorted.length >> 1]} (${sorted[0]} to ${sorted.at(-1)})`;
}

async function measure(what: string, scripts: readonly Script[], options: RunOptions, count: number): Promise<void> {
  // The first round is compiled while it runs.
  await round(scripts, options);
  const rounds: Round[] = [];
  while (rounds.length < count) rounds.push(await round(scripts, options));
  const seconds = ((rounds[0]?.simulatedMs ?? 0) / 1000).toFixed(0);
  console.log(`${what}: ${rounds[0]?.events} events in ${seconds} s of simulated time`);
  for (const [by, ms] of [["clock", ({ clockMs }: Round) => clockMs], ["processor", ({ processorMs }: Round) => processorMs]] as const) {
    console.log(`  by the ${by}: ${middle(rounds, (each) => each.events / ms(each) * 1000)} events/s, ` +
      `${middle(rounds, (each) => each.simulatedMs / ms(each))} x real time`);
  }
}

const plugin = await loadPlugin("kv");
const options: RunOptions = { plugin, ...(values["without-properties"] ? { properties: () => [] } : {}) };
const seeds = Array.from({ length: wanted("seeds") }, (_, at) => drawScript(at + 1));
if (values.only !== "quiet") await measure(`seeds 1 to ${seeds.length}`, seeds, options, wanted("rounds"));
if (values.only !== "seeds") await measure("three nodes at rest", [quietScript()], options, wanted("rounds"));
console.log(`median (least to most) of ${wanted("rounds")} rounds; load ${(loadavg()[0] ?? 0).toFixed(1)} on ${availableParallelism()} processors`);
