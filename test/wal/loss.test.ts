/** A log that is read on behind damage: what it says that it lost, and what it is once that was stored again. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readRun } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import { wait } from "../../src/base/task.ts";
import type { LogDamage } from "../../src/wal/damage.ts";
import { HEADER_BYTES } from "../../src/wal/segment.ts";
import { pointAt, tellGroup } from "../../src/wal/wal_repair.ts";
import { DIRECTORY, Rig, trying } from "./fixture.ts";
import { Model } from "./model.ts";

const SIZES = { segmentBytes: 8_192, readyBytes: 8_192, batchBytesMax: 2_048, recordBytesMax: 2_048, markMs: 3, relocateMs: 1 };

interface Life {
  readonly rig: Rig;
  /** Each entry of the log as it was sealed, by index. */
  readonly sealed: Map<number, Uint8Array>;
}

/** A log of one group with truncations, hard states, snapshots and prefixes in several segments. */
function life(seed: number): Life {
  const rig = new Rig(seed, SIZES);
  rig.open();
  rig.make(1);
  rig.sync();
  for (let turn = 1; turn <= 45; turn++) {
    const { entries, hardState } = rig.model.of(1);
    const last = rig.model.last(1);
    if (entries.length > 3 && nextInRange(rig.random, 0, 4) === 0) {
      rig.truncate(1, Math.max(hardState.commitIndex + 1, last - nextInRange(rig.random, 0, 2)));
    }
    if (nextInRange(rig.random, 0, 2) === 0) {
      const commitIndex = Math.max(hardState.commitIndex, rig.model.last(1) - 3);
      rig.hardState(1, { term: turn, votedFor: nextInRange(rig.random, 0, 3), commitIndex });
    }
    rig.append(1, nextInRange(rig.random, 1, 3), nextInRange(rig.random, 0, 400), turn);
    const { commitIndex } = rig.model.of(1).hardState;
    if (turn % 11 === 0 && commitIndex > rig.model.of(1).prefix.index) rig.compact(1, rig.model.point(1, commitIndex));
    assert.ok(rig.sync());
  }
  if (seed % 2 === 0) rig.hardState(1, { ...rig.model.of(1).hardState, term: 99 });
  assert.ok(rig.sync());
  rig.scheduler.runUntil(rig.scheduler.nowMs + 100);
  const sealed = new Map<number, Uint8Array>();
  for (let index = rig.model.of(1).prefix.index + 1; index <= rig.model.last(1); index++) {
    sealed.set(index, (rig.read(1, index, index, 1).runs[0] as Uint8Array).slice());
  }
  rig.close();
  return { rig, sealed };
}

/** A copy of the disk, some bytes of which rotted. @returns where */
function rotted({ rig }: Life, random: RandomState): { copy: Rig; where: string } {
  const copy = new Rig(99, SIZES);
  const files = rig.disk.names.files().filter((path) => path.startsWith(`${DIRECTORY}/wal/`));
  const segments = files.filter((path) => path.endsWith(".seg") && used(rig, path) > HEADER_BYTES);
  const places: string[] = [];
  for (const path of files) {
    const content = (rig.disk.content(path) as Uint8Array).slice();
    copy.disk.overwrite(path, content);
  }
  for (let times = nextInRange(random, 1, 3); times > 0; times--) {
    const path = segments[nextInRange(random, 0, segments.length - 1)] as string;
    const content = copy.disk.content(path) as Uint8Array;
    const from = nextInRange(random, 0, 9) === 0 ? 0 : nextInRange(random, HEADER_BYTES, used(rig, path) - 1);
    const bytes = [1, 40, 512, 4_096][nextInRange(random, 0, 3)] as number;
    for (let at = from; at < Math.min(from + bytes, content.length); at++) content[at] = content[at]! ^ 0x55;
    copy.disk.overwrite(path, content);
    places.push(`${path} ${from}+${bytes}`);
  }
  return { copy, where: places.join(", ") };
}

function used(rig: Rig, path: string): number {
  return (rig.disk.content(path) as Uint8Array).findLastIndex((byte) => byte !== 0) + 1;
}

/** Opens it; what it lost, or null if nothing of it may be gone on with. */
function lossOf(copy: Rig): LogDamage | "dead" | null {
  const told: { damage: LogDamage | null } = { damage: null };
  copy.options = { ...SIZES, onDamage: (damage) => told.damage = damage };
  try {
    copy.open();
  } catch (error) {
    if (error instanceof DraftError && error.code === "DAMAGED") return "dead";
    throw error;
  }
  return told.damage;
}

function chainOf(run: Uint8Array): number {
  return readRun(run).entries[0]?.chain ?? -1;
}

