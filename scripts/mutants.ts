/**
 * Shows that the simulator can fail: puts one seeded bug (scripts/mutants/) at a time into a copy of the tree and runs
 * seeds there until a rule is broken. Ends with 1 if one lives longer than its time, or the code as it is breaks a rule.
 *
 *   npm run mutants [-- --only 1,4,16b] [--minutes 2] [--jobs 2] [--first-seed 1] [--table]
 *
 * `--table` writes what came of them into the table of docs/testing.md.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Hunt } from "./mutants/hunt.ts";
import { MUTANTS, UNKILLABLE, WAITING } from "./mutants/list.ts";
import { type Drawn, type Mutant, numberOf, patchesOf } from "./mutants/mutant.ts";
import { putTable, type Result, rowOf, rowsIn, summaryOf, tableOf, textOf } from "./mutants/table.ts";
import { cloneTree, copyTree, patchTree, removeTree } from "./mutants/tree.ts";

/** The code as it is runs so many seconds first. */
const BASELINE_SECONDS = 20;

/** One seed takes less. */
const SEED_SECONDS = 60;

/** A process that says nothing after so many times its time on the processor hangs. */
const PATIENCE = 6;

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" }, minutes: { type: "string", default: "2" }, jobs: { type: "string", default: "2" },
    "first-seed": { type: "string", default: "1" }, table: { type: "boolean", default: false },
  },
});
const seconds = 60 * Number(values.minutes);
const jobs = Math.min(2, Number(values.jobs));

function wanted(): readonly Mutant[] {
  const ids = values.only.split(",").filter((id) => id !== "");
  if (ids.length === 0) return MUTANTS;
  const unknown = ids.find((id) => !MUTANTS.some((mutant) => mutant.id === id || String(numberOf(mutant.id)) === id));
  if (unknown !== undefined) throw new TypeError(`--only "${unknown}": no such mutant`);
  return MUTANTS.filter(({ id }) => ids.includes(id) || ids.includes(String(numberOf(id))));
}

/** Runs seeds in a copy of the tree; what it printed last instead, if it printed no result. */
async function huntIn(tree: string, limitSeconds: number, drawn: readonly Drawn[] = [], firstSeed = values["first-seed"]): Promise<Hunt | string> {
  const child = spawn("bun", ["scripts/mutants/hunt.ts", firstSeed, String(limitSeconds), ...drawn], {
    cwd: tree, stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
  });
  let out = "";
  let errors = "";
  child.stdout.on("data", (bytes: Buffer) => void (out += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => void (errors = (errors + bytes.toString()).slice(-2000)));
  const timer = setTimeout(() => child.kill("SIGKILL"), Math.max(limitSeconds, SEED_SECONDS) * 1000 * PATIENCE);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  if (code === null) return "hangs";
  try {
    return JSON.parse(out) as Hunt;
  } catch {
    return `breaks: ${errors.trim().split("\n").at(-1) ?? ""}`;
  }
}

/** Runs one test file in a copy of the tree; it must name a test that failed, and not break off. */
async function testIn(tree: string, file: string): Promise<Hunt | string> {
  const child = spawn("bun", [file], { cwd: tree, stdio: ["ignore", "pipe", "pipe"] , env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` } });
  const beganMs = performance.now();
  let out = "";
  child.stdout.on("data", (bytes: Buffer) => void (out += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => void (out += bytes.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), SEED_SECONDS * 1000);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  const ran = { seeds: 1, seconds: (performance.now() - beganMs) / 1000, seed: 0, thrown: 0 };
  const failed = /FAIL .*?"(.*)"/.exec(out)?.[1] ?? null;
  if (code === 0) return { ...ran, property: null, message: "" };
  return failed === null ? `breaks: ${out.trim().split("\n").at(-1) ?? ""}` : { ...ran, property: file, message: failed };
}

async function tryByTest(mutant: Mutant, file: string, pristine: string, tree: string): Promise<Result> {
  const without = await testIn(pristine, file);
  if (typeof without === "string" || without.property !== null) return { mutant, hunt: `${file} fails without it` };
  return { mutant, hunt: await testIn(tree, file) };
}

async function tryMutant(mutant: Mutant, pristine: string): Promise<Result> {
  const tree = cloneTree(pristine);
  try {
    patchTree(tree, patchesOf(mutant));
    if (mutant.test !== undefined) return await tryByTest(mutant, mutant.test, pristine, tree);
    const drawn = (["members", "witnesses", "versions"] as const).filter((what) => mutant[what] === true);
    const hunt = await huntIn(tree, seconds, drawn);
    return { mutant, hunt: await isFalseAlarm(hunt, pristine, drawn) ? `seed ${(hunt as Hunt).seed} breaks a rule without it` : hunt };
  } finally {
    removeTree(tree);
  }
}

/** Whether the code as it is breaks a rule with the seed that killed. */
async function isFalseAlarm(hunt: Hunt | string, pristine: string, drawn: readonly Drawn[]): Promise<boolean> {
  if (typeof hunt === "string" || hunt.property === null) return false;
  const without = await huntIn(pristine, 0, drawn, String(hunt.seed));
  return typeof without === "string" || without.property !== null || without.thrown > 0;
}

async function tryAll(mutants: readonly Mutant[], pristine: string): Promise<Result[]> {
  const left = [...mutants];
  const results: Result[] = [];
  const worker = async (): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const result = await tryMutant(mutant, pristine);
      results.push(result);
      console.log(textOf(result));
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return mutants.map((mutant) => results.find((result) => result.mutant === mutant) as Result);
}

// Copied once: the tree may change while this runs.
const pristine = copyTree(root);
process.on("exit", () => removeTree(pristine));
const isHunted = wanted().some(({ test }) => test === undefined);
for (const drawn of isHunted ? [[], ["members"], ["witnesses"], ["versions"]] as const : []) {
  const baseline = await huntIn(pristine, Math.min(BASELINE_SECONDS, seconds), drawn);
  if (typeof baseline === "string" || baseline.property !== null || baseline.thrown > 0) {
    console.error(`the code as it is fails: ${typeof baseline === "string" ? baseline : `seed ${baseline.seed}, ${baseline.message}`}`);
    process.exit(1);
  }
  console.log(`as it is${drawn.map((what) => `, with ${what}`).join("")}: ${baseline.seeds} seeds in ${baseline.seconds.toFixed(0)} s, no rule is broken`);
}
console.log("");

const results = await tryAll(wanted(), pristine);
console.log(`\n${summaryOf(results, WAITING, UNKILLABLE)}`);
if (values.table) {
  const path = join(root, "docs/testing.md");
  const document = readFileSync(path, "utf8");
  const rows = new Map([...rowsIn(document), ...results.map((result): [string, string] => [result.mutant.id, rowOf(result)])]);
  const missing = MUTANTS.find(({ id }) => !rows.has(id));
  if (missing !== undefined) throw new TypeError(`--table: mutant ${missing.id} has no row yet, and was not tried`);
  writeFileSync(path, putTable(document, tableOf(MUTANTS.map(({ id }) => rows.get(id)!), WAITING, UNKILLABLE)));
}
if (results.some(({ hunt }) => typeof hunt === "string" || hunt.property === null)) process.exitCode = 1;
