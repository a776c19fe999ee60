/**
 * Fuzz of everything that reads what a stranger sends. A crash is told with its seed and input, and ends this with 1.
 *
 *   npm run fuzz:parsers [-- --inputs 200000] [--seed 1]
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { fuzzParser, PARSERS } from "./fuzz/parsers.ts";

const { values } = parseArgs({ options: { inputs: { type: "string", default: "200000" }, seed: { type: "string", default: "1" } } });
const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
if (!Number.isSafeInteger(inputs) || !Number.isSafeInteger(seed) || inputs < 1) throw new TypeError("--inputs and --seed want whole numbers");
for (const parser of PARSERS) {
  const beganMs = performance.now();
  const { refused } = fuzzParser(parser, seed, inputs);
  const tookMs = performance.now() - beganMs;
  const mib = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(`${parser.name.padEnd(18)} ${inputs} inputs, ${refused} refused, ${(1000 * tookMs / inputs).toFixed(1)} µs each, ${mib} MiB`);
}
