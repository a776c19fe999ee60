import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { DIRECTORY, IDENTITY, Rig, trying } from "./fixture.ts";
import { sealRun } from "./model.ts";

/** A log of `turns` batches in its first segment, each of one entry, all durable; where each batch begins. */
function batches(seed: number, turns: number, options = {}): { rig: Rig; starts: number[]; end: number } {
  const rig = new Rig(seed, { segmentBytes: 32_768, readyBytes: 32_768, markMs: 1_000, ...options });
  rig.open();
  rig.make(1);
  rig.sync();
  const starts: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    starts.push(endOf(rig));
    rig.append(1, 1, 100, 1);
    rig.sync();
  }
  return { rig, starts, end: endOf(rig) };
}

/** Behind the last byte of the first segment that is not zero, rounded up to a record's end. */
function endOf(rig: Rig): number {
  const content = rig.disk.content(rig.segment(1)) as Uint8Array;
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end -= 1;
  return Math.ceil(end / 8) * 8;
}

function damageOf(rig: Rig): DraftError {
  try {
    rig.open();
  } catch (error) {
    if (error instanceof DraftError && error.code === "DAMAGED") return error;
    throw error;
  }
  throw new Error("the log opened");
}

/** A copy of `rig` whose disk holds the same files, but for `change`. */
function copyWith(rig: Rig, change: (content: Uint8Array) => void): Rig {
  const copy = new Rig(99, { segmentBytes: 32_768, readyBytes: 32_768 });
  const content = rig.disk.content(rig.segment(1)) as Uint8Array;
  change(content);
  copy.disk.overwrite(rig.segment(1), content);
  copy.disk.overwrite(`${DIRECTORY}/wal/mark`, rig.disk.content(`${DIRECTORY}/wal/mark`) as Uint8Array);
  copy.states = [...rig.states];
  return copy;
}

test("F01: the last record cut at every byte is an unfinished write: the log ends before it", () => {
  const { rig, starts, end } = batches(1, 4);
  const last = starts.at(-1) as number;
  for (let cut = last; cut < end - 4; cut++) {
    const copy = copyWith(rig, (content) => content.fill(0, cut));
    trying(`cut at ${cut}`, () => {
      copy.open();
      assert.is(copy.recovered.of(1).entries.length, 3);
    });
  }
});

test("F02: after a cut the log goes on, and what is new is read at the next start", () => {
  const { rig, starts } = batches(2, 4);
  const copy = copyWith(rig, (content) => content.fill(0xff, starts.at(-1) as number));
  copy.open();
  copy.checkRecovered();
  copy.append(1, 1, 20, 2);
  assert.ok(copy.sync());
  copy.restart();
  assert.is(copy.recovered.of(1).entries.length, 4);
  assert.is(copy.recovered.of(1).entries.at(-1)?.term, 2);
});

test("F03 F08: each bit of a middle record, flipped, is damage with its place, never a silent cut", () => {
  const { rig, starts } = batches(3, 4);
  const [from, end] = [starts[1] as number, starts[2] as number];
  for (let bit = from * 8; bit < end * 8; bit++) {
    const copy = copyWith(rig, (content) => {
      content[bit >> 3]! ^= 1 << (bit & 7);
    });
    const { message } = damageOf(copy);
    assert.ok(message.includes(`000000000001.seg" at offset ${from}`), `bit ${bit}: ${message}`);
    assert.match(message, /group 1, index [12]/);
  }
});

test("D04: rot before and at the mark is damage, behind it an unfinished write", () => {
  const { rig, starts } = batches(4, 3);
  rig.scheduler.runUntil(rig.scheduler.nowMs + 3_000);
  const marked = starts.at(-1) as number;
  for (const start of starts) {
    const copy = copyWith(rig, (content) => content.fill(0xee, start + 8, start + 16));
    assert.match(damageOf(copy).message, new RegExp(`at offset ${start} .*the mark says that batch 4|at offset ${start} .*a record`));
  }
  rig.append(1, 1, 50, 1);
  rig.sync();
  const copy = copyWith(rig, (content) => content.fill(0xee, endOf(rig) - 8, endOf(rig)));
  copy.open();
  assert.is(copy.recovered.of(1).entries.length, starts.length, `marked batch at ${marked} is there`);
});

