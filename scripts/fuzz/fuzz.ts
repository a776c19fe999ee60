/** Goes through damaged directories of simulated clusters, each started alone, and some of them among the others. */
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { type Damage, damagesOf } from "./damage.ts";
import { partsOf } from "./parts.ts";
import { Tally } from "./tally.ts";
import { type AppliedState, startAlone, startTogether, type Verdict } from "./trial.ts";
import { type Directory, type FuzzWorld, type Life, liveWorld, type Moment } from "./world.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly cases: number;
  /** One in so many is also started among the others. */
  readonly togetherOneIn: number;
  /** Only kinds that hold this text; all if nothing is said. */
  readonly only?: string;
}

/** One case that ended wrongly. */
export interface Wrong extends Verdict {
  readonly name: string;
}

/** What came of it. */
export interface FuzzResult {
  readonly alone: Tally;
  readonly together: Tally;
  readonly wrong: readonly Wrong[];
}

/** A damage, and whose directory it is to strike. */
interface Case {
  readonly world: FuzzWorld;
  readonly moment: Moment;
  readonly directory: Directory;
  readonly damage: Damage;
  /** What its machine comes to on the sound directory. */
  readonly sound: AppliedState;
}

/** Seeds of other clusters lie so far off. */
const STRANGER = 1_000_000;

const LIVES: readonly Life[] = ["compacted", "whole log"];

/** Tries so many cases; the same seed tries the same. */
export async function fuzzFiles({ seed, cases, togetherOneIn, only = "" }: FuzzOptions): Promise<FuzzResult> {
  const result = { alone: new Tally(), together: new Tally(), wrong: [] as Wrong[] };
  for (let world = seed; result.alone.count() < cases; world++) {
    const all = (await casesOf(world)).filter(({ damage }) => damage.kind.includes(only));
    if (all.length === 0) throw new RangeError(`no kind of damage holds "${only}"`);
    for (const each of all.slice(0, cases - result.alone.count())) await tryOne(each, result, togetherOneIn);
  }
  return result;
}

async function tryOne({ world, moment, directory, damage, sound }: Case, { alone, together, wrong }: FuzzResult & { wrong: Wrong[] }, togetherOneIn: number): Promise<void> {
  const name = `seed ${world.seed}, ${world.life}, ${moment.name}, node ${directory.id}: ${damage.kind}, ${damage.where}`;
  const files = damage.strike(directory.files);
  const note = (tally: Tally, verdict: Verdict): void => {
    tally.add(damage.kind, verdict.verdict);
    if (verdict.verdict === "WRONG") wrong.push({ ...verdict, name });
  };
  note(alone, await startAlone(world, directory, files, sound));
  if (alone.count() % togetherOneIn === 0) note(together, await startTogether(world, moment, directory, files));
}

/** The directory in which most kinds of things stand. */
function richest({ directories }: Moment): Directory {
  const kinds = ({ files }: Directory): number => new Set(partsOf(files).map(({ name }) => name)).size;
  return [...directories.values()].reduce((most, each) => kinds(each) > kinds(most) ? each : most);
}

/** All cases of the clusters of one seed, in an order drawn from it. */
async function casesOf(seed: number): Promise<Case[]> {
  const random = seedRandom(seed);
  const cases: Case[] = [];
  const stranger = await liveWorld(seed + STRANGER, "compacted");
  for (const life of LIVES) {
    const world = await liveWorld(seed, life);
    for (const moment of [world.quiet, world.written, world.edited]) {
      const directory = richest(moment);
      const { applied, words } = await startAlone(world, directory, directory.files, null);
      if (applied === undefined) throw new Error(`a sound directory does not start: ${words}`);
      for (const damage of damagesOf(directory, moment, world, stranger, random)) cases.push({ world, moment, directory, damage, sound: applied });
    }
  }
  for (let at = cases.length - 1; at > 0; at--) {
    const other = nextInRange(random, 0, at);
    [cases[at], cases[other]] = [cases[other] as Case, cases[at] as Case];
  }
  return cases;
}
