/** One seed is one run, on every runtime. `UPDATE=1 bun test/sim/hash.test.ts` prints what to write below. */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { runSeed } from "../../src/sim/run_seed.ts";

/** Hashes of what these seeds do. They change whenever anything does that a node decides: then write the new ones. */
const HASHES: Readonly<Record<number, string>> = {
  2: "2c38af1ac533f87d",
  7: "12b460d5dc93a338",
  12: "6022000a9b10523d",
};

for (const [seed, hash] of Object.entries(HASHES)) {
  test(`seed ${seed} does the same on every runtime`, () => {
    const outcome = runSeed(Number(seed), { plugin: kv });
    assert.is(outcome.violation, null);
    if (process.env["UPDATE"] === "1") console.log(`  ${seed}: "${outcome.traceHash}",`);
    else assert.is(outcome.traceHash, hash, "UPDATE=1 bun test/sim/hash.test.ts prints the new hashes");
  });
}

test("a seed does the same twice in one process, and another seed does something else", () => {
  const [one, again, other] = [2, 2, 12].map((seed) => runSeed(seed, { plugin: kv }));
  assert.equal(one, again);
  assert.is.not(one?.traceHash, other?.traceHash);
});

test.run();
