/**
 * `draft sim`: whole clusters under simulated faults, seed by seed. What breaks a rule is told with its seed, the rule,
 * the last that happened, and the command that does it again.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Guard } from "../host/guard.ts";
import { installGuard } from "../host/node_guard.ts";
import { SHIPPED_NAMES } from "../node/plugin_loader.ts";
import { explainDivergence } from "../sim/divergence.ts";
import { isKnown } from "../sim/known_machine.ts";
import { CHECK_SIZE, keepsOnDisk } from "../sim/machine_check.ts";
import type { Violation } from "../sim/property.ts";
import { MARKED_RUNS, Report } from "../sim/report.ts";
import { type Outcome, type RunOptions, runScript } from "../sim/run_seed.ts";
import type { Script } from "../sim/script.ts";
import { readScript } from "../sim/script_reader.ts";
import { shrink } from "../sim/shrink.ts";
import { tellStory } from "../sim/story.ts";
import { drawScript } from "../sim/swarm.ts";
import { type Io, styleFor } from "./io.ts";
import { REPLAY_OPTION, replayFile } from "./replay.ts";
import { type Leaf, type Options, type Parsed, UsageError } from "./leaf.ts";
import { machineFor, passesAlone } from "./sim_machine.ts";

const SEEDS = 100;
const SEED_MAX = 2 ** 40;
const PROGRESS_MS = 200;
/** Events before the end of which the story tells the last that say something. */
const TOLD_EVENTS = 12_000;
const SHRINK_RUNS = 400;
const SHRINK_MS = 120_000;
const NOTHING_FAILED = "nothing failed, and nothing is made small";
/** A long run ends when so much is broken: more would say no more. */
const VIOLATIONS_MAX = 20;

/** The command. */
export const simLeaf: Leaf = {
  words: ["sim"],
  usage: "",
  summary: "runs simulated clusters under faults and checks what must hold",
  options: [
    { raw: "--seed <n>", description: "the first seed; alone: this seed only", default: "1, with --minutes one of chance" },
    { raw: "--seeds <n>", description: "how many seeds", default: String(SEEDS) },
    { raw: "--minutes <n>", description: "as many seeds as that takes" },
    { raw: "--nodes <n>", description: "nodes of each cluster, 1 to 7", default: "drawn" },
    { raw: "--members", description: "members come and go in each run (else in a third, and in none with --nodes)" },
    { raw: "--machine <machine>", description: `${SHIPPED_NAMES.join(", ")}, or the path of a plugin`, default: "that of the script, or kv" },
    { raw: "--shrink", description: "make the first that fails small, and print it as a script" },
    { raw: "--script <file>", description: "run the script in that file" },
    REPLAY_OPTION,
    { raw: "--json", description: "one line of JSON" },
  ],
  positionals: { min: 0, max: 0 },
  examples: ["draft sim", "draft sim --seed 4711", "draft sim --minutes 60", "draft sim --seed 4711 --shrink > small.json", "draft sim --replay incident.rec"],
  run: sim,
};

async function sim({ options }: Parsed, io: Io): Promise<number> {
  const recording = options.text("replay");
  if (recording !== undefined) return replayFile(recording, options.has("json"), io);
  // Before the plugin is loaded: what it keeps of the globals is guarded.
  const guard = installGuard();
  try {
    const file = options.text("script");
    return await (file === undefined ? runSeeds(guard, options, io) : runFile(file, guard, options, io));
  } finally {
    guard.remove();
  }
}

async function runSeeds(guard: Guard, options: Options, io: Io): Promise<number> {
  const machine = options.text("machine");
  const plugin = await machineFor(machine ?? "kv");
  const nodes = options.number("nodes", { otherwise: 0, from: 1, to: 7 });
  const run: RunOptions = { plugin, guard, ...(nodes === 0 ? {} : { nodes }), ...(options.has("members") ? { membership: true } : {}) };
  const seed = options.number("seed", { otherwise: 0, from: 0, to: SEED_MAX });
  const isOne = options.has("seed") && !options.has("seeds") && !options.has("minutes");
  const command = (of: number): string => withOptions(`draft sim --seed ${of}`, ["nodes", "members", "machine"], options);
  if (machine !== undefined) {
    const told = { nameOrPath: machine, seed: options.has("seed") ? seed : CHECK_SIZE.seed, command, json: options.has("json"), quiet: options.has("shrink") };
    if (!await passesAlone(plugin, told, io)) return 1;
    if (await keepsOnDisk(plugin)) {
      io.err(`'${plugin.name}' keeps its state on disk, and the simulator's disks are not there for it: it was checked alone`);
      return 0;
    }
  }
  if (isOne) return runOne(drawScript(seed, run), run, command(seed), options, io);
  return runMany(seed, run, command, options, io);
}

