/**
 * Runs uvu files, each in a process of its own under a time limit. The exit code alone proves nothing: a file whose
 * `before` hook throws, or that forgets `.run()`, exits 0; so the counts that uvu prints decide together with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism, loadavg } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";

/** What a file is run with. */
export type Runtime = "bun" | "deno" | "node";

/** All runtimes, in the order in which they run. */
export const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];

/** One file on one runtime. */
export interface Job {
  readonly file: string;
  readonly runtime: Runtime;
}

/** How a job ended. Every job has at least one passed or failed case. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why the job failed; null if it passed. */
  readonly reason: string | null;
}

/** An ended job, as its caller hears of it. */
export interface Report {
  readonly job: Job;
  readonly outcome: Outcome;
  /** The end of what it printed. */
  readonly output: string;
  readonly seconds: number;
  /** The engine fell over once behind the tests, which were run again. */
  readonly hasCrashed: boolean;
}

/** An ended process. */
export interface Ended {
  /** Null if a signal ended it. */
  readonly code: number | null;
  /** That signal. */
  readonly signal?: string | null;
  readonly timedOut: boolean;
  readonly output: string;
}

/** Where and how to run. */
export interface RunOptions {
  readonly root: string;
  readonly timeLimitMs: number;
  readonly atOnce: number;
  /** Called as each job ends. */
  readonly onOutcome: (report: Report) => void;
}

/** Output beyond this is dropped from its beginning: uvu's counts stand at the end. */
const OUTPUT_BYTES_MAX = 4 << 20;

/** Of a file that was killed, what stands in its one line of the report. */
const LAST_LINES = 3;
const LAST_LINE_CHARACTERS = 200;

/** How long after its end a process's output may still come. */
const CLOSE_LIMIT_MS = 2_000;

/** Leaders of process groups that run now; ended with this process if it called endWithThisProcess(). */
export const running: Set<ChildProcess> = new Set();

/** The command line for a job. Only node must be told what "draft" means: the others read their configuration. */
export function commandOf({ file, runtime }: Job): string[] {
  if (runtime === "bun") return ["bun", file];
  if (runtime === "deno") return ["deno", "run", "--allow-all", "--no-lock", "--quiet", file];
  return ["node", "--disable-warning=ExperimentalWarning", "--import", "./scripts/resolve_draft.ts", file];
}

/** Runs all jobs, `atOnce` at a time, and adds up what they report. */
export async function runJobs(jobs: readonly Job[], options: RunOptions): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  const queue = [...jobs];
  async function work(): Promise<void> {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const startMs = performance.now();
      let ended = await run(commandOf(job), options.root, options.timeLimitMs);
      const hasCrashed = isEngineCrash(job, ended);
      if (hasCrashed) ended = await run(commandOf(job), options.root, options.timeLimitMs);
      const outcome = judge(ended, options.timeLimitMs);
      outcomes.push(outcome);
      options.onOutcome({ job, outcome, output: ended.output, seconds: (performance.now() - startMs) / 1000, hasCrashed });
    }
  }
  await Promise.all(Array.from({ length: options.atOnce }, work));
  return sum(outcomes);
}

/**
 * Deno 2.9.5 may fall over as its process ends, in a thread of V8's own (the kernel's log names it), once in some 25 runs
 * of files that start workers, when all tests have passed. That says nothing of the tests: they are run once more.
 */
function isEngineCrash({ runtime }: Job, ended: Ended): boolean {
  const total = lastCount(ended.output, "Total");
  return runtime === "deno" && ended.signal === "SIGSEGV" && total !== null && total > 0 && total === lastCount(ended.output, "Passed");
}

/** Adds outcomes; no outcome at all is a failure, since nothing was shown. */
export function sum(outcomes: readonly Outcome[]): Outcome {
  const total = (key: "passed" | "failed" | "skipped"): number => outcomes.reduce((all, each) => all + each[key], 0);
  const reason = outcomes.length === 0
    ? "no test ran"
    : (outcomes.find((each) => each.reason !== null)?.reason ?? null);
  return { passed: total("passed"), failed: total("failed"), skipped: total("skipped"), reason };
}

