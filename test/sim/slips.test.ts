/** A slip of the code in the path of a disk error is no disk error. In a file of its own: it breaks the code that runs. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import type { Fault } from "../../src/sim/script.ts";
import { type Outcome, runScript } from "../../src/sim/run_seed.ts";
import { drawScript } from "../../src/sim/swarm.ts";
import { BatchWriter } from "../../src/wal/batch_writer.ts";

/** A quiet cluster of three, of which one is told of an error by its next sync. */
function runWithError(): Promise<Outcome> {
  const script = drawScript(4, { nodes: 3, quiet: true, library: false });
  const fault: Fault = { id: "f1", atMs: 800, kind: "eio", who: 2, call: "sync", afterCalls: 0, powerCycle: false, downMs: 50 };
  return runScript({ ...script, faults: [fault] }, { plugin: kv });
}

test("an error of the disk excuses the end of a process, not what the engine throws behind it", async () => {
  assert.is((await runWithError()).violation, null);
  const { write } = BatchWriter.prototype;
  const slip: { begin?: () => void } = {};
  BatchWriter.prototype.write = function* (this: BatchWriter, queue) {
    try {
      yield* write.call(this, queue);
    } catch {
      slip.begin!();
    }
  };
  assert.is((await runWithError()).violation?.property, "nothing is thrown");
});

test.run();
