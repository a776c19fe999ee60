import { test } from "uvu";
import * as assert from "uvu/assert";
import { entryMs, isQuickEnough, patienceMs, patienceOf, stoppingMs } from "../../src/sim/patience.ts";
import type { Settings } from "../../src/sim/script.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { drawScript } from "../../src/sim/swarm.ts";

// What fetching snapshots costs is told apart.
const { snapshots: _snapshots, ...DRAWN } = drawScript(1).settings;
const SETTINGS: Settings = { ...DRAWN, heartbeatMs: 50, electionMinMs: 150, electionMaxMs: 300, netDelayMs: 1, diskDelayMaxMs: 2 };

/** A machine whose log ends at `last`, of which `applied` entries were applied, and are durable; null: it is only starting. */
function machine(last: number | null, applied = 0): SimMachine {
  return { state: last === null ? null : { trail: { lastIndex: last }, lastApplied: applied, durableIndex: applied } } as unknown as SimMachine;
}

test("patienceMs() has a part for each entry", () => {
  assert.is(patienceMs(SETTINGS, 0), 6000 + 8 * 300);
  assert.is(patienceMs(SETTINGS, 30), 6000 + 8 * 300 + 30 * entryMs(SETTINGS));
});

test("patienceOf() lets what is on the lines already pass first", () => {
  const limitMs = (underWayMs: number): number => patienceOf(SETTINGS, () => [], { underWayMs: () => underWayMs })();
  assert.is(limitMs(700) - limitMs(0), 700);
});

test("patienceOf() has a part for each entry that whoever is furthest behind lacks, and for those that come meanwhile", () => {
  const entriesOf = (...core: SimMachine[]): number => Math.round((patienceOf(SETTINGS, () => core, { underWayMs: () => 0 })() - patienceMs(SETTINGS, 0)) / entryMs(SETTINGS));
  assert.is(entriesOf(machine(40, 40), machine(40, 40)), 0);
  assert.is(entriesOf(machine(40, 40), machine(12, 10)), 30);
  assert.is(entriesOf(machine(12, 0), machine(40, 30), machine(null)), 40);
  assert.is(entriesOf(), 0);
  let core = [machine(40, 40), machine(12, 10)];
  const limitMs = patienceOf(SETTINGS, () => core, { underWayMs: () => 0 });
  core = [machine(50, 40), machine(45, 42)];
  assert.is(limitMs(), patienceMs(SETTINGS, 40));
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
