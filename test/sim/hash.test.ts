/** One seed is one run, on every runtime. `UPDATE=1 bun test/sim/hash.test.ts` prints what to write below. */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { drawScript } from "../../src/sim/swarm.ts";
import { type RunOptions, runSeed } from "../../src/sim/run_seed.ts";

/** Hashes of what these seeds do; 10 and 3 write under sessions. They change whenever anything does that a node decides: then write the new ones. */
const HASHES: Readonly<Record<number, string>> = {
  2: "8c0a51ff9d0b2135",
  7: "05ebabb9ffcb6d4a",
  10: "9899ee91b0d8632d",
  12: "7bab157105ec9cb7",
};

/** The same with clients of the library, whose promises resolve behind events. */
const LIBRARY_HASHES: Readonly<Record<number, string>> = {
  3: "1d67ab9b342bdd15",
  5: "e694788a536f7e76",
  21: "fffec5de8b37ea63",
};

/** The same where single messages are lost, doubled and late. */
const LOSSY_HASHES: Readonly<Record<number, string>> = {
  6: "5454baa3cd090a76",
  13: "883c037da1d8ce89",
};

/** The same where members come and go. */
const MEMBERS_HASHES: Readonly<Record<number, string>> = {
  3: "d1f93916c03551e8",
  8: "75cf13047ad57303",
};

/** The same where some machines are witnesses. */
const WITNESS_HASHES: Readonly<Record<number, string>> = {
  2: "4acacfa1b71ee912",
  4: "59e12aeccb6fdd17",
};

const TABLES: readonly (readonly [words: string, options: Omit<RunOptions, "plugin">, hashes: Readonly<Record<number, string>>])[] = [
  ["", { library: false, membership: false }, HASHES],
  [" with clients of the library", { library: true, membership: false }, LIBRARY_HASHES],
  [" with lossy ways", { library: false, ways: true, membership: false }, LOSSY_HASHES],
  [" with members that come and go", { library: false, membership: true }, MEMBERS_HASHES],
  [" with witnesses", { library: false, membership: false, witnesses: true }, WITNESS_HASHES],
];

for (const [words, options, hashes] of TABLES) {
  for (const [seed, hash] of Object.entries(hashes)) {
    test(`seed ${seed}${words} does the same on every runtime`, async () => {
      const outcome = await runSeed(Number(seed), { plugin: kv, ...options });
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

test("machines on disk are drawn for a part of the seeds of kv, and shift nothing else", () => {
  const drawn = Array.from({ length: 300 }, (_, seed) => drawScript(seed));
  const count = drawn.filter(({ settings }) => settings.engines === true).length;
  assert.ok(count > 30 && count < 60, `${count} of 300`);
  const { settings: { engines, ...settings }, ...rest } = drawScript(5, { engines: true });
  assert.is(engines, true);
  assert.equal({ settings, ...rest }, drawScript(5, { engines: false }));
  const own = Array.from({ length: 100 }, (_, seed) => drawScript(seed, { plugin: { ...kv, name: "own" } }));
  assert.ok(own.every((script) => script.settings.engines === undefined), "of others nobody knows");
});

test("a seed does the same twice in one process, and another seed does something else", async () => {
  const [one, again, other] = [await runSeed(2, { plugin: kv }), await runSeed(2, { plugin: kv }), await runSeed(12, { plugin: kv })];
  assert.equal(one, again);
  assert.is.not(one?.traceHash, other?.traceHash);
});

test.run();
