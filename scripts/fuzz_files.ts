/**
 * Fuzz of files: directories of simulated nodes are damaged, and nodes of the code that ships are started on them. Each
 * start must end in a refusal that says what to do, or hold all that was made durable: what it had told others, and its
 * vote. A write that nothing vouches for yet may be cut. What is wrong is told with its seed, and ends this with 1.
 *
 *   npm run fuzz:files [-- --cases 12000] [--seed 1] [--together-one-in 20] [--only "bit: hardState"]
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { fuzzFiles } from "./fuzz/fuzz.ts";

const WRONG_SHOWN = 20;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20000" }, seed: { type: "string", default: "1" },
    "together-one-in": { type: "string", default: "20" }, only: { type: "string", default: "" },
  },
});

function wanted(name: "cases" | "seed" | "together-one-in"): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`--${name} "${values[name]}": want a whole number from 1`);
  return value;
}

const beganMs = performance.now();
const { alone, together, wrong } = await fuzzFiles({ seed: wanted("seed"), cases: wanted("cases"), togetherOneIn: wanted("together-one-in"), only: values.only });
console.log(`each alone, ${alone.count()} cases:\n\n${alone.table()}\n`);
console.log(`${together.count()} of them among the other members:\n\n${together.table()}\n`);
console.log(`${wrong.length} wrong, ${((performance.now() - beganMs) / 1000).toFixed(0)} s`);
for (const { name, words } of wrong.slice(0, WRONG_SHOWN)) console.log(`\nWRONG ${name}\n  ${words}`);
if (wrong.length > 0) process.exitCode = 1;
