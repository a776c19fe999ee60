/**
 * The traces of test/traces: each must come out as it is written. `bun test/raft/traces.test.ts --update` (or UPDATE=1)
 * writes what comes out; read the difference before it is committed.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTrace } from "./trace_runner.ts";

const folder = new URL("../traces/", import.meta.url);
const update = process.argv.includes("--update") || process.env["UPDATE"] === "1";

for (const name of readdirSync(folder).filter((file) => file.endsWith(".txt")).sort()) {
  test(`trace ${name}`, () => {
    const file = new URL(name, folder);
    const written = readFileSync(file, "utf8");
    const result = runTrace(written);
    if (update) writeFileSync(file, result);
    else assert.fixture(result, written);
  });
}

test.run();
