/**
 * Runs the tests: each file under test/ and plugins/ in its own process on each runtime, end-to-end tests apart.
 *
 *   bun scripts/test.ts [--runtime bun|deno|node]... [--only PART-OF-PATH] [--time-limit SECONDS] [--jobs N]
 *   bun scripts/test.ts --e2e          test/e2e/ on Bun, one at a time (npm run e2e)
 */
import { globSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { endWithThisProcess, type Report, runJobs, type Runtime, RUNTIMES } from "./test_runner.ts";

const { values } = parseArgs({
  options: {
    e2e: { type: "boolean", default: false },
    runtime: { type: "string", multiple: true },
    only: { type: "string", default: "" },
    "time-limit": { type: "string" },
    jobs: { type: "string" },
  },
});

/**
 * Runs of the simulator that look for what breaks, and the tests of these tools, run on Bun alone: the other runtimes take
 * the same steps in the same runs (test/sim/hash.test.ts), and start no tool.
 */
const BUN_ONLY: readonly string[] = ["test/sim/hunts/", "test/scripts/"];

/** How many of the slowest files are named. */
const SLOWEST = 8;

/** The test files for a runtime, sorted, so that two runs differ in nothing. */
function testFiles(runtime: Runtime): string[] {
  const patterns = values.e2e ? ["test/e2e/**/*.test.ts"] : ["test/**/*.test.ts", "plugins/**/*.test.ts"];
  const files = globSync(patterns).map((file) => file.replaceAll("\\", "/")).sort();
  const isLeftOut = (file: string): boolean => runtime !== "bun" && BUN_ONLY.some((directory) => file.startsWith(directory));
  return files.filter((file) => file.includes(values.only) && file.startsWith("test/e2e/") === values.e2e && !isLeftOut(file));
}

function chosenRuntimes(): readonly Runtime[] {
  if (values.e2e) return ["bun"];
  const wrong = values.runtime?.find((name) => !(RUNTIMES as readonly string[]).includes(name));
  if (wrong !== undefined) throw new TypeError(`--runtime "${wrong}": want one of ${RUNTIMES.join(", ")}`);
  return RUNTIMES.filter((name) => values.runtime?.includes(name) ?? true);
}

function tellFailure({ job: { file, runtime }, outcome: { reason }, output }: Report): void {
  if (reason !== null) console.log(`\n${output.trimEnd()}\nFAILED ${runtime} ${file}: ${reason}\n`);
}

/** Which files the time went to: without that, nobody sees a suite grow slow. */
function slowest(reports: readonly Report[]): string {
  const first = [...reports].sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
  return first.map(({ job, seconds }) => `${job.file} ${seconds.toFixed(1)} s`).join(", ");
}

endWithThisProcess();
const total = { passed: 0, failed: 0, skipped: 0 };
for (const runtime of chosenRuntimes()) {
  const startMs = performance.now();
  const files = testFiles(runtime);
  if (files.length === 0) continue;
  const reports: Report[] = [];
  const { passed, failed, skipped, reason } = await runJobs(files.map((file) => ({ file, runtime })), {
    root: process.cwd(),
    timeLimitMs: 1000 * Number(values["time-limit"] ?? (values.e2e ? 300 : 120)),
    atOnce: Number(values.jobs ?? (values.e2e ? 1 : 2)),
    onOutcome: (report) => {
      reports.push(report);
      if (report.hasCrashed) console.log(`${report.job.runtime} ${report.job.file}: the engine fell over behind its tests, which were run again`);
      tellFailure(report);
    },
  });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${runtime}: ${files.length} files, ${passed + failed} tests, ${failed} failed, ${seconds} s`);
  if (files.length > 1) console.log(`  slowest: ${slowest(reports)}`);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  if (reason !== null) process.exitCode = 1;
}
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
if (total.passed + total.failed === 0) process.exitCode = 1;
