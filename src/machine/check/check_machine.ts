/**
 * Checks a machine without a cluster: commands by chance on several copies, which are compared, restored and refused
 * clocks. What is found is made small, and told once for each kind of mistake.
 */
import { minimize } from "../../base/minimize.ts";
import { seedRandom } from "../../base/random.ts";
import type { CollectionWatch } from "../../host/collection_watch.ts";
import type { Guard } from "../../host/guard.ts";
import { guardPlugin } from "../guard_plugin.ts";
import type { AnyPlugin } from "../machine.ts";
import type { Finding, FindingKind, Problem } from "./finding.ts";
import { drawSteps, type Step, stepText } from "./step.ts";
import { Tally } from "./tally.ts";
import { runSteps, type TrialOptions } from "./trial.ts";

/** Runs that make one finding small, at most. */
const SHRINK_RUNS = 400;

/** How likely before each command: a copy is restored; a snapshot begins. */
const RESTORES = 0.1;
const SNAPSHOTS = 0.05;

/** What shows when a machine is restored: these hide one another. */
const OF_SNAPSHOTS: ReadonlySet<FindingKind> = new Set(["snapshot-loss", "order-after-restore", "live-pieces"]);

/** How much is run. */
export interface CheckSize {
  /** Run i draws its commands from seed + i. */
  readonly seed: number;
  readonly runs: number;
  /** Commands of one run. */
  readonly commands: number;
}

/** What a check is made with. */
export interface CheckOptions extends CheckSize {
  readonly plugin: AnyPlugin;
  readonly guard: Guard;
  /** Makes a directory for one machine, that nothing else uses. */
  readonly directory: () => string;
  /** Made for the run that explains what a snapshot lost. */
  readonly watch: () => CollectionWatch;
}

/** What came of a check. */
export interface CheckReport {
  /** One for each kind of mistake, in the order in which they were found. */
  readonly findings: readonly Finding[];
  /** Commands that were run to their end. */
  readonly commands: number;
  /** Operations that never ran to their end, and so were not checked, with a sentence on each. Nobody asks for it behind findings. */
  readonly untried: ReadonlyMap<string, string>;
}

/**
 * Runs `runs` times `commands` commands.
 *
 * @throws DraftError BAD_PLUGIN if the plugin makes no machine, or its `generate` no command
 */
export async function checkMachine(options: CheckOptions): Promise<CheckReport> {
  const { plugin, seed, runs } = options;
  const tally = new Tally(Object.keys(plugin.operations));
  const trial: TrialOptions = { plugin: guardPlugin(plugin, options.guard), directory: options.directory, tally };
  const search = new Search(options);
  for (let run = 0; run < runs && search.goesOn; run++) {
    const steps = search.steps(seed + run);
    const problem = await runSteps(trial, steps);
    if (problem !== null) search.add(await explained({ ...trial, tally: new Tally([]) }, { problem, steps, seed: seed + run }, options.watch));
  }
  return { findings: search.findings, commands: tally.commands, untried: search.findings.length > 0 ? new Map() : tally.untried() };
}

/** Looks for what is not known yet: a mistake that was found would hide the others. */
class Search {
  readonly findings: Finding[] = [];
  readonly #options: CheckOptions;
  readonly #without: Set<string> = new Set();
  #looksAtSnapshots = true;
  #isBlind = false;

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  get goesOn(): boolean {
    return !this.#isBlind && Object.keys(this.#options.plugin.operations).some((name) => !this.#without.has(name));
  }

  steps(seed: number): Step[] {
    const { plugin, commands } = this.#options;
    return drawSteps({
      plugin, commands, random: seedRandom(seed), without: this.#without,
      restores: this.#looksAtSnapshots ? RESTORES : 0, snapshots: this.#looksAtSnapshots ? SNAPSHOTS : 0,
    });
  }

  /** A kind that is known already is not told again, but what shows it is left out all the same. */
  add(finding: Finding): void {
    if (!this.findings.some(({ kind }) => kind === finding.kind)) this.findings.push(finding);
    if (OF_SNAPSHOTS.has(finding.kind) && this.#looksAtSnapshots) this.#looksAtSnapshots = false;
    else if (Object.hasOwn(this.#options.plugin.operations, finding.operation)) this.#without.add(finding.operation);
    // `wake` and `create` cannot be left out.
    else this.#isBlind = true;
  }
}

/** A problem and the steps that showed it. */
interface Shown {
  readonly problem: Problem;
  readonly steps: readonly Step[];
  readonly seed: number;
}

/** The problem with as few steps as show one of its kind, and in the words of a run that tells order from loss. */
async function explained(trial: TrialOptions, { problem, steps, seed }: Shown, watch: CheckOptions["watch"]): Promise<Finding> {
  let runs = 0;
  const shows = async (rest: readonly Step[]): Promise<boolean> => {
    if (runs >= SHRINK_RUNS) return false;
    runs += 1;
    const found = await runSteps(trial, rest);
    return found !== null && isAlike(found, problem);
  };
  const few = await minimize(steps, shows, () => runs < SHRINK_RUNS);
  const least = await withoutWaiting(few, shows);
  const watching = watch();
  try {
    // A machine that does not do the same twice may not show it again.
    const { kind, operation, message } = await runSteps({ ...trial, watch: watching }, least) ?? problem;
    return { kind, operation, message, seed, steps: least, lines: least.map(stepText) };
  } finally {
    watching.remove();
  }
}

function isAlike(one: Problem, other: Problem): boolean {
  return one.kind === other.kind || (OF_SNAPSHOTS.has(one.kind) && OF_SNAPSHOTS.has(other.kind));
}

/** The steps with no time between them where it does not matter. */
async function withoutWaiting(steps: readonly Step[], shows: (rest: readonly Step[]) => Promise<boolean>): Promise<readonly Step[]> {
  let left = steps;
  for (const [at, step] of steps.entries()) {
    if (!("command" in step) || step.afterMs === 0) continue;
    const sooner = left.with(at, { ...step, afterMs: 0 });
    if (await shows(sooner)) left = sooner;
  }
  return left;
}
