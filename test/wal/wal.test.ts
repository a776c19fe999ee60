import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { chainOfGenesis, readRun } from "../../src/base/entry.ts";
import { Rig, SMALL } from "./fixture.ts";
import { genesisOf, sealRun } from "./model.ts";

function opened(seed: number, options = SMALL): Rig {
  const rig = new Rig(seed, options);
  rig.open();
  rig.make(1);
  rig.make(2);
  rig.sync();
  return rig;
}

/** Reads and compares with the model. */
function check(rig: Rig, group: number, from: number, to: number, bytesMax: number): void {
  const found = rig.read(group, from, to, bytesMax);
  const { entries, fault } = readRun(concatBytes(found.runs));
  assert.is(fault, null);
  assert.ok(found.to >= from && found.to <= to);
  assert.is(entries.length, found.to - from + 1);
  const wanted = rig.model.of(group).entries.slice(from - 1, found.to);
  assert.equal(entries.map(({ term, chain }) => ({ term, chain })), wanted.map(({ term, chain }) => ({ term, chain })));
}

test("read() brings back any range of two interleaved groups over many segments, with truncations, also after a restart", () => {
  const rig = opened(1, { ...SMALL, segmentBytes: 131_072, readyBytes: 8_192, batchBytesMax: 65_536, recordBytesMax: 65_536, slabBytes: 65_536 });
  for (let turn = 1; turn < 60; turn++) {
    rig.append(1, 20, 300, turn);
    if (turn % 7 === 0) rig.truncate(1, rig.model.of(1).entries.length - 11);
    rig.append(2, 1, 40, turn);
    assert.ok(rig.sync());
  }
  for (let round = 0; round < 2; round++) {
    const last = rig.model.of(1).entries.length;
    for (let from = 1; from <= last; from += 37) {
      check(rig, 1, from, last, 1);
      check(rig, 1, from, Math.min(last, from + 50), 100_000);
    }
    check(rig, 1, 1, last, 10_000_000);
    check(rig, 2, 1, 59, 10_000_000);
    check(rig, 2, 59, 59, 10_000_000);
    rig.restart();
  }
});

test("read() of what is in the batch in flight waits until it is durable; beyond the log it is NOT_FOUND", () => {
  const rig = opened(2);
  rig.append(1, 3, 50);
  rig.flush();
  check(rig, 1, 2, 3, 1_000);
  rig.truncate(1, 2);
  rig.append(1, 1, 50, 2);
  rig.flush();
  check(rig, 1, 1, 2, 1_000);
  assert.throws(() => rig.read(1, 9, 9, 1), /entry 9 of group 1 is not in the log: its last is 2/);
});

test("read() names file, offset, group and index of what does not verify", () => {
  const rig = opened(3);
  rig.append(1, 1, 100);
  rig.append(1, 1, 100);
  rig.sync();
  const content = rig.disk.content(rig.segment(1)) as Uint8Array;
  let end = content.length;
  while (content[end - 1] === 0) end -= 1;
  rig.disk.flipBit(rig.segment(1), end - 20, 5);
  check(rig, 1, 1, 1, 1);
  assert.throws(() => rig.read(1, 1, 2, 1_000), /"data\/wal\/000000000001.seg" at offset \d+, group 1, index 2 is damaged: the payload/);
});

test("a segment is made as large as its first batch needs, and a long run is split into records", () => {
  const rig = opened(4, { ...SMALL, slabBytes: 1_024 });
  rig.append(1, 1, 50_000);
  assert.ok(rig.sync());
  rig.append(1, 40, 400);
  assert.ok(rig.sync());
  check(rig, 1, 1, 41, 1_000_000);
  rig.restart();
  assert.is(rig.recovered.text(), rig.states.at(-1));
});

test("runs that were not reserved, or are reserved longer than used, are written as they are", () => {
  const rig = opened(5);
  const { run, chain } = sealRun(1, 1, 1, chainOfGenesis(genesisOf(1)), [Uint8Array.of(1), Uint8Array.of(2, 3)]);
  rig.wal.appendEntries(1, 1, 2, run);
  const second = sealRun(1, 3, 1, chain, [Uint8Array.of(4)]);
  const room = rig.wal.reserve(1_000 - 1_000 % 8);
  room.fill(7);
  room.set(second.run);
  rig.wal.appendEntries(1, 3, 1, room.subarray(0, second.run.length));
  rig.wal.appendHardState(1, { term: 3, votedFor: 2, commitIndex: 1 });
  rig.flush();
  rig.scheduler.runUntil(rig.scheduler.nowMs + 100);
  rig.disk.crash();
  rig.open();
  assert.is(rig.recovered.of(1).entries.length, 3);
  assert.equal(rig.recovered.of(1).hardState, { term: 3, votedFor: 2, commitIndex: 1 });
});

