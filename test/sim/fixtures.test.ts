/** Runs that once failed, made small by `draft sim --shrink`: each must never fail again. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { runScript } from "../../src/sim/run_seed.ts";
import type { Script } from "../../src/sim/script.ts";

const DIRECTORY = new URL("fixtures/", import.meta.url);

for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith(".json")).sort()) {
  test(`${file} holds`, async () => {
    const script = JSON.parse(readFileSync(new URL(file, DIRECTORY), "utf8")) as Script;
    const { violation } = await runScript(script, { plugin: kv });
    assert.is(violation, null, violation?.message);
  });
}

test.run();