/** Stores what is absent again, the last first, as a repair does. */
function mend(copy: Rig, damage: LogDamage, { sealed, rig: { model: wanted } }: Life): Model {
  const { wal } = copy;
  const isLinked = (last: number, to: number): boolean => last === to || (sealed.has(to + 1) && copy.run(pointAt(wal, 1, to + 1))?.chain === chainOf(sealed.get(to + 1) as Uint8Array));
  for (const { from: first, to } of [...damage.groups.get(1)?.absent ?? []].reverse()) {
    // The prefix that spared these may be among what was lost: a durable snapshot holds them.
    const { prefix, context } = wanted.of(1);
    if (first <= prefix.index && prefix.index > wal.groupOf(1).appended.prefix) {
      if (prefix.index > wal.groupOf(1).appended.snapshot) wal.appendSnapshotMark(1, prefix);
      wal.appendCompact(1, prefix, Uint8Array.from(context.split(",").map(Number)));
    }
    const from = Math.max(first, wal.groupOf(1).appended.prefix + 1);
    if (from > to) continue;
    // A truncation may be among what was lost at the end: nobody has what it cut, and a repair cuts that too.
    if (damage.groups.get(1)?.verdict === "end" && !(sealed.has(to) && isLinked(wal.lastIndex(1), to))) {
      wal.appendTruncate(1, from);
      continue;
    }
    // Where a truncation is among what was lost, what stands before is another entry than the one that was sealed there.
    const isStale = (index: number): boolean => sealed.has(index) && copy.run(pointAt(wal, 1, index))?.chain !== chainOf(sealed.get(index) as Uint8Array);
    for (let index = to; index >= from || (index > wal.groupOf(1).appended.prefix && isStale(index)); index--) {
      const run = sealed.get(index);
      assert.ok(run !== undefined, `entry ${index} is wanted, and never was`);
      assert.ok(wal.appendAgain(1, index, 1, run));
    }
  }
  copy.run(wait<void>((done) => {
    wal.barrier(done);
    wal.flush();
  }));
  const model = new Model();
  copy.run(tellGroup(wal, 1, model));
  return model;
}

test("F03 D12: whatever rots, a log says what it lost, and is what it was once that is stored again", () => {
  const verdicts = new Map<string, number>();
  for (let seed = 1; seed <= 12; seed++) {
    const whole = life(seed);
    const random = seedRandom(seed);
    const wanted = whole.rig.model;
    for (let round = 0; round < 60; round++) {
      const { copy, where } = rotted(whole, random);
      trying(`seed ${seed}, round ${round}, rot at ${where}`, () => {
        const damage = lossOf(copy);
        const verdict = damage === "dead" ? "dead" : (damage?.groups.get(1)?.verdict ?? (damage === null ? "sound" : "said again"));
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        if (damage === "dead") return;
        const found = damage === null ? copy.recovered : mend(copy, damage, whole);
        if (verdict !== "end" && found.of(1).prefix.index <= wanted.of(1).prefix.index) return assert.is(found.text(), wanted.text());
        if (verdict !== "end") assert.is(found.last(1), wanted.last(1));
        assert.equal(found.of(1).hardState, wanted.of(1).hardState);
        assert.ok(found.last(1) <= wanted.last(1));
        for (let index = found.of(1).prefix.index + 1; index <= found.last(1); index++) {
          assert.is(found.point(1, index).chain, wanted.point(1, index).chain, `entry ${index}`);
        }
      });
    }
  }
  for (const verdict of ["dead", "entries", "end", "said again"]) assert.ok((verdicts.get(verdict) ?? 0) > 0, `${verdict}: ${JSON.stringify([...verdicts])}`);
});

test("D12: what was stored again stands over the next start, though the damage is still there", () => {
  let mended = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const whole = life(seed);
    const random = seedRandom(seed + 100);
    for (let round = 0; round < 20; round++) {
      const { copy, where } = rotted(whole, random);
      trying(`seed ${seed}, round ${round}, rot at ${where}`, () => {
        const damage = lossOf(copy);
        if (damage === null || damage === "dead" || damage.groups.get(1)?.verdict !== "entries") return;
        mend(copy, damage, whole);
        copy.disk.crash();
        const again = lossOf(copy);
        assert.ok(again !== "dead" && (again === null || again.groups.size === 0), JSON.stringify(again));
        if (copy.recovered.of(1).prefix.index > whole.rig.model.of(1).prefix.index) return;
        assert.is(copy.recovered.text(), whole.rig.model.text());
        mended += 1;
      });
    }
  }
  assert.ok(mended > 20, `${mended} mended`);
});

test.run();
