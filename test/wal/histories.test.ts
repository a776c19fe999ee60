import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import { drawSizes, Rig, trying } from "./fixture.ts";

const SEEDS = 30;
const LIVES = 6;

/** One thing that may happen to a group: mostly entries, and 2 is a slow one. */
function act(rig: Rig, random: RandomState, term: number): void {
  const group = nextInRange(random, 0, 9) === 0 ? 2 : nextInRange(random, 0, 2) === 0 ? 9 : 1;
  if (!rig.model.groups.has(group)) return rig.make(group);
  const { prefix, hardState } = rig.model.of(group);
  const last = rig.model.last(group);
  const draw = nextInRange(random, 0, 19);
  if (draw < 2 && last > prefix.index) return rig.truncate(group, nextInRange(random, Math.max(prefix.index + 1, last - 4), last));
  if (draw === 2) return rig.hardState(group, { term: hardState.term + 1, votedFor: 1, commitIndex: 0 });
  if (draw < 6 && group !== 2 && last > prefix.index) return rig.compact(group, rig.model.point(group, nextInRange(random, prefix.index + 1, last)));
  if (draw === 6 && group !== 2) return install(rig, group, Math.max(last, rig.model.of(group).snapshot) + nextInRange(random, 1, 9), term);
  rig.append(group, nextInRange(random, 1, 5), nextInRange(random, 0, 700), term);
}

/** A snapshot from elsewhere, ahead of the log; at times it conflicts with the end of it. */
function install(rig: Rig, group: number, index: number, term: number): void {
  const { prefix } = rig.model.of(group);
  const last = rig.model.last(group);
  if (index % 2 === 0 && last > prefix.index) rig.truncate(group, nextInRange(rig.random, prefix.index + 1, last));
  rig.compact(group, { index, term, chain: index * 7 });
}

/** Checks after a start, then a life with reads, until the power is cut. */
function live(rig: Rig, random: RandomState, term: number): void {
  rig.checkRecovered();
  rig.checkReads();
  for (let turn = 0; turn < 40; turn++) {
    for (let acts = nextInRange(random, 1, 3); acts > 0; acts--) act(rig, random, term + turn);
    if (nextInRange(random, 0, 1) === 1) rig.flush();
    else if (!rig.sync(50)) return;
    else if (nextInRange(random, 0, 7) === 0) rig.checkReads();
  }
}

test("P09 P11 P13 P15 S07 S13 D05 D07: histories of several groups, cut by power anywhere, are what a plain model says", () => {
  const seen = { freed: 0, relocatedBytes: 0, renames: 0, unlinks: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seedRandom(seed);
    const rig = new Rig(seed, { ...drawSizes(random, 4), relocateMs: nextInRange(random, 0, 3) });
    rig.disk.seen = ({ kind, path }) => {
      if (kind === "rename" && path.endsWith(".seg")) seen.renames += 1;
      if (kind === "unlink") seen.unlinks += 1;
    };
    trying(`seed ${seed}`, () => {
      for (let life = 1; life <= LIVES; life++) {
        if (nextInRange(random, 0, 3) > 0) rig.disk.crashAt(rig.disk.calls + nextInRange(random, 1, 500));
        try {
          if (rig.open()) live(rig, random, 100 * life);
        } catch (error) {
          // A read that the power cut off does not end.
          if (!(error instanceof Error) || error.message !== "the read did not end") throw error;
        }
        if (rig.told.some((told) => !told.startsWith("stall"))) throw new Error(rig.told.join());
        seen.freed += rig.wal?.compaction.freed ?? 0;
        seen.relocatedBytes += rig.wal?.compaction.relocatedBytes ?? 0;
        rig.disk.crashAt(0);
        rig.disk.crash();
      }
      rig.open();
      rig.checkRecovered();
      rig.checkReads();
    });
  }
  assert.ok(seen.freed > 100 && seen.relocatedBytes > 10_000 && seen.renames > 50 && seen.unlinks > 50, JSON.stringify(seen));
});

test.run();
