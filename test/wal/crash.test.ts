import { test } from "uvu";
import * as assert from "uvu/assert";
import { playScript, Rig, trying } from "./fixture.ts";

const TURNS = 14;

function callsOf(seed: number): number {
  const rig = new Rig(seed);
  rig.open();
  playScript(rig, TURNS);
  rig.close();
  return rig.disk.calls;
}

/** Plays the script with a power cut at call `at`; the script notices it by its completions. */
function playUntilCrash(seed: number, at: number): Rig {
  const rig = new Rig(seed);
  rig.disk.crashAt(at);
  if (rig.open()) {
    playScript(rig, TURNS);
    rig.wal.close(() => {});
    rig.scheduler.runUntil(rig.scheduler.nowMs + 1_000);
  }
  rig.disk.crashAt(0);
  rig.disk.crash();
  return rig;
}

test("P01 P03 P09 P11 P16: a power cut at each disk call leaves all that was acked, and a prefix of the rest", () => {
  for (const seed of [1, 2, 3]) {
    const calls = callsOf(seed);
    assert.ok(calls > 80, `the script makes ${calls} calls`);
    for (let at = 3; at <= calls; at++) {
      const rig = playUntilCrash(seed, at);
      trying(`seed ${seed}, crash at ${at}`, () => {
        rig.open();
        rig.checkRecovered();
    });
    }
  }
});

test("P15: a power cut at each disk call of a recovery, again and again", () => {
  for (let at = 20; at < callsOf(4); at += 7) {
    const rig = playUntilCrash(4, at);
    trying(`crash at ${at}`, () => {
      for (let call = 1; ; call++) {
        rig.disk.crashAt(rig.disk.calls + call);
        if (rig.open()) break;
      }
      rig.checkRecovered();
    });
  }
});

test("F02: after a crash at each disk call the log goes on, and is read whole after the next crash", () => {
  const calls = callsOf(5);
  for (let at = 3; at <= calls; at += 2) {
    const rig = playUntilCrash(5, at);
    trying(`crash at ${at}`, () => {
      rig.open();
      rig.checkRecovered();
      for (let round = 1; round <= 3; round++) {
        if (!rig.model.groups.has(1)) rig.make(1);
        rig.append(1, 2, 100 * round, 50 + round);
        assert.ok(rig.sync());
        rig.append(1, 1, 30, 50 + round);
        rig.wal.flush();
        rig.restart();
      }
    });
  }
});

test.run();
