/** Entries read from a part of the log are those of the whole log, or it is said that a part does not tell. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readRun } from "../../src/base/entry.ts";
import { nextInRange } from "../../src/base/random.ts";
import { type Task, wait } from "../../src/base/task.ts";
import { openMark } from "../../src/wal/mark.ts";
import { scanPart } from "../../src/wal/part_scan.ts";
import type { RecoverySource } from "../../src/wal/scan.ts";
import { HEADER_BYTES, sequenceOf } from "../../src/wal/segment.ts";
import { readEntries } from "../../src/wal/wal_read.ts";
import { DIRECTORY, IDENTITY, Rig, trying } from "./fixture.ts";

const SEEDS = 20;

/** A log of several segments: ends that are cut above and, by edits, below what was committed; prefixes; slow commits. */
function life(seed: number): Rig {
  const rig = new Rig(seed, { segmentBytes: 8_192, readyBytes: 8_192, batchBytesMax: 2_048, recordBytesMax: 2_048, markMs: 3, relocateMs: 1 });
  rig.open();
  rig.make(1);
  rig.sync();
  let edits = 0;
  for (let turn = 1; turn <= 60; turn++) {
    const { entries, hardState: { commitIndex } } = rig.model.of(1);
    const [last, draw] = [rig.model.last(1), nextInRange(rig.random, 0, 11)];
    if (draw < 2 && last > commitIndex) rig.truncate(1, nextInRange(rig.random, commitIndex + 1, last));
    else if (draw === 2 && seed % 2 === 0 && entries.length > 9) chop(rig, last - nextInRange(rig.random, 0, 8), ++edits);
    else if (draw === 3 && commitIndex > rig.model.of(1).prefix.index + 30) rig.compact(1, rig.model.point(1, commitIndex - 20));
    if (nextInRange(rig.random, 0, 2) === 0) rig.hardState(1, { term: turn, votedFor: 1, commitIndex: nextInRange(rig.random, rig.model.of(1).hardState.commitIndex, rig.model.last(1)) });
    rig.append(1, nextInRange(rig.random, 1, 4), nextInRange(rig.random, 0, 500), turn);
    assert.ok(rig.sync());
  }
  rig.close();
  return rig;
}

function chop(rig: Rig, from: number, number: number): void {
  const { hardState, prefix } = rig.model.of(1);
  if (from <= prefix.index) return;
  const after = { ...hardState, commitIndex: Math.min(hardState.commitIndex, from - 1) };
  rig.wal.appendEdit(1, { mark: { number, boot: 0, condition: "none" }, content: { change: "chop", from, hardState: after } });
  rig.model.truncated(1, from);
  rig.model.hardState(1, after);
  rig.model.edited(1, { number, boot: 0, condition: "none" });
  rig.states.push(rig.model.text());
}

/** Chains of entries `from`..`to`; null if a part does not tell, or cannot be read. */
function partly(rig: Rig, from: number, to: number): { readonly chains: readonly number[]; readonly segments: number } | null {
  const { disk } = rig.host();
  const directory = `${DIRECTORY}/wal`;
  return rig.run((function* (): Task<{ readonly chains: readonly number[]; readonly segments: number } | null> {
    const { file, mark } = yield* openMark(disk, directory, IDENTITY.incarnation, false);
    yield* wait<void>((done) => file.close(done));
    const sequences = (yield* wait<string[]>((done) => disk.list(directory, done))).map(sequenceOf).filter((sequence) => sequence > 0);
    const read: number[] = [];
    const source: RecoverySource = { disk, directory, identity: IDENTITY, mark, readBytes: 4_096, onDamage: "stop", reads: (at) => read.push(at) };
    const part = yield* scanPart(source, sequences, { group: 1, from, to });
    if (part === null) return null;
    const chains: number[] = [];
    for (let next = from; next <= to;) {
      const route = part.log.index.route(next, to, 8);
      const { runs, to: last } = yield* readEntries({ ...part.source, points: route.points }, { group: 1, from: next, to: route.to, bytesMax: 4_096 });
      for (const run of runs) chains.push(...readRun(run).entries.map(({ chain }) => chain));
      next = last + 1;
    }
    return { chains, segments: read.length };
  })());
}

/** Whether a part told, and what it told is the log's. */
function told(rig: Rig, model: Rig["model"], from: number, to: number): number {
  const part = partly(rig, from, to);
  if (part === null) return 0;
  assert.equal(part.chains, Array.from({ length: to - from + 1 }, (_, at) => model.point(1, from + at).chain), `entries ${from} to ${to}`);
  return part.segments;
}

test("any entries are read from a part of the segments, as the whole log has them: behind cut ends, edits and prefixes", () => {
  let [parts, few, nowhere] = [0, 0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const rig = life(seed);
    trying(`seed ${seed}`, () => {
      const [first, last] = [rig.model.of(1).prefix.index + 1, rig.model.last(1)];
      for (let from = first; from <= last; from += 3) {
        for (const to of [from, Math.min(last, from + 9)]) {
          const segments = told(rig, rig.model, from, to);
          // Entries that were copied so that their segment could go lie anywhere.
          if (segments === 0) nowhere += 1;
          else parts += 1;
          if (segments > 0 && segments <= 4) few += 1;
        }
      }
    });
  }
  assert.ok(parts > 500 && few > parts / 4 && nowhere < parts / 5, `${few} of ${parts} reads took four segments at most, that at the end included, of ${nowhere} a part does not tell`);
});

test("a leader that stays: its term and vote never change, and yet a few entries are read from a few segments", () => {
  const rig = new Rig(1, { segmentBytes: 8_192, readyBytes: 8_192, batchBytesMax: 2_048, recordBytesMax: 2_048, markMs: 3, relocateMs: 1 });
  rig.open();
  rig.make(1);
  rig.hardState(1, { term: 1, votedFor: 1, commitIndex: 0 });
  for (let turn = 0; turn < 120; turn++) {
    rig.append(1, 2, 300);
    assert.ok(rig.sync());
    rig.wal.committed(1, rig.model.last(1));
  }
  rig.close();
  assert.ok(rig.disk.names.files().filter((path) => path.endsWith(".seg")).length > 10);
  for (let from = 1; from <= 200; from += 7) {
    const segments = told(rig, rig.model, from, from + 9);
    assert.ok(segments > 0 && segments <= 5, `${segments} segments, that at the end included, of entries ${from} to ${from + 9}`);
  }
});

test("bytes that rot in a part are never taken for the log's: what it tells is right, or it tells nothing", () => {
  let [nothing, right] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const rig = life(seed);
    const files = rig.disk.names.files().filter((path) => path.endsWith(".seg"));
    for (let times = 0; times < 12; times++) {
      const path = files[nextInRange(rig.random, 0, files.length - 1)] as string;
      const content = (rig.disk.content(path) as Uint8Array).slice();
      const at = nextInRange(rig.random, times % 4 === 0 ? 0 : HEADER_BYTES, content.length - 1);
      const rotten = content.slice();
      rotten[at] = rotten[at]! ^ 0x10;
      rig.disk.overwrite(path, rotten);
      trying(`seed ${seed}, ${path} at ${at}`, () => {
        const [first, last] = [rig.model.of(1).prefix.index + 1, rig.model.last(1)];
        for (let from = first; from <= last; from += 11) {
          if (told(rig, rig.model, from, Math.min(last, from + 3)) > 0) right += 1;
          else nothing += 1;
        }
      });
      rig.disk.overwrite(path, content);
    }
  }
  assert.ok(nothing > 50 && right > 500, `${nothing} told nothing, ${right} were right`);
});

test.run();
