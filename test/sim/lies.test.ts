import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { runScript } from "../../src/sim/run_seed.ts";
import { shortLife } from "./short_life.ts";

test("F20: one disk of three lies about syncs until its power is cut: no write that was acknowledged is lost", async () => {
  let lost = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const who = 1 + seed % 3;
    const script = shortLife(seed, who, [{ atMs: 200 + 25 * seed, kind: "lie", who, forMs: 40, powerCycle: true, downMs: 60 }]);
    const { violation, marks } = await runScript(script, { plugin: kv });
    assert.is(violation, null, `seed ${seed}: ${violation?.message}`);
    if ((marks["a lie lost what was durable"] ?? 0) + (marks["silent loss found and named"] ?? 0) > 0) lost += 1;
  }
  assert.ok(lost >= 6, `${lost} of 12 lies lost what had been called durable`);
});

test.run();
