import { test } from "uvu";
import * as assert from "uvu/assert";
import { entryMs, isQuickEnough, patienceMs, stoppingMs } from "../../src/sim/patience.ts";
import type { Settings } from "../../src/sim/script.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { drawScript } from "../../src/sim/swarm.ts";

const SETTINGS: Settings = { ...drawScript(1).settings, heartbeatMs: 50, electionMinMs: 150, electionMaxMs: 300, netDelayMs: 1, diskDelayMaxMs: 2 };

/** A machine whose log ends at `last`, of which `applied` entries were applied, and are durable; null: it is only starting. */
function machine(last: number | null, applied = 0): SimMachine {
  return { state: last === null ? null : { trail: { lastIndex: last }, lastApplied: applied, durableIndex: applied } } as unknown as SimMachine;
}

test("patienceMs() grows with what whoever is furthest behind lacks", () => {
  const base = patienceMs(SETTINGS, [machine(40, 40), machine(40, 40)]);
  assert.is(base, 6000 + 8 * 300);
  assert.is(patienceMs(SETTINGS, [machine(40, 40), machine(12, 10)]), base + 30 * entryMs(SETTINGS));
  assert.is(patienceMs(SETTINGS, [machine(40, 40), machine(null)]), base + 40 * entryMs(SETTINGS));
  assert.is(patienceMs(SETTINGS, [machine(null), machine(null)]), base);
});

test("stoppingMs() grows with what is not written yet", () => {
  assert.is(stoppingMs(SETTINGS, [machine(null), machine(40, 40)]), 15_000);
  assert.is(stoppingMs(SETTINGS, [machine(40, 40), machine(50, 20)]), 15_000 + 30 * entryMs(SETTINGS));
});

test("entryMs() is more where lines and disks are slower", () => {
  assert.ok(entryMs({ ...SETTINGS, netDelayMs: 8 }) > entryMs(SETTINGS));
  assert.ok(entryMs({ ...SETTINGS, diskDelayMaxMs: 8 }) > entryMs(SETTINGS));
});

test("isQuickEnough() is false where a heartbeat and its answer may take longer than the shortest election timeout", () => {
  assert.ok(isQuickEnough(SETTINGS));
  assert.not(isQuickEnough({ ...SETTINGS, netDelayMs: 4 }));
  assert.not(isQuickEnough({ ...SETTINGS, heartbeatMs: 120 }));
});

test.run();
