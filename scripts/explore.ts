/**
 * Explores every order in which a small cluster of real cores can live (src/sim/explorer), and prints what was counted.
 * Ends with 1 on a violation, after telling the shortest way to it.
 *
 *   npm run explore [-- --members 3] [--terms 2] [--timeouts 2] [--heartbeats 0] [--entries 2] [--crashes 1]
 *     [--duplicates 0] [--drops 0] [--slow-stores 0] [--reads 0] [--transfers 0] [--entries-per-append 64] [--pre-votes] [--seconds 300] [--states 40000000]
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Bounds, boundsWords } from "../src/sim/explorer/bounds.ts";
import { explore, type Exploration } from "../src/sim/explorer/explore.ts";

const DEFAULTS: Readonly<Record<string, number>> = {
  members: 3, terms: 2, timeouts: 2, heartbeats: 0, entries: 2, crashes: 0, duplicates: 0, drops: 0, "slow-stores": 0, reads: 0,
  transfers: 0, "entries-per-append": 64, seconds: 300, states: 40_000_000,
};

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, { type: "string" as const }])),
    "pre-votes": { type: "boolean", default: false },
  },
});

function wanted(name: string): number {
  const text = (values as Record<string, string | boolean | undefined>)[name];
  const value = text === undefined ? DEFAULTS[name] as number : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} "${text}": want a whole number`);
  return value;
}

function print(bounds: Bounds, found: Exploration, seconds: number): void {
  const by = [...found.byAction].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`);
  const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(`bounds       ${boundsWords(bounds)}`);
  console.log(`complete     ${found.complete ? "yes: every reachable state was seen" : "no: ended before all was seen"}`);
  console.log(`states       ${found.states}, ${found.terminal} of them ends; depth ${found.depth}`);
  console.log(`transitions  ${found.transitions}: ${by.join(", ")}`);
  console.log(`of members   ${found.memberStates} states, ${found.messages} messages; the core took ${found.steps} steps`);
  console.log(`reached      term ${found.reached.term}, ${found.reached.committed} entries committed`);
  console.log(`took         ${seconds.toFixed(1)} s, ${Math.round(found.states / seconds)} states/s, ${memory} MiB`);
}

const bounds: Bounds = {
  members: wanted("members"), entriesPerAppend: wanted("entries-per-append"), terms: wanted("terms"), timeouts: wanted("timeouts"), heartbeats: wanted("heartbeats"),
  entries: wanted("entries"), crashes: wanted("crashes"), duplicates: wanted("duplicates"), drops: wanted("drops"),
  slowStores: wanted("slow-stores"), reads: wanted("reads"), transfers: wanted("transfers"), preVotes: values["pre-votes"] === true,
};
const startMs = performance.now();
const endMs = startMs + 1000 * wanted("seconds");
const found = explore(bounds, { statesMax: wanted("states"), depthMax: Number.POSITIVE_INFINITY, enough: () => performance.now() > endMs });
print(bounds, found, (performance.now() - startMs) / 1000);
if (found.violation !== null) {
  console.log(`\nVIOLATION    ${found.violation.what}\n`);
  for (const line of found.violation.way) console.log(line);
  process.exitCode = 1;
}
