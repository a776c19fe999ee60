import { test } from "uvu";
import * as assert from "uvu/assert";
import { viewOf } from "../../src/base/bytes.ts";
import { DraftError } from "../../src/base/errors.ts";
import { RecordType } from "../../src/wal/record.ts";
import { makeRecord } from "../../src/wal/record_queue.ts";
import { HEADER_BYTES } from "../../src/wal/segment.ts";
import { appendByHand, MARK, markFirstByHand } from "./by_hand.ts";
import { DIRECTORY, Rig, SMALL, trying } from "./fixture.ts";

/** A log of two groups, of which the second has three entries in the first segment and then stays idle. */
function opened(seed: number, options = {}): Rig {
  const rig = new Rig(seed, { ...SMALL, ...options });
  rig.open();
  rig.make(1);
  rig.make(2);
  rig.append(2, 3, 200);
  rig.sync();
  return rig;
}

/** Overwrites: `turns` entries, all but the last five of which leave the log every ten turns. */
function overwrite(rig: Rig, turns: number, group = 1): void {
  for (let turn = 1; turn <= turns; turn++) {
    rig.append(group, 1, 700);
    assert.ok(rig.sync());
    if (turn % 10 === 0) rig.compact(group, rig.model.point(group, rig.model.last(group) - 5));
  }
  assert.ok(rig.sync());
  idle(rig);
}

function idle(rig: Rig, ms = 200): void {
  rig.scheduler.runUntil(rig.scheduler.nowMs + ms);
}

function segmentsOf(rig: Rig): number[] {
  const names = rig.disk.names.list(`${DIRECTORY}/wal`).filter((name) => name.endsWith(".seg"));
  return names.map((name) => Number(name.slice(0, 12)));
}

function firstSegmentOf(rig: Rig, slot: number): number {
  return viewOf(rig.disk.content(MARK) as Uint8Array).getUint32(slot * 4096 + 56, true);
}

function codeOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    if (error instanceof DraftError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

test("the WAL stays within a few segments while it is overwritten, though another group is idle", () => {
  const rig = opened(1);
  overwrite(rig, 60);
  const early = rig.disk.usedBytes;
  assert.ok(rig.wal.compaction.freed > 3);
  overwrite(rig, 400);
  assert.ok(rig.disk.usedBytes <= 8 * 8_192 && rig.disk.usedBytes <= early + 2 * 8_192, `${early} bytes, then ${rig.disk.usedBytes}`);
  assert.ok(rig.wal.compaction.relocatedBytes >= 3 * 256, "the idle group's entries moved");
  assert.ok(rig.wal.compaction.relocatedBytes < 460 * 760, "what moves is less than what was written");
  rig.checkReads();
  rig.restart();
  assert.is(rig.recovered.text(), rig.states.at(-1));
  rig.checkReads();
});

test("a log of one group is never copied: what holds its first segment goes at its next compaction", () => {
  const rig = new Rig(2, SMALL);
  rig.open();
  rig.make(1);
  overwrite(rig, 300);
  assert.ok(rig.wal.compaction.freed > 20);
  assert.is(rig.wal.compaction.relocatedBytes, 0);
});

test("what each segment repeats of its groups is not copied for ever: segments of one small batch each stay as they are", () => {
  const rig = new Rig(3, { ...SMALL, segmentBytes: HEADER_BYTES, readyBytes: HEADER_BYTES });
  rig.open();
  rig.make(1);
  for (let turn = 0; turn < 200; turn++) {
    rig.append(1, 1, 1);
    assert.ok(rig.sync());
  }
  assert.ok(segmentsOf(rig).length >= 40, String(segmentsOf(rig).length));
  idle(rig, 10_000);
  assert.is(rig.wal.compaction.relocatedBytes, 0);
  rig.restart();
  rig.append(1, 1, 1);
  assert.ok(rig.sync());
  idle(rig, 10_000);
  assert.is(rig.wal.compaction.relocatedBytes, 0);
});

test("dead segments are used again, renamed: few are made, and a spare or two is kept", () => {
  const rig = opened(3);
  const calls = { rename: 0, unlink: 0 };
  rig.disk.seen = ({ kind, path }) => {
    if ((kind === "rename" || kind === "unlink") && path.endsWith(".seg")) calls[kind] += 1;
  };
  overwrite(rig, 300);
  const { freed } = rig.wal.compaction;
  assert.ok(calls.rename > freed / 3, `${calls.rename} of ${freed} were used again, ${calls.unlink} removed`);
  const next = (): Uint8Array => rig.disk.content(rig.segment(segmentsOf(rig).at(-1) as number)) as Uint8Array;
  for (let round = 1; next().every((byte) => byte === 0); round++) {
    assert.ok(round < 20, "at times the next one was in use before");
    overwrite(rig, 10);
  }
  assert.ok(next().subarray(0, HEADER_BYTES).every((byte) => byte === 0), "it is not in use now");
  assert.ok(segmentsOf(rig).filter((sequence) => sequence < firstSegmentOf(rig, 0)).length <= 2, String(segmentsOf(rig)));
});

test("COMPACTED tells a read of what left the log from one of what was never there", () => {
  const rig = opened(4);
  rig.append(1, 5, 10);
  rig.compact(1, rig.model.point(1, 3));
  rig.sync();
  assert.match(codeOf(() => rig.read(1, 3, 5, 1)), /^COMPACTED: entry 3 of group 1 left the log, which begins behind 3/);
  assert.match(codeOf(() => rig.read(1, 6, 6, 1)), /^NOT_FOUND/);
  assert.is(rig.read(1, 4, 5, 1_000).to, 5);
});

test("a segment stays while a read leads through it", () => {
  const rig = opened(5);
  rig.append(1, 6, 900);
  rig.sync();
  const told: (Error | null)[] = [];
  rig.disk.fault = (call) => call.kind === "read" && call.path.endsWith("1.seg") ? { stall: true } : null;
  rig.wal.read(1, 1, 4, 100_000, (...[error]) => told.push(error));
  idle(rig, 5);
  rig.disk.fault = () => null;
  // The idle group too leaves the first segments, so that nothing but the read holds them.
  rig.compact(2, rig.model.point(2, 3));
  overwrite(rig, 60);
  assert.equal(told, []);
  assert.ok(firstSegmentOf(rig, 0) > 1, "the log begins later");
  assert.ok(segmentsOf(rig).includes(1), "the first segment is there");
  rig.disk.release();
  idle(rig);
  assert.equal(told, [null]);
  overwrite(rig, 10);
  assert.not.ok(segmentsOf(rig).includes(1));
});

test("S07 P13: a snapshot ahead of the log empties it; the next entry is that behind the snapshot", () => {
  const rig = opened(6);
  rig.append(1, 5, 100);
  rig.truncate(1, 4);
  rig.compact(1, { index: 50, term: 4, chain: 1_234 }, Uint8Array.of(9, 9, 9));
  assert.is(rig.wal.lastIndex(1), 50);
  assert.ok(rig.sync());
  rig.restart();
  assert.is(rig.recovered.of(1).context, "9,9,9");
  rig.append(1, 2, 100, 5);
  assert.ok(rig.sync());
  rig.checkReads();
  rig.restart();
  rig.checkReads();
  assert.equal(rig.recovered.of(1).entries.length, 2);
  assert.is(rig.recovered.of(1).prefix.index, 50);
});

test("P13 S13: a prefix without a durable snapshot, behind an earlier one, or a truncation into it is refused", () => {
  const rig = opened(7);
  rig.append(1, 9, 10);
  assert.throws(() => rig.wal.appendCompact(1, rig.model.point(1, 2), new Uint8Array()), /what leaves the log is in a durable snapshot/);
  rig.compact(1, rig.model.point(1, 6));
  assert.throws(() => rig.wal.appendCompact(1, rig.model.point(1, 6), new Uint8Array()), /a prefix grows/);
  assert.throws(() => rig.wal.appendSnapshotMark(1, { index: 3, term: 1, chain: 0 }), /snapshots go forward/);
  assert.throws(() => rig.wal.appendTruncate(1, 6), /what is truncated is there/);
});

test("F17: leftovers below the first segment are removed, whatever is in them; both slots of the mark say where the log begins", () => {
  const rig = opened(8);
  overwrite(rig, 60);
  const first = firstSegmentOf(rig, 0);
  assert.ok(first > 2);
  assert.is(firstSegmentOf(rig, 1), first);
  rig.disk.overwrite(rig.segment(1), Uint8Array.from({ length: 9_000 }, (_, i) => i % 251));
  rig.disk.overwrite(rig.segment(first - 1), new Uint8Array(3));
  rig.disk.flipBit(MARK, 30, 2);
  rig.restart();
  assert.is(segmentsOf(rig)[0], first);
  assert.is(rig.recovered.text(), rig.states.at(-1));
});

test("F17: a segment that is missing at or behind the first one is damage, and named", () => {
  const rig = opened(9);
  overwrite(rig, 60);
  rig.append(1, 30, 900);
  assert.ok(rig.sync());
  rig.close();
  const first = firstSegmentOf(rig, 0);
  const used = segmentsOf(rig).filter((sequence) => sequence >= first && sequence <= viewOf(rig.disk.content(MARK) as Uint8Array).getUint32(32, true));
  assert.ok(used.length >= 3, String(used));
  for (const sequence of used) {
    const content = rig.disk.content(rig.segment(sequence)) as Uint8Array;
    rig.disk.move(rig.segment(sequence), null);
    const name = `DAMAGED: log file "data/wal/${String(sequence).padStart(12, "0")}.seg" at offset 0`;
    trying(`segment ${sequence}`, () => assert.ok(codeOf(() => rig.open()).startsWith(name), codeOf(() => rig.open())));
    rig.disk.overwrite(rig.segment(sequence), content);
  }
  rig.open();
  rig.checkRecovered();
});

test("P13: a mark that lets the log begin where the log itself does not is damage; so is an entry that no segment holds", () => {
  const rig = opened(10);
  for (let turn = 0; turn < 20; turn++) {
    rig.append(1, 1, 700);
    rig.sync();
  }
  rig.close();
  const last = viewOf(rig.disk.content(MARK) as Uint8Array).getUint32(32, true);
  rig.disk.move(rig.segment(1), null);
  markFirstByHand(rig, 2);
  assert.match(codeOf(() => rig.open()), /DAMAGED: .*the mark says that the log begins here; the log says that it begins with segment 1/);
  appendByHand(rig, last, makeRecord({ group: 0, type: RecordType.firstSegment, firstIndex: 2, bytes: 0 }));
  assert.match(codeOf(() => rig.open()), /DAMAGED: log "data\/wal" is damaged: it counts entries 1 to \d+ of group 1; .*, and no segment holds them/);
});

test("D07: whenever a segment is renamed or removed, both slots of the mark let the log begin behind it", () => {
  const rig = opened(12);
  let checked = 0;
  rig.disk.seen = ({ kind, path }) => {
    if ((kind !== "rename" && kind !== "unlink") || !path.endsWith(".seg")) return;
    const sequence = Number(path.slice(-16, -4));
    assert.ok(sequence < Math.min(firstSegmentOf(rig, 0), firstSegmentOf(rig, 1)), `${kind} of ${path}`);
    checked += 1;
  };
  overwrite(rig, 100);
  assert.ok(checked > 10);
});

test("D05: a recycled segment holds stale records behind its tail, and they are not believed", () => {
  const rig = new Rig(11, SMALL);
  rig.open();
  rig.make(1);
  overwrite(rig, 100);
  for (let turn = 0; turn < 24; turn++) {
    rig.append(1, 1, 700);
    assert.ok(rig.sync());
    const mark = rig.disk.content(rig.segment(segmentsOf(rig).at(-2) as number)) as Uint8Array;
    assert.ok(mark.subarray(HEADER_BYTES).some((byte) => byte !== 0));
    rig.restart();
    assert.is(rig.recovered.text(), rig.states.at(-1));
    rig.checkReads();
  }
});

test.run();
