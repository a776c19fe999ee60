/**
 * One short life of a whole cluster: it is founded, elects, takes writes that roll segments, hands over, restarts. One
 * machine ends at its k-th disk call, for every k, by a power cut or by a kill that a power cut follows; its next start
 * ends at one of its own calls. All rules are on, and the cluster must serve and agree in the end.
 *
 * A sample of it runs with the other tests; `EVERY_CALL=1 bun test/sim/every_call.test.ts` takes every k, with more seeds.
 */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { runScript, worldOf } from "../../src/sim/run_seed.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { segmentName } from "../../src/wal/segment.ts";
import type { Fault, PlannedOperation, Script, Settings } from "../../src/sim/script.ts";

const isWhole = process.env["EVERY_CALL"] === "1";

/** One call in so many is tried, another one with each victim and seed. */
const STEP = isWhole ? 1 : 9;
const SEEDS = isWhole ? 6 : 2;

/** At which call of its next start the machine ends again; 0: it does not. A start makes some forty. */
const AGAIN_MAX = 45;

const SETTINGS: Settings = {
  nodes: 3, heartbeatMs: 30, electionMinMs: 80, electionMaxMs: 160, tailBytesMax: 256, segmentBytes: 8192, batchBytesMax: 4096,
  appendEntriesMax: 16, inflightAppendsMax: 4, uncommittedBytesMax: 2 ** 20, netDelayMs: 0.5, netBytesPerMs: 100_000,
  netWindowBytes: 65_536, netCutOneIn: 0, diskDelayMaxMs: 0.5, drift: [0, 0, 0], wallOffsetMs: [0, 0, 0], calmStart: false, clients: 1,
  safetyMs: 1200, freezeRest: false, features: [],
};

const WRITES = 24;

function operations(): PlannedOperation[] {
  return Array.from({ length: WRITES }, (_, at) => ({
    id: `o${at + 1}`, client: 1, waitMs: 25, waits: false, member: 1 + at % 3, command: ["set", `k${at % 5}`, `${at} `.padEnd(400, "x")],
    level: null, readsOwn: false, timeoutMs: 1000, patienceMs: 0,
  }));
}

/** The life in which the machine at place `who` ends at those calls, if any. */
function life(seed: number, who: number, calls: number, again: readonly number[] = [], killed = false): Script {
  const faults: Fault[] = [
    { id: "f2", atMs: 500, kind: "transfer", to: 1 },
    { id: "f3", atMs: 600, kind: "transfer", to: 2 },
    { id: "f4", atMs: 800, kind: "stop", who: 1 + who % 3, downMs: 40 },
    { id: "f5", atMs: 900, kind: "kill", who, downMs: 20 },
  ];
  const end: Fault = { id: "f1", atMs: 0.001, kind: "crash-at-call", who, calls, killed, again, downMs: 30 };
  return { seed, settings: SETTINGS, faults: calls === 0 ? faults : [end, ...faults], operations: operations() };
}

/** How many calls the machine makes if nothing ends it. */
async function callsOf(seed: number, who: number): Promise<number> {
  const world = worldOf(life(seed, who, 0), { plugin: kv });
  assert.ok(await world.run(), world.violation?.message);
  const { disk } = [...world.cluster.machines.values()][who - 1] as SimMachine;
  assert.ok(disk.names.files().some((path) => path.endsWith(segmentName(3))), "a segment was rolled");
  assert.ok((world.marks.counts.get("transfer done") ?? 0) > 0, "leadership was handed over");
  return disk.calls;
}

for (const who of [1, 2, 3]) {
  test(`P01 P09 P15 D03: machine ${who} of a cluster ends at each of its disk calls, and at one of its next start`, async () => {
    let met = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const calls = await callsOf(seed, who);
      for (let call = 1 + (who + 3 * seed) % STEP; call <= calls; call += STEP) {
        const again = (7 * call + seed) % AGAIN_MAX;
        const script = life(10_000 * seed + call, who, call, again === 0 ? [] : [again], (call + seed) % 3 === 0);
        const { violation, faults } = await runScript(script, { plugin: kv });
        assert.is(violation, null, `${violation?.message}: draft sim --script with ${JSON.stringify(script)}`);
        met += faults["crash-at-call"] ?? 0;
      }
    }
    assert.ok(met >= 20, `${met} ends`);
  });
}

test.run();