test("D04: a bad record followed by good ones of the same write is cut with them, and they stay cut", () => {
  const { rig, end } = batches(5, 2);
  rig.append(1, 1, 64, 3);
  rig.hardState(1, { term: 9, votedFor: 2, commitIndex: 0 });
  rig.append(1, 1, 64, 3);
  rig.sync();
  const copy = copyWith(rig, (content) => {
    content[end + 60]! ^= 1;
  });
  copy.open();
  copy.checkRecovered();
  assert.is(copy.recovered.of(1).entries.length, 2);
  // Of the same size: the record that was cut would stand just behind it, under the same batch number.
  copy.append(1, 1, 64, 4);
  assert.ok(copy.sync());
  copy.restart();
  assert.equal(copy.recovered.of(1).entries.map(({ term }) => term), [1, 1, 4]);
  assert.is(copy.recovered.of(1).hardState.term, 0);
});

test("D04 P09: a new segment whose bases are not whole is begun anew, whatever a crash then undoes", () => {
  for (let at = 1; at < 40; at++) {
    const rig = new Rig(20 + at, { segmentBytes: 8_192, readyBytes: 8_192, markMs: 1_000 });
    rig.open();
    for (const group of [1, 2, 3]) rig.make(group);
    rig.append(1, 1, 2_000);
    rig.sync();
    rig.scheduler.runUntil(rig.scheduler.nowMs + 50);
    rig.disk.fault = (call) => call.kind === "write" && call.path.endsWith("mark") ? { error: "EIO" } : null;
    rig.append(1, 1, 2_000);
    rig.sync(50);
    rig.disk.fault = () => null;
    rig.disk.flipBit(rig.segment(2), 4_096 + 150, 1);
    trying(`crash at ${at}`, () => {
      rig.open();
      rig.checkRecovered();
      assert.is(rig.recovered.of(1).entries.length, 1);
      assert.is(rig.disk.content(rig.segment(2))?.[0] ?? 0, 0, "the segment is not in use");
      rig.disk.crashAt(rig.disk.calls + at);
      rig.append(1, 1, 50, 2);
      rig.sync(50);
      rig.append(1, 1, 50, 2);
      rig.sync(50);
      rig.disk.crashAt(0);
      rig.restart();
    });
  }
});

test("D06: an entry that verifies but whose chain does not continue the log is damage", () => {
  const { rig } = batches(12, 2);
  const { run } = sealRun(1, 3, 1, 12_345, [Uint8Array.of(1)]);
  rig.wal.appendEntries(1, 3, 1, run);
  rig.flush();
  rig.scheduler.runUntil(rig.scheduler.nowMs + 5_000);
  assert.match(damageOf(rig).message, /group 1, index 3\) is damaged: found an entry does not continue the one before/);
});

test("F10: zeros in the middle are damage, the zeros behind the last record are not", () => {
  const { rig, starts } = batches(6, 4);
  const [from, end] = [starts[1] as number, starts[2] as number];
  assert.match(damageOf(copyWith(rig, (content) => content.fill(0, from, end))).message, new RegExp(`at offset ${from} `));
  const copy = copyWith(rig, () => {});
  copy.open();
  assert.is(copy.recovered.text(), rig.states.at(-1));
});

test("F09: a valid record at another place, of another group or another node is not believed", () => {
  const { rig, starts } = batches(7, 4);
  const [first, second, third] = starts as [number, number, number];
  const moved = copyWith(rig, (content) => content.copyWithin(second, third, third + (second - first)));
  assert.match(damageOf(moved).message, new RegExp(`at offset ${second} `));
  const swapped = new Rig(9, { segmentBytes: 32_768 });
  swapped.open({ ...IDENTITY, nodeId: "b" });
  swapped.make(1);
  swapped.sync();
  assert.match(damageOf(swapped).message, /000000000001.seg" at offset 0 .*the mark says that batch 1/);
  assert.throws(() => swapped.open({ ...IDENTITY, incarnation: 5 }), /another node's: incarnation 77, wanted 5/);
});

test("D05: stale records of a recycled segment lie behind the tail under another salt and are not believed", () => {
  const { rig, starts, end } = batches(10, 6);
  const stale = rig.disk.content(rig.segment(1)) as Uint8Array;
  const begun = new Rig(11, { segmentBytes: 32_768, readyBytes: 32_768 });
  begun.open();
  begun.make(1);
  begun.append(1, 1, 100, 1);
  begun.sync();
  const copy = copyWith(begun, (content) => content.set(stale.subarray(starts[1], end), starts[1]));
  copy.open();
  assert.is(copy.recovered.text(), begun.states.at(-1));
  copy.checkRecovered();
  copy.append(1, 1, 100, 2);
  assert.ok(copy.sync());
  copy.restart();
  assert.is(copy.recovered.of(1).entries.length, 2);
});

test.run();
