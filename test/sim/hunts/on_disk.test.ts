/** Whole simulated clusters whose machines keep their state on disk: the rules hold, exactly-once and equal states among them (P12, P13). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../../plugins/kv/kv.ts";
import { runSeed } from "../../../src/sim/run_seed.ts";

for (const seed of [2, 3, 5]) {
  test(`P12: seed ${seed} with machines on disk breaks no rule`, async () => {
    const outcome = await runSeed(seed, { plugin: kv, engines: true, safetyMs: 3000 });
    assert.is(outcome.violation, null);
    assert.ok(outcome.operations > 10);
  });
}

test.run();
