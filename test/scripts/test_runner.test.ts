import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Job, judge, type Outcome, type Report, run, runJobs, type Runtime, sum } from "../../scripts/test_runner.ts";

/** Each runtime looks at the files that it runs itself: three runs of this file cover all. */
const runtime: Runtime = "bun" in process.versions ? "bun" : "deno" in process.versions ? "deno" : "node";

const UVU = 'import { test } from "uvu"; import * as assert from "uvu/assert";\n';
const TIME_LIMIT_MS = 20_000;

let root = "";

test.before(() => {
  const project = fileURLToPath(new URL("../..", import.meta.url));
  root = mkdtempSync(join(tmpdir(), "draft-test-runner-"));
  symlinkSync(join(project, "node_modules"), join(root, "node_modules"));
  mkdirSync(join(root, "scripts"));
  writeFileSync(
    join(root, "scripts", "resolve_draft.ts"),
    `import ${JSON.stringify(join(project, "scripts/resolve_draft.ts"))};`,
  );
  writeFileSync(join(root, "package.json"), '{"type":"module","dependencies":{"uvu":"0.5.6"}}');
  writeFileSync(join(root, "deno.json"), '{"nodeModulesDir":"manual"}');
});

test.after(() => rmSync(root, { recursive: true }));

/** Runs a test file with `text` as a job. */
async function outcomeOf(text: string, timeLimitMs = TIME_LIMIT_MS): Promise<Outcome & { readonly output: string }> {
  const file = `${Math.random().toString(36).slice(2)}.test.ts`;
  writeFileSync(join(root, file), UVU + text);
  const outputs: string[] = [];
  const job: Job = { file, runtime };
  const onOutcome = ({ output }: Report): void => void outputs.push(output);
  return { ...await runJobs([job], { root, timeLimitMs, atOnce: 1, onOutcome }), output: outputs.join() };
}

test("a file passes with its number of cases", async () => {
  const { output, ...outcome } = await outcomeOf(
    'test("a", () => assert.is(1, 1)); test("b", async () => {}); test.run();',
  );
  assert.equal(outcome, { passed: 2, failed: 0, skipped: 0, reason: null }, output);
});

test("a failed assertion and a throw are counted, and shown", async () => {
  const { output, ...outcome } = await outcomeOf(
    'test("a", () => assert.is(1, 2)); test("b", () => { throw new Error("broken"); }); test("c", () => {}); test.run();',
  );
  assert.equal(outcome, { passed: 1, failed: 2, skipped: 0, reason: "2 of 3 failed" });
  assert.match(output, "broken");
});

test("a throw while loading fails", async () => {
  const { failed, reason, output } = await outcomeOf('test("a", () => {}); test.run(); throw new Error("at load");');
  assert.is(failed, 1);
  assert.match(reason ?? "", "exit 1 without a result");
  assert.match(output, "at load");
});

test("a forgotten run() fails, though it exits 0", async () => {
  const { failed, reason } = await outcomeOf('test("a", () => {});');
  assert.is(failed, 1);
  assert.match(reason ?? "", "exit 0 without a result");
});

test("run() before the tests fails, though it exits 0", async () => {
  const { failed, reason } = await outcomeOf('test.run(); test("a", () => {});');
  assert.is(failed, 1);
  assert.match(reason ?? "", "ran no test");
});

test("a before hook that throws fails, though it exits 0", async () => {
  const { failed, reason } = await outcomeOf(
    'test.before(() => { throw new Error(); }); test("a", () => {}); test.run();',
  );
  assert.is(failed, 1);
  assert.is(reason, "1 of 1 failed");
});

test("a test that never ends fails", async () => {
  const { failed } = await outcomeOf('test("a", () => new Promise(() => {})); test.run();');
  assert.is(failed, 1);
});

test("an unhandled rejection fails, though each test passed", async () => {
  const { failed } = await outcomeOf(
    'test("a", async () => { Promise.reject(new Error()); await new Promise((r) => setTimeout(r, 20)); }); test.run();',
  );
  assert.is(failed, 1);
});

test("a leaked handle is ended at the time limit and fails", async () => {
  const { passed, failed, reason } = await outcomeOf(
    'test("a", () => { setInterval(() => {}, 1000); }); test.run();',
    1_000,
  );
  assert.equal([passed, failed], [1, 1]);
  assert.match(reason ?? "", /^still running after 1 s, killed: .* \(load \d+\.\d on \d+ processors\); its last lines: Passed: {4}1 ⏎ Skipped: {3}0 ⏎ Duration/);
});

test("judge() tells of a file that was killed how far it came", () => {
  const killed = (output: string): string => judge({ code: null, timedOut: true, output }, 60_000).reason ?? "";
  assert.match(killed("one\ntwo\n\n  three\nfour\n"), /after 60 s, .*; its last lines: two ⏎ three ⏎ four$/);
  assert.match(killed(`${"x".repeat(300)}\n`), /; its last lines: x{200}$/);
  assert.match(killed("\n"), /; it printed nothing$/);
});

test("what a file started ends with it", async () => {
  const trace = join(root, "trace.txt");
  const { passed, output } = await outcomeOf(
    'import { spawn } from "node:child_process"; import { existsSync } from "node:fs";\n' +
      `spawn("sh", ["-c", "while sleep 0.02; do echo >> ${trace}; done"]).unref();\n` +
      'test("a", async () => {\n' +
      `  while (!existsSync(${JSON.stringify(trace)})) await new Promise((r) => setTimeout(r, 10));\n` +
      "}); test.after(() => void setTimeout(() => process.exit(), 50)); test.run();",
  );
  assert.is(passed, 1, output);
  const bytes = readFileSync(trace).length;
  await sleep(200);
  assert.is(readFileSync(trace).length, bytes);
});

test('"draft" is the library on every runtime', async () => {
  writeFileSync(join(root, "deno.json"), JSON.stringify({ nodeModulesDir: "manual", imports: { draft: libraryUrl } }));
  writeFileSync(
    join(root, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { paths: { draft: [fileURLToPath(libraryUrl)] } } }),
  );
  const { output, passed } = await outcomeOf(
    'import { version } from "draft"; test("a", () => assert.type(version, "string")); test.run();',
  );
  assert.is(passed, 1, output);
});

test("run() reports a program that is not there", async () => {
  const { code, output } = await run(["no-such-program-here"], root, TIME_LIMIT_MS);
  assert.is(code, 127);
  assert.match(output, "no-such-program-here");
});

test("judge() takes the last counts, since tests may print such lines too", () => {
  const output = "  Total:     0\n  Passed:    0\n\n  Total:     3\n  Passed:    3\n  Skipped:   1\n";
  assert.equal(judge({ code: 0, timedOut: false, output }, 1), { passed: 3, failed: 0, skipped: 1, reason: null });
  assert.is(judge({ code: 1, timedOut: false, output }, 1).reason, "exit 1 though each test passed");
  assert.is(judge({ code: null, timedOut: false, output }, 1).failed, 1);
});

test("sum() of nothing is a failure", () => {
  assert.is(sum([]).reason, "no test ran");
});

const libraryUrl = new URL("../../mod.ts", import.meta.url).href;

test.run();
