/** One seed is one run, on every runtime. `UPDATE=1 bun test/sim/hash.test.ts` prints what to write below. */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { drawScript } from "../../src/sim/swarm.ts";
import { runSeed } from "../../src/sim/run_seed.ts";

/** Hashes of what these seeds do. They change whenever anything does that a node decides: then write the new ones. */
const HASHES: Readonly<Record<number, string>> = {
  2: "578023020d2f9bf6",
  7: "60b652db52e54e3f",
  12: "32939454d5e878c1",
};

/** The same with clients of the library, whose promises resolve behind events. */
const LIBRARY_HASHES: Readonly<Record<number, string>> = {
  5: "6a94ab6f7bf10c5d",
  21: "ac701bdac75d0e66",
};

for (const [library, hashes] of [[false, HASHES], [true, LIBRARY_HASHES]] as const) {
  for (const [seed, hash] of Object.entries(hashes)) {
    test(`seed ${seed}${library ? " with clients of the library" : ""} does the same on every runtime`, async () => {
      const outcome = await runSeed(Number(seed), { plugin: kv, library });
      assert.is(outcome.violation, null);
      if (process.env["UPDATE"] === "1") console.log(`  ${seed}: "${outcome.traceHash}",`);
      else assert.is(outcome.traceHash, hash, "UPDATE=1 bun test/sim/hash.test.ts prints the new hashes");
    });
  }
}

test("clients of the library are drawn for a fifth of the seeds, and shift nothing else", () => {
  const drawn = Array.from({ length: 300 }, (_, seed) => drawScript(seed));
  const count = drawn.filter(({ settings }) => settings.library !== undefined).length;
  assert.ok(count > 40 && count < 80, `${count} of 300`);
  const { settings: { library, ...settings }, ...rest } = drawScript(5, { library: true });
  assert.ok(library !== undefined && library.length > 0);
  assert.equal({ settings, ...rest }, drawScript(5, { library: false }));
});

test("a seed does the same twice in one process, and another seed does something else", async () => {
  const [one, again, other] = [await runSeed(2, { plugin: kv }), await runSeed(2, { plugin: kv }), await runSeed(12, { plugin: kv })];
  assert.equal(one, again);
  assert.is.not(one?.traceHash, other?.traceHash);
});

test.run();
