/** The fixed set of seeds that every test run goes through: other ones on each runtime. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { runSeed } from "../../src/sim/run_seed.ts";

const SEEDS_A_FILE = 40;

/** Adds the tests of part `part` of the set. */
export function addSeeds(part: number): void {
  const runtime = "Bun" in globalThis ? 0 : "Deno" in globalThis ? 1 : 2;
  const first = 100_000 + 10_000 * runtime + SEEDS_A_FILE * part;
  test(`O12: seeds ${first} to ${first + SEEDS_A_FILE - 1} break no rule, and the healed core lives`, async () => {
    for (let seed = first; seed < first + SEEDS_A_FILE; seed++) {
      const { violation } = await runSeed(seed, { plugin: kv });
      assert.is(violation, null, `draft sim --seed ${seed}: ${violation?.message}`);
    }
  });
}
