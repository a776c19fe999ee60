import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import { StallWatch } from "../../src/wal/stall_watch.ts";
import { drawSizes, playScript, Rig, trying } from "./fixture.ts";

const SEEDS = 60;
const LIVES = 6;

function goOn(rig: Rig, random: RandomState, term: number): void {
  for (let turn = 0; turn < 15; turn++) {
    const group = rig.model.groups.has(5) && nextInRange(random, 0, 1) === 1 ? 5 : 1;
    const last = rig.model.of(group).entries.length;
    if (last > 2 && nextInRange(random, 0, 3) === 0) rig.truncate(group, nextInRange(random, 1, last));
    const hardState = rig.model.of(group).hardState;
    if (nextInRange(random, 0, 2) === 0) rig.hardState(group, { term: hardState.term + 1, votedFor: 1, commitIndex: 0 });
    rig.append(group, nextInRange(random, 1, 5), nextInRange(random, 0, 900), term + turn);
    if (nextInRange(random, 0, 1) === 1) rig.flush();
    else if (!rig.sync(50)) return;
  }
}

test("P01 P03 P09 P15 P16: many lives under drawn sizes, each ended by a power cut somewhere", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seedRandom(seed);
    const rig = new Rig(seed, drawSizes(random, 6));
    trying(`seed ${seed}`, () => {
      for (let life = 1; life <= LIVES; life++) {
        rig.disk.crashAt(rig.disk.calls + nextInRange(random, 1, 150));
        const isShort = nextInRange(random, 0, 1) === 0;
        rig.disk.fault = (call) => isShort && call.kind === "write" && call.number % 7 === 0 ? { shortBytes: 700 } : null;
        if (rig.open()) {
          rig.checkRecovered();
          if (rig.model.groups.has(1)) goOn(rig, random, 100 * life);
          else playScript(rig, 20);
        }
        rig.disk.crashAt(0);
        rig.disk.crash();
      }
    });
  }
});

test("StallWatch waits on when its timer fires a rounding too early", () => {
  const timers: { delayMs: number; fire: () => void }[] = [];
  const time = { nowMs: 0 };
  const clock = {
    monotonicMs: () => time.nowMs,
    wallMs: () => 0,
    setTimer: (delayMs: number, fire: () => void) => {
      timers.push({ delayMs, fire });
      return { cancel: () => {} };
    },
    soon: () => {},
  };
  new StallWatch(clock, 600, () => true, () => {}).begin();
  time.nowMs = 600 - 1e-12;
  timers[0]?.fire();
  assert.equal(timers.map(({ delayMs }) => delayMs), [600, 1]);
});

test.run();
