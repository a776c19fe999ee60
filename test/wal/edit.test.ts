/** The record of an offline edit in a log that goes on. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { viewOf } from "../../src/base/bytes.ts";
import type { Edit } from "../../src/wal/edit_record.ts";
import { HEADER_BYTES } from "../../src/wal/segment.ts";
import { Rig } from "./fixture.ts";

const MARK = { number: 3, boot: 9, condition: "edited" } as const;

function edit(rig: Rig, { mark, content }: Edit): void {
  rig.wal.appendEdit(1, { mark, content });
  if (content.change === "chop") {
    rig.model.truncated(1, content.from);
    rig.model.hardState(1, content.hardState);
  }
  rig.model.edited(1, mark);
  rig.states.push(rig.model.text());
}

test("the mark of an edit outlives the segment that it was written in, and is lifted by another record", () => {
  const rig = new Rig(1);
  rig.open();
  rig.make(1);
  rig.hardState(1, { term: 2, votedFor: 1, commitIndex: 4 });
  rig.append(1, 4, 200);
  assert.ok(rig.sync());
  edit(rig, { mark: MARK, content: { change: "chop", from: 3, hardState: { term: 2, votedFor: 1, commitIndex: 2 } } });
  assert.ok(rig.sync());
  const write = (turns: number): void => {
    for (let turn = 1; turn <= turns; turn++) {
      rig.append(1, 1, 1_300, 2 + turn);
      if (turn % 4 === 0) rig.compact(1, rig.model.point(1, rig.model.last(1) - 1));
      assert.ok(rig.sync());
    }
  };
  write(20);
  rig.scheduler.runUntil(rig.scheduler.nowMs + 100);
  assert.ok(rig.wal.compaction.freed > 0, "the segment of the edit is gone");
  rig.restart();
  assert.equal(rig.model.of(1).edit, MARK);
  rig.checkReads();
  edit(rig, { mark: { ...MARK, condition: "none" }, content: { change: "compared" } });
  assert.ok(rig.sync());
  rig.restart();
  assert.equal(rig.model.of(1).edit, { ...MARK, condition: "none" });
});

test("P09: a new segment that lost the edits which it was to repeat is begun anew, and the mark stays", () => {
  const rig = new Rig(3, { segmentBytes: 8_192, readyBytes: 8_192, markMs: 1_000 });
  rig.open();
  rig.make(1);
  rig.append(1, 1, 2_000);
  edit(rig, { mark: MARK, content: { change: "none" } });
  rig.sync();
  rig.scheduler.runUntil(rig.scheduler.nowMs + 50);
  rig.disk.fault = (call) => call.kind === "write" && call.path.endsWith("mark") ? { error: "EIO" } : null;
  rig.append(1, 1, 2_000);
  rig.sync(50);
  rig.disk.fault = () => null;
  const torn = rig.disk.content(rig.segment(2)) as Uint8Array;
  const base = viewOf(torn).getUint32(HEADER_BYTES + 4, true);
  torn.fill(0, HEADER_BYTES + base);
  rig.disk.overwrite(rig.segment(2), torn);
  rig.open();
  assert.is(rig.disk.content(rig.segment(2))?.[0] ?? 0, 0, "the segment is not in use");
  assert.equal(rig.recovered.of(1).edit, MARK);
});

test("entries behind one that was edited in are read back, with what is relocated between them", () => {
  const rig = new Rig(2);
  rig.open();
  rig.make(1);
  rig.make(2);
  rig.append(1, 2, 100);
  assert.ok(rig.sync());
  // The entry that the model makes is put into an edit's record instead of one of its own.
  const plain = rig.wal.appendEntries.bind(rig.wal);
  rig.wal.appendEntries = (group, index, count, run) => rig.wal.appendEdit(group, {
    mark: MARK, content: { change: "append", index, count, run: run.slice(), hardState: { term: 1, votedFor: 0, commitIndex: 0 } },
  });
  rig.append(1, 1, 100);
  rig.model.hardState(1, { term: 1, votedFor: 0, commitIndex: 0 });
  rig.model.edited(1, MARK);
  rig.states.push(rig.model.text());
  rig.wal.appendEntries = plain;
  assert.ok(rig.sync());
  rig.append(1, 3, 100);
  assert.ok(rig.sync());
  rig.checkReads();
  rig.restart();
  rig.checkReads();
  for (let turn = 1; turn <= 30; turn++) {
    rig.append(2, 1, 1_300, turn);
    if (turn % 5 === 0) rig.compact(2, rig.model.point(2, rig.model.last(2) - 1));
    assert.ok(rig.sync());
  }
  rig.scheduler.runUntil(rig.scheduler.nowMs + 200);
  assert.ok(rig.wal.compaction.relocatedBytes > 0, "what holds the first segment was copied");
  rig.checkReads();
  rig.restart();
  rig.checkReads();
});

test.run();