async function runFile(file: string, guard: Guard, options: Options, io: Io): Promise<number> {
  const drawn = ["seed", "seeds", "minutes", "nodes", "members"].find((name) => options.has(name));
  if (drawn !== undefined) throw new UsageError(`--${drawn} with --script: a script says all of it, leave one out`);
  const script = scriptFrom(file);
  const plugin = await machineFor(options.text("machine") ?? script.machine ?? "kv");
  if (await keepsOnDisk(plugin)) throw new UsageError(`--script: '${plugin.name}' keeps its state on disk, and the simulator's disks are not there for it`);
  return runOne(script, { plugin, guard }, withOptions(`draft sim --script ${shellWord(file)}`, ["machine"], options), options, io);
}

function withOptions(command: string, names: readonly string[], options: Options): string {
  return [command, ...names.flatMap((name) => words(name, options.text(name)))].join(" ");
}

function words(name: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  const isBare = simLeaf.options.some(({ raw }) => raw === `--${name}`);
  return isBare ? [`--${name}`] : [`--${name}`, shellWord(text)];
}

function scriptFrom(file: string): Script {
  try {
    return readScript(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const isWrong = error instanceof DraftError || error instanceof SyntaxError || (error instanceof Error && "code" in error);
    if (!isWrong) throw error;
    throw new UsageError(`--script "${file}": ${error.message}`);
  }
}

async function runOne(script: Script, run: RunOptions, command: string, options: Options, io: Io): Promise<number> {
  const report = new Report();
  const beganMs = performance.now();
  const outcome = await runScript(script, run);
  report.add(outcome);
  const elapsedMs = performance.now() - beganMs;
  if (outcome.violation !== null && options.has("shrink")) {
    await printSmall(script, outcome.violation, run, options, io);
    return 1;
  }
  const summary = `seed ${outcome.seed}: ${outcome.events} events, ${seconds(outcome.simulatedMs)} of simulated time, ` +
    `${outcome.operations} operations, hash ${outcome.traceHash}`;
  // What --shrink prints goes into a file.
  if (options.has("shrink")) io.err(`${summary}; ${NOTHING_FAILED}`);
  else io.out(options.has("json") ? JSON.stringify(report.line(elapsedMs)) : summary);
  if (outcome.violation !== null) await tellViolation(script, outcome, run, command, io);
  return outcome.violation === null ? 0 : 1;
}

async function runMany(first: number, run: RunOptions, command: (seed: number) => string, options: Options, io: Io): Promise<number> {
  const minutes = options.has("minutes") ? options.number("minutes", { otherwise: 1, from: 1, to: 100_000 }) : 0;
  const seeds = options.number("seeds", { otherwise: minutes > 0 ? SEED_MAX : SEEDS, from: 1, to: SEED_MAX });
  const from = options.has("seed") ? first : minutes > 0 ? Math.floor(Date.now() / 1000) * 1000 % SEED_MAX : 1;
  const report = new Report();
  const beganMs = performance.now();
  let toldMs = beganMs;
  const interrupted = { yes: false };
  let failed: { script: Script; violation: Violation } | null = null;
  const onSignal = (): void => void (interrupted.yes = true);
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  for (let seed = from; seed < from + seeds && !interrupted.yes; seed++) {
    const script = drawScript(seed, run);
    const outcome = await runScript(script, run);
    report.add(outcome);
    if (outcome.violation !== null && options.has("shrink")) failed = { script, violation: outcome.violation };
    else if (outcome.violation !== null) await tellViolation(script, outcome, run, command(seed), io);
    if (failed !== null) break;
    if (report.violations.length >= VIOLATIONS_MAX) break;
    const nowMs = performance.now();
    if (minutes > 0 && nowMs - beganMs >= minutes * 60_000) break;
    if (nowMs - toldMs < PROGRESS_MS) continue;
    toldMs = nowMs;
    if (io.errorIsTerminal) io.errRaw(`\r${progress(report, nowMs - beganMs)}\x1b[K`);
    // Signals are heard only while nothing is simulated.
    await new Promise((resolve) => void setImmediate(resolve));
  }
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  if (io.errorIsTerminal) io.errRaw("\r\x1b[K");
  if (failed !== null) {
    await printSmall(failed.script, failed.violation, run, options, io);
    return 1;
  }
  if (options.has("shrink")) io.err(NOTHING_FAILED);
  return conclude(report, performance.now() - beganMs, { run, isWhole: ["machine", "nodes", "members"].every((name) => !options.has(name)) }, options, io);
}

function conclude(report: Report, elapsedMs: number, { isWhole }: { run: RunOptions; isWhole: boolean }, options: Options, io: Io): number {
  const line = report.line(elapsedMs);
  if (options.has("json")) io.out(JSON.stringify(line));
  else {
    io.out(progress(report, elapsedMs));
    io.out(`faults: ${Object.entries(line.faults).sort(([a], [b]) => a < b ? -1 : 1).map(([name, count]) => `${name} ${count}`).join(", ")}`);
    io.out(`marks: ${report.marksMet} of ${Object.keys(line.marks).length} met${isWhole && report.missing.length > 0 ? `; never: ${report.missing.join(", ")}` : ""}`);
    io.out(`violations: ${report.violations.length}${report.violations.length > 0 ? `, seeds ${report.violations.map(({ seed }) => seed).join(" ")}` : ""}`);
  }
  const isBlind = isWhole && report.seeds >= MARKED_RUNS && report.missing.length > 0;
  if (isBlind) io.err(`(error) ${report.seeds} seeds never met: ${report.missing.join(", ")}: the simulator does not reach these states`);
  return report.violations.length > 0 || isBlind ? 1 : 0;
}

function progress(report: Report, elapsedMs: number): string {
  const { eventsPerSecond, simulatedHours } = report.line(elapsedMs);
  const times = elapsedMs > 0 ? Math.round(report.simulatedMs / elapsedMs) : 0;
  return `${report.seeds} seeds, ${simulatedHours.toFixed(2)} cluster-hours (${times} x), ${report.events} events, ${eventsPerSecond}/s, ` +
    `${report.operations} operations, ${report.faultCount} faults, ${report.violations.length} violations`;
}

async function tellViolation(script: Script, outcome: Outcome, run: RunOptions, command: string, io: Io): Promise<void> {
  const { violation, events, simulatedMs } = outcome;
  if (violation === null) return;
  const style = styleFor(io.errorIsTerminal, io.env);
  io.err((await tellStory(script, run, events - TOLD_EVENTS)).map((line) => style.dim(line)).join("\n"));
  io.err(`${style.red("violation")} of seed ${outcome.seed} at event ${events}, ${seconds(simulatedMs)}: ${violation.message}`);
  if (violation.stack !== undefined && violation.property === "nothing is thrown") io.err(violation.stack);
  const why = isKnown(run.plugin) ? null : await explainDivergence(script, run, violation.property);
  if (why !== null) io.err(why);
  io.err(`again: ${command}; smaller: ${command} --shrink`);
}

async function printSmall(script: Script, violation: Violation, run: RunOptions, options: Options, io: Io): Promise<void> {
  const machine = options.text("machine");
  const named = machine === undefined ? script : { ...script, machine };
  const endMs = performance.now() + SHRINK_MS;
  io.err(`seed ${script.seed} breaks a rule, and is made small: ${violation.message}`);
  const small = await shrink(named, violation.property, run, { runsMax: SHRINK_RUNS, goOn: () => performance.now() < endMs });
  const { faults, operations, settings } = small.script;
  io.err(`left after ${small.runs} runs: ${faults.length} of ${script.faults.length} faults, ${operations.length} of ` +
    `${script.operations.length} requests, ${settings.nodes} of ${script.settings.nodes} nodes, ${seconds(settings.safetyMs)} of faults; ` +
    "draft sim --script FILE runs it");
  io.out(JSON.stringify(small.script, null, 1));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
