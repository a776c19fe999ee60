/**
 * Runs seeds until one breaks a rule or the time is over, and prints one line of JSON. It is run in a copy of the tree,
 * so that it simulates what that copy holds. Time is that of the processor: a machine with other things to do does not
 * let a bug live.
 *
 *   bun scripts/mutants/hunt.ts FIRST_SEED SECONDS [members | witnesses | versions]
 *
 * With `members` they come and go in each seed, else in none; with `versions` the machine changes in each; with
 * `witnesses` there are some in each that has three machines or more.
 */
import process from "node:process";
import kv from "../../plugins/kv/kv.ts";
import { type RunOptions, runSeed } from "../../src/sim/run_seed.ts";

/** What the code throws by itself may be a slip in the patch: only rules and assertions of our own count. */
const THROWN = "nothing is thrown";

/** What is drawn in some runs, and may be asked for in all. */
const ALWAYS: ReadonlySet<string> = new Set(["witnesses", "versions"]);

/** What a hunt found. */
export interface Hunt {
  readonly seeds: number;
  readonly seconds: number;
  readonly property: string | null;
  readonly seed: number;
  readonly message: string;
  /** Runs that ended with an error of the engine. */
  readonly thrown: number;
}

async function hunt(first: number, limitSeconds: number, drawn: Pick<RunOptions, "membership" | "witnesses" | "versions">): Promise<Hunt> {
  const seconds = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000_000;
  };
  let thrown = 0;
  let seed = first;
  do {
    const { violation } = await runSeed(seed, { plugin: kv, ...drawn });
    if (violation !== null && violation.property !== THROWN) {
      return { seeds: seed - first + 1, seconds: seconds(), property: violation.property, seed, message: violation.message, thrown };
    }
    if (violation !== null) thrown += 1;
    seed += 1;
  } while (seconds() < limitSeconds);
  return { seeds: seed - first, seconds: seconds(), property: null, seed: 0, message: "", thrown };
}

if (import.meta.main) {
  const [first, limitSeconds] = process.argv.slice(2, 4).map(Number);
  const drawn = { membership: process.argv[4] === "members", ...(ALWAYS.has(process.argv[4] ?? "") ? { [process.argv[4]!]: true } : {}) };
  console.log(JSON.stringify(await hunt(first ?? 1, limitSeconds ?? 120, drawn)));
}
