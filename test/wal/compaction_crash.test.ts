import { test } from "uvu";
import * as assert from "uvu/assert";
import { Rig, SMALL, trying } from "./fixture.ts";

const OPTIONS = { ...SMALL, batchBytesMax: 4_096, recordBytesMax: 4_096 };

/** What happened while the script was played, over all of its runs. */
interface Seen {
  freed: number;
  relocatedBytes: number;
  truncatedWhileRead: number;
}

/**
 * A fast group that is overwritten, a slow one that holds the first segments until it is relocated, and is truncated
 * while that is read; and a snapshot that comes ahead of the log. Stops when the power is cut.
 */
function play(rig: Rig, seen: Seen): void {
  for (const group of [1, 2, 3]) rig.make(group);
  rig.append(2, 4, 300);
  rig.append(3, 2, 100);
  if (!rig.sync(50)) return;
  let isRead = false;
  rig.disk.seen = (call) => {
    isRead ||= call.kind === "read" && call.path.endsWith("1.seg");
  };
  for (let turn = 1; turn <= 36; turn++) {
    rig.append(1, 1, 1_300, turn);
    if (turn % 6 === 0) rig.compact(1, rig.model.point(1, rig.model.last(1) - 1));
    if (isRead && rig.model.last(2) > 2 && rig.wal.compaction.relocatedBytes === 0) {
      seen.truncatedWhileRead += 1;
      rig.truncate(2, rig.model.last(2));
      if (turn % 2 === 0) rig.append(2, 1, 300, turn);
    }
    if (turn === 20) rig.compact(3, { index: 30, term: 20, chain: 99 });
    if (turn === 22) rig.append(3, 2, 50, 22);
    if (!rig.sync(50)) return;
  }
  rig.scheduler.runUntil(rig.scheduler.nowMs + 50);
  seen.freed += rig.wal.compaction.freed;
  seen.relocatedBytes += rig.wal.compaction.relocatedBytes;
}

function playUntilCrash(seed: number, at: number, seen: Seen): Rig {
  const rig = new Rig(seed, OPTIONS);
  rig.disk.crashAt(at);
  if (rig.open()) play(rig, seen);
  rig.disk.crashAt(0);
  rig.disk.crash();
  return rig;
}

function callsOf(seed: number, seen: Seen): number {
  const rig = new Rig(seed, OPTIONS);
  rig.open();
  play(rig, seen);
  return rig.disk.calls;
}

test("P09 D07 S07 S13: a power cut at each disk call of compaction, relocation and reuse leaves all that was acked", () => {
  const seen = { freed: 0, relocatedBytes: 0, truncatedWhileRead: 0 };
  for (const { seed, every } of [{ seed: 1, every: 1 }, { seed: 2, every: 7 }, { seed: 3, every: 7 }]) {
    const calls = callsOf(seed, seen);
    for (let at = 3; at <= calls; at += every) {
      const rig = playUntilCrash(seed, at, seen);
      trying(`seed ${seed}, crash at ${at}`, () => {
        rig.open();
        rig.checkRecovered();
        rig.checkReads();
      });
    }
  }
  assert.ok(seen.freed > 0 && seen.relocatedBytes > 0 && seen.truncatedWhileRead > 0, JSON.stringify(seen));
});

test("P15: a power cut at each disk call of a recovery of a compacted log, again and again, and it goes on afterwards", () => {
  const seen = { freed: 0, relocatedBytes: 0, truncatedWhileRead: 0 };
  const calls = callsOf(4, seen);
  for (let at = 100; at < calls; at += 61) {
    const rig = playUntilCrash(4, at, seen);
    trying(`crash at ${at}`, () => {
      for (let call = 1; ; call++) {
        rig.disk.crashAt(rig.disk.calls + call);
        if (rig.open()) break;
      }
      rig.disk.crashAt(0);
      rig.disk.crash();
      rig.open();
      rig.checkRecovered();
      for (let turn = 1; turn <= 8; turn++) {
        rig.append(1, 1, 1_300, 90 + turn);
        assert.ok(rig.sync());
      }
      rig.restart();
      rig.checkReads();
    });
  }
});

test.run();
