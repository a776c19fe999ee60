import { test } from "uvu";
import * as assert from "uvu/assert";
import { AbsentEntries } from "../../src/wal/absent_entries.ts";
import { pieceIn, relocatedRecord, stillHolds } from "../../src/wal/relocation.ts";
import { RecordType } from "../../src/wal/record.ts";
import { makeRecord, type PendingRecord } from "../../src/wal/record_queue.ts";
import { WalGroup } from "../../src/wal/wal_group.ts";
import { appendByHand } from "./by_hand.ts";
import { Rig, SMALL } from "./fixture.ts";
import { genesisOf, sealRun } from "./model.ts";

/** A group of `count` entries of 10 KB in segment 1. */
function filled(count: number): { log: WalGroup; runs: Uint8Array[] } {
  const log = new WalGroup(4, genesisOf(4));
  const runs: Uint8Array[] = [];
  for (let i = 1; i <= count; i++) append(log, runs, 1, i * 20_000);
  return { log, runs };
}

function append(log: WalGroup, runs: Uint8Array[], sequence: number, offset: number): void {
  const { run } = sealRun(4, log.lastIndex + 1, 1, log.lastChain, [new Uint8Array(10_000).fill(sequence)]);
  runs.push(run);
  log.append({ firstIndex: log.lastIndex + 1, count: 1, run, place: { sequence, offset }, recordEnd: offset + run.length });
}

function record(type: number, firstIndex: number, group = 4): PendingRecord {
  return makeRecord({ group, type, firstIndex, bytes: 0 });
}

test("D07: a piece counts only while the index points at what was read, whatever the batch removes", () => {
  const { log, runs } = filled(6);
  const piece = pieceIn(log, 1, 45_000)!;
  assert.equal([piece.from, piece.to], [1, 4]);
  const relocation = { piece, record: relocatedRecord(piece, runs.slice(0, 4)), done: () => {} };
  assert.ok(stillHolds(relocation, []));
  assert.ok(stillHolds(relocation, [record(RecordType.truncate, 5), record(RecordType.truncate, 2, 7)]));
  assert.not.ok(stillHolds(relocation, [record(RecordType.truncate, 4)]));
  assert.not.ok(stillHolds(relocation, [record(RecordType.compactPrefix, 1)]));
  log.truncate(4);
  assert.not.ok(stillHolds(relocation, []), "its last entry is gone");
  append(log, runs, 2, 5_000);
  assert.not.ok(stillHolds(relocation, []), "its last entry is another one");
});

test("a piece begins behind the prefix, and ends where another segment begins", () => {
  const { log, runs } = filled(3);
  append(log, runs, 2, 5_000);
  log.compact({ index: 1, term: 1, chain: 0 }, new Uint8Array());
  const piece = pieceIn(log, 1, Number.MAX_SAFE_INTEGER)!;
  assert.equal([piece.from, piece.to], [2, 3]);
  const { body } = relocatedRecord(piece, runs.slice(1, 3));
  log.relocate({ firstIndex: 2, count: 2, run: body, place: { sequence: 5, offset: 9_000 }, recordEnd: 9_000 + body.length });
  assert.is(pieceIn(log, 1, 1_000_000), null);
  assert.equal([log.index.point(0)?.sequence, log.index.point(0)?.index], [5, 2]);
  assert.equal(log.index.point(log.index.points - 1)?.index, 4);
  append(log, runs, 5, 70_000);
  assert.is(log.lastIndex, 5);
});

test("what is absent: parts of a range, filled, truncated and compacted", () => {
  const absent = new AbsentEntries(5, 20);
  absent.fill(8, 10);
  assert.equal(absent.partsOf(3, 12), [
    { from: 3, to: 4, isAbsent: false }, { from: 5, to: 7, isAbsent: true },
    { from: 8, to: 10, isAbsent: false }, { from: 11, to: 12, isAbsent: true },
  ]);
  absent.fill(15, Number.POSITIVE_INFINITY);
  assert.ok(absent.has(14) && !absent.has(15));
  absent.fill(0, 11);
  assert.equal([(absent.ranges[0]?.from ?? 0), absent.isEmpty], [12, false]);
  absent.fill(12, 14);
  assert.ok(absent.isEmpty);
});

test("D07: relocated entries that differ from the log's are damage, equal ones change nothing", () => {
  for (const isEqual of [true, false]) {
    const rig = new Rig(1, { ...SMALL, recordBytesMax: 8_000, batchBytesMax: 8_000 });
    rig.open();
    rig.make(1);
    rig.append(1, 2, 50);
    rig.append(1, 2, 50);
    rig.sync();
    const { prefix, entries } = rig.model.of(1);
    const other = sealRun(1, 2, 1, entries[0]!.chain, [Uint8Array.of(1), Uint8Array.of(2)]).run;
    const { runs } = rig.read(1, 2, 3, 10_000);
    assert.is(prefix.index, 0);
    relocateByHand(rig, 2, isEqual ? runs[0]! : other);
    if (isEqual) {
      rig.open();
      rig.checkRecovered();
      rig.checkReads();
      assert.is(rig.recovered.of(1).entries.length, 4);
    } else {
      assert.throws(() => rig.open(), /group 1, index 2\) is damaged: found a relocated entry 3 that is another one than the log's/);
    }
  }
});

/** Writes a relocated record behind the last one of the first segment. */
function relocateByHand(rig: Rig, firstIndex: number, run: Uint8Array): void {
  const made = makeRecord({ group: 1, type: RecordType.relocated, firstIndex, count: 2, bytes: run.length });
  made.body.set(run);
  appendByHand(rig, 1, made);
}

test.run();