test("a hard state that is said again tells what was committed since, of the term and the vote that were stored", () => {
  const rig = opened(11);
  rig.hardState(1, { term: 3, votedFor: 2, commitIndex: 1 });
  rig.append(1, 1, 65_536);
  rig.sync();
  rig.wal.committed(1, 1);
  rig.append(1, 1, 65_536);
  rig.sync();
  rig.wal.committed(1, 2);
  rig.wal.committed(1, 1);
  rig.append(1, 1, 8);
  rig.sync();
  rig.disk.crash();
  rig.open();
  assert.equal(rig.recovered.of(1).hardState, { term: 3, votedFor: 2, commitIndex: 2 });
  assert.throws(() => rig.wal.committed(1, 4), /what is durable was put into a batch/);
});

test("what an edit cut is not said to be committed again", () => {
  const rig = opened(12);
  rig.append(1, 3, 65_536);
  rig.sync();
  rig.wal.committed(1, 3);
  const after = { term: 0, votedFor: 0, commitIndex: 1 };
  rig.wal.appendEdit(1, { mark: { number: 1, boot: 0, condition: "none" }, content: { change: "chop", from: 2, hardState: after } });
  rig.model.truncated(1, 2);
  rig.sync();
  for (let times = 0; times < 2; times++) {
    rig.append(1, 1, 65_536);
    rig.sync();
  }
  rig.disk.crash();
  rig.open();
  assert.equal(rig.recovered.of(1).hardState, after);
});

test("barriers are told in order, one of nothing too, never from within the call", () => {
  const rig = opened(6);
  const told: number[] = [];
  rig.wal.barrier(() => told.push(1));
  assert.equal(told, []);
  rig.append(1, 1, 10);
  rig.wal.barrier(() => told.push(2));
  rig.wal.flush();
  rig.append(1, 1, 10);
  rig.wal.barrier(() => told.push(3));
  rig.wal.barrier(() => told.push(4));
  rig.scheduler.runUntil(rig.scheduler.nowMs + 100);
  assert.equal(told, [1, 2, 3, 4], "what gathered behind a batch needs no second flush");
});

test("P02: term and vote are one record: a crash leaves the old pair or the new one", () => {
  for (let seed = 1; seed < 40; seed++) {
    const rig = opened(seed);
    rig.hardState(1, { term: 1, votedFor: 1, commitIndex: 0 });
    rig.sync();
    rig.hardState(1, { term: 2, votedFor: 3, commitIndex: 0 });
    rig.flush();
    rig.restart();
    const { term, votedFor } = rig.recovered.of(1).hardState;
    assert.ok(`${term}:${votedFor}` === "1:1" || `${term}:${votedFor}` === "2:3");
  }
});

test("close() in the midst of a turn that appends and flushes once more closes the files once", () => {
  const rig = opened(8);
  const ends: unknown[] = [];
  rig.wal.close((...[error]) => ends.push(error));
  rig.append(1, 1, 100);
  rig.wal.flush();
  while (rig.scheduler.step(rig.scheduler.nowMs + 10_000));
  assert.equal(ends, [null]);
  assert.equal(rig.told, []);
  rig.restart();
});

test("a log that is closed by who hears that a batch is durable closes each file once", () => {
  const rig = new Rig(77);
  rig.open();
  rig.make(1);
  const closed: string[] = [];
  rig.disk.seen = (call) => {
    if (call.kind === "close") closed.push(call.path);
  };
  let ended = false;
  rig.wal.barrier(() => rig.wal.close(() => (ended = true)));
  rig.wal.flush();
  rig.scheduler.runUntil(rig.scheduler.nowMs + 1_000);
  assert.ok(ended);
  assert.is(new Set(closed).size, closed.length, closed.join(" "));
});

test.run();
