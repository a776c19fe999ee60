/**
 * One short life of a whole cluster: it is founded, elects, takes writes that roll segments, hands over, restarts. One
 * machine ends at its k-th disk call, for every k, by a power cut or by a kill that a power cut follows; its next start
 * ends at one of its own calls. All rules are on, and the cluster must serve and agree in the end.
 *
 * A sample of it runs with the other tests; `EVERY_CALL=1 bun test/sim/hunts/every_call.test.ts` takes every k, with more seeds.
 */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../../plugins/kv/kv.ts";
import { runScript, worldOf } from "../../../src/sim/run_seed.ts";
import type { SimMachine } from "../../../src/sim/sim_machine.ts";
import { segmentName } from "../../../src/wal/segment.ts";
import { endsAtCall, shortLife } from "../short_life.ts";

const isWhole = process.env["EVERY_CALL"] === "1";

/** One call in so many is tried, another one with each victim and seed. */
const STEP = isWhole ? 1 : 17;
const SEEDS = isWhole ? 6 : 1;

/** At which call of its next start the machine ends again; 0: it does not. A start makes some forty. */
const AGAIN_MAX = 45;

/** How many calls the machine makes if nothing ends it. */
async function callsOf(seed: number, who: number): Promise<number> {
  const world = worldOf(shortLife(seed, who), { plugin: kv });
  assert.ok(await world.run(), world.violation?.message);
  const { disk } = [...world.cluster.machines.values()][who - 1] as SimMachine;
  assert.ok(disk.names.files().some((path) => path.endsWith(segmentName(3))), "a segment was rolled");
  for (const mark of ["transfer done", "log begins later", "log replaced by a snapshot", "restart from a snapshot"] as const) {
    assert.ok((world.marks.counts.get(mark) ?? 0) > 0, mark);
  }
  return disk.calls;
}

for (const who of [1, 2, 3]) {
  test(`P01 P09 P15 D03: machine ${who} of a cluster ends at each of its disk calls, and at one of its next start`, async () => {
    let met = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const calls = await callsOf(seed, who);
      for (let call = 1 + (who + 3 * seed) % STEP; call <= calls; call += STEP) {
        const again = (7 * call + seed) % AGAIN_MAX;
        const end = endsAtCall({ who, calls: call, again: again === 0 ? [] : [again], killed: (call + seed) % 3 === 0 });
        const script = shortLife(10_000 * seed + call, who, [end]);
        const { violation, faults } = await runScript(script, { plugin: kv });
        assert.is(violation, null, `${violation?.message}: draft sim --script with ${JSON.stringify(script)}`);
        met += faults["crash-at-call"] ?? 0;
      }
    }
    assert.ok(met >= 6, `${met} ends`);
  });
}

test.run();
