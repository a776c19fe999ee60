/** A slip of the code in the path of a disk error is no disk error. In a file of its own: it breaks the code that runs. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../../plugins/kv/kv.ts";
import type { Fault } from "../../../src/sim/script.ts";
import { type Outcome, runScript } from "../../../src/sim/run_seed.ts";
import { drawScript } from "../../../src/sim/swarm.ts";
import { BatchWriter } from "../../../src/wal/batch_writer.ts";

/** Which write fails depends on what just goes on: one of them is that of a batch. */
const TIMES_MS: readonly number[] = [700, 800, 1000, 1500];

/** A quiet cluster of three, of which one is told of an error by its next write: no snapshot is in the way. */
function runWithError(atMs: number): Promise<Outcome> {
  const script = drawScript(4, { nodes: 3, quiet: true, library: false });
  const { snapshots: _, ...settings } = script.settings;
  const fault: Fault = { id: "f1", atMs, kind: "eio", who: 2, call: "write", afterCalls: 0, powerCycle: false, downMs: 50 };
  return runScript({ ...script, settings, faults: [fault] }, { plugin: kv });
}

test("an error of the disk excuses the end of a process, not what the engine throws behind it", async () => {
  const broken = async (): Promise<(string | undefined)[]> => {
    const properties: (string | undefined)[] = [];
    for (const atMs of TIMES_MS) properties.push((await runWithError(atMs)).violation?.property);
    return properties;
  };
  assert.equal(await broken(), TIMES_MS.map(() => undefined));
  const { write } = BatchWriter.prototype;
  const slip: { begin?: () => void } = {};
  BatchWriter.prototype.write = function* (this: BatchWriter, queue) {
    try {
      yield* write.call(this, queue);
    } catch {
      slip.begin!();
    }
  };
  const found = await broken();
  assert.ok(found.includes("nothing is thrown"), found.join());
});

test.run();