/** Reads uvu's counts, and tells a pass from the many ways of not quite passing. */
export function judge({ code, timedOut, output }: Ended, timeLimitMs: number): Outcome {
  const total = lastCount(output, "Total");
  const passed = lastCount(output, "Passed") ?? 0;
  const skipped = lastCount(output, "Skipped") ?? 0;
  const failed = (total ?? 0) - passed;
  const reason = whyFailed({ code, timedOut, output }, total, failed, timeLimitMs);
  return { passed, failed: reason === null ? 0 : Math.max(1, failed), skipped, reason };
}

function whyFailed({ code, timedOut, output }: Ended, total: number | null, failed: number, timeLimitMs: number): string | null {
  if (timedOut) {
    return `still running after ${timeLimitMs / 1000} s, killed: an open handle, a test that never ends, or a machine with ` +
      `too much to do (load ${loadText()})${lastWords(output)}`;
  }
  if (total === null) {
    return `exit ${code ?? "by a signal"} without a result: threw while loading, or .run() is missing`;
  }
  if (total === 0) return "ran no test: .run() is missing, or it stands before the tests";
  if (failed > 0) return `${failed} of ${total} failed`;
  return code === 0 ? null : `exit ${code ?? "by a signal"} though each test passed`;
}

/** Processes that want to run, over the last minute, and on how many processors. */
function loadText(): string {
  return `${(loadavg()[0] ?? 0).toFixed(1)} on ${availableParallelism()} processors`;
}

/** The end of what was printed; how far the file came. */
function lastWords(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(-LAST_LINES);
  return lines.length === 0 ? "; it printed nothing" : `; its last lines: ${lines.map((line) => line.slice(0, LAST_LINE_CHARACTERS)).join(" ⏎ ")}`;
}

function lastCount(output: string, name: string): number | null {
  const found = [...output.matchAll(new RegExp(`^ {2}${name}: +(\\d+)$`, "gm"))].at(-1)?.[1];
  return found === undefined ? null : Number(found);
}

/** Runs one command to its end, and ends whatever it started and left behind: it leads a process group. */
export async function run(command: readonly string[], root: string, timeLimitMs: number): Promise<Ended> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    env: environment(root),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const output = collect(child);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, timeLimitMs);
  const { code, signal } = await ended(child, output);
  clearTimeout(timer);
  running.delete(child);
  return { code, signal, timedOut, output: output.text() };
}

/** The exit code, once the output is complete. */
function ended(child: ChildProcess, output: Output): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      output.add(Buffer.from(`${child.spawnfile}: ${error.message}\n`));
      resolve({ code: 127, signal: null });
    });
    child.once("exit", (code, signal) => {
      killGroup(child);
      // A descendant that left the group may hold the pipe for ever: what it writes later is not waited for.
      const impatience = setTimeout(() => resolve({ code, signal }), CLOSE_LIMIT_MS);
      child.once("close", () => {
        clearTimeout(impatience);
        resolve({ code, signal });
      });
    });
  });
}

/** Ends what runs when this process is asked to end. */
export function endWithThisProcess(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      for (const child of running) killGroup(child);
      process.exit(130);
    });
  }
}

interface Output {
  add(chunk: Buffer): void;
  text(): string;
}

function collect(child: ChildProcess): Output {
  const chunks: Buffer[] = [];
  let bytes = 0;
  function add(chunk: Buffer): void {
    chunks.push(chunk);
    bytes += chunk.length;
    while (bytes > OUTPUT_BYTES_MAX && chunks.length > 1) bytes -= chunks.shift()?.length ?? 0;
  }
  child.stdout?.on("data", add);
  child.stderr?.on("data", add);
  return { add, text: () => Buffer.concat(chunks).toString("utf8") };
}

/** Ends a process that leads a group, and all that it started. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // Nobody is left in the group; macOS says EPERM when only its ended leader is.
    if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM"))) throw error;
  }
}

/** The project's own runtimes first, no colours, and nothing that asks or looks for updates. */
export function environment(root: string): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const PATH = [join(root, "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
  return { ...inherited, PATH, NO_COLOR: "1", DENO_NO_PROMPT: "1", DENO_NO_UPDATE_CHECK: "1" };
}
