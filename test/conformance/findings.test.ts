/** O06: every mistake that a check is to find is found, with the fewest commands that show it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkMachine, MachineFindings } from "draft/testing";
import { BROKEN } from "./broken.ts";
import type { AnyPlugin } from "draft";

/** What a check says of a machine. */
async function findingsOf(plugin: AnyPlugin, options: Parameters<typeof checkMachine>[1] = {}): Promise<MachineFindings> {
  try {
    await checkMachine(plugin, { runs: 5, ...options });
  } catch (thrown) {
    if (thrown instanceof MachineFindings) return thrown;
    throw thrown;
  }
  return new MachineFindings("nothing", []);
}

for (const { name, plugin, kind, operation, says, steps } of BROKEN) {
  test(`finds ${name}`, async () => {
    const { findings, message } = await findingsOf(plugin);
    const [finding] = findings;
    assert.equal([finding?.kind, finding?.operation], [kind, operation], message);
    assert.match(finding?.message ?? "", says);
    assert.is(finding?.steps.length, steps, message);
    assert.is(finding?.lines.length, steps);
    assert.is(findings.length, 1, message);
  });
}

test.run();
