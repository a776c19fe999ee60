import { test } from "uvu";
import * as assert from "uvu/assert";
import { crc32, viewOf } from "../../src/base/bytes.ts";
import type { DiskCall, DiskFault } from "../../src/sim/sim_faults.ts";
import { DIRECTORY, playScript, Rig, SMALL, trying } from "./fixture.ts";

const MARK = `${DIRECTORY}/wal/mark`;

/** The fault of the `nth` call of a kind from now on, once. */
function once(rig: Rig, kind: DiskCall["kind"], nth: number, fault: DiskFault, path = ".seg"): void {
  let seen = 0;
  rig.disk.fault = (call) => call.kind === kind && call.path.includes(path) && ++seen === nth ? fault : null;
}

function opened(seed: number, options = {}): Rig {
  const rig = new Rig(seed, { ...SMALL, ...options });
  rig.open();
  rig.make(1);
  rig.sync();
  rig.scheduler.runUntil(rig.scheduler.nowMs + 100);
  return rig;
}

test("F11: a failed sync fences: told once, no completion after it, no second sync; the lost batch is not believed", () => {
  for (const path of [".seg", "mark"]) {
    const rig = opened(1);
    rig.append(1, 1, 100);
    once(rig, "sync", 1, { error: "EIO" }, path);
    rig.sync(50);
    rig.scheduler.runUntil(rig.scheduler.nowMs + 50);
    rig.disk.fault = () => null;
    const { acked } = rig;
    rig.append(1, 1, 100);
    assert.not.ok(rig.sync(5_000), "nothing is told any more");
    assert.is(rig.acked, acked);
    assert.is(rig.told.length, 1);
    assert.match(rig.told[0] as string, /failure: log cannot be written: EIO/);
    assert.ok(rig.wal.fenced);
    rig.open();
    rig.checkRecovered();
    rig.restart();
  }
});

test("F11: what a failed sync lost, though it reads well from memory, is written again before it counts", () => {
  const rig = opened(2);
  rig.append(1, 1, 100);
  once(rig, "sync", 1, { error: "EIO" });
  rig.sync(50);
  rig.disk.fault = () => null;
  rig.open();
  assert.is(rig.recovered.of(1).entries.length, 1, "the page in memory shows the entry");
  rig.restart();
  assert.is(rig.recovered.of(1).entries.length, 1, "what a started node counted stays");
});

test("F11: a sync that fails for want of room fences too: it may have lost a batch's pages", () => {
  const rig = opened(11);
  while (rig.told.length === 0) {
    rig.append(1, 1, 400);
    rig.sync(50);
    rig.disk.fault = (call) => call.kind === "sync" && call.path.includes(".seg") ? { error: "ENOSPC" } : null;
  }
  assert.match(rig.told[0] as string, /failure: .*ENOSPC/);
});

test("F11: of two syncs of a segment that overlap none succeeds without the other: nothing that was acked is lost", () => {
  let failed = 0;
  for (let seed = 1; seed <= 12; seed++) {
    for (let nth = 1; nth <= 6; nth++) {
      const rig = new Rig(seed, { ...SMALL, segmentBytes: 32_768, readyBytes: 8192 });
      rig.open();
      once(rig, "sync", nth, { error: "EIO" });
      rig.make(1);
      // The segment is still being filled.
      for (let batch = 0; batch < 6; batch++) {
        rig.append(1, 1, 100);
        rig.flush();
        rig.scheduler.runUntil(rig.scheduler.nowMs + 0.4);
      }
      rig.scheduler.runUntil(rig.scheduler.nowMs + 20);
      failed += rig.told.length;
      rig.disk.fault = () => null;
      rig.disk.crash("dropped");
      trying(`seed ${seed}, sync ${nth}`, () => {
        rig.open();
        rig.checkRecovered();
      });
    }
  }
  assert.ok(failed > 50, `${failed} logs failed`);
});

test("a segment of a later format names itself and what to do", () => {
  const rig = opened(12);
  const content = rig.disk.content(rig.segment(1)) as Uint8Array;
  viewOf(content).setUint32(8, 2, true);
  viewOf(content).setUint32(12, crc32(content, 16, 4096, crc32(content, 0, 12, 0)), true);
  rig.disk.overwrite(rig.segment(1), content);
  assert.throws(() => rig.open(), /000000000001.seg" has format 2, wanted 1; start the draft that wrote it/);
});

test("P10: short writes are gone on with, at every length", () => {
  for (let bytes = 1; bytes < 300; bytes += 7) {
    const rig = opened(3);
    rig.disk.fault = (call) => call.kind === "write" && call.number % 3 !== 0 ? { shortBytes: bytes } : null;
    rig.append(1, 2, 100);
    assert.ok(rig.sync());
    rig.disk.fault = () => null;
    rig.restart();
    assert.is(rig.recovered.text(), rig.states.at(-1));
  }
});

test("a full disk: told once, what is there stays, and it goes on by itself when there is room", () => {
  const rig = opened(4);
  rig.disk.capacityBytes = 8_192 * 3 + 8_192;
  while (rig.sync(100)) rig.append(1, 1, 400);
  assert.equal(rig.told, ["space: scarce", "space: none"]);
  const { acked } = rig;
  rig.scheduler.runUntil(rig.scheduler.nowMs + 10_000);
  assert.is(rig.acked, acked);
  rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
  assert.ok(rig.sync(5_000));
  rig.scheduler.runUntil(rig.scheduler.nowMs + 100);
  assert.equal(rig.told, ["space: scarce", "space: none", "space: ample"]);
  rig.restart();
  assert.is(rig.recovered.text(), rig.states.at(-1));
});

test("a stalled batch is told once, and completes when the disk goes on", () => {
  const rig = opened(5, { stallMs: 500 });
  once(rig, "sync", 1, { stall: true });
  rig.append(1, 1, 100);
  rig.flush();
  rig.scheduler.runUntil(rig.scheduler.nowMs + 400);
  assert.equal(rig.told, []);
  rig.scheduler.runUntil(rig.scheduler.nowMs + 5_000);
  assert.equal(rig.told, ["stall: true"]);
  rig.disk.release();
  assert.ok(rig.sync());
  assert.equal(rig.told, ["stall: true", "stall: false"]);
});

test("F17 D04: a missing, emptied or renamed segment is damage that names it; the last one too", () => {
  const full = (): Rig => {
    const rig = opened(6);
    fillSegments(rig);
    return rig;
  };
  const last = lastSegment(full());
  assert.ok(last >= 3);
  for (let sequence = 1; sequence <= last; sequence++) {
    const name = new RegExp(`00000000000${sequence}.seg" at offset`);
    for (const harm of [
      (rig: Rig) => rig.disk.move(rig.segment(sequence), null),
      (rig: Rig) => rig.disk.overwrite(rig.segment(sequence), new Uint8Array(0)),
      (rig: Rig) => rig.disk.move(rig.segment(sequence), rig.segment(77)),
      (rig: Rig) => rig.disk.flipBit(rig.segment(sequence), 33, 3),
    ]) {
      const rig = full();
      harm(rig);
      assert.throws(() => rig.open(), (error: Error) => name.test(error.message) && /DAMAGED|damaged/.test(error.message), `segment ${sequence}`);
    }
  }
});

test("F17: unknown files are left alone; prepared segments are removed; no permission is named", () => {
  const rig = opened(7);
  rig.disk.overwrite(`${DIRECTORY}/wal/notes.txt`, Uint8Array.of(1));
  rig.disk.overwrite(rig.segment(9), new Uint8Array(100));
  rig.restart();
  assert.ok(rig.disk.content(`${DIRECTORY}/wal/notes.txt`));
  assert.is(rig.disk.content(rig.segment(9)), null);
  rig.disk.fault = (call) => call.kind === "open" && call.path.endsWith(".seg") ? { error: "EACCES" } : null;
  assert.throws(() => rig.open(), /log "data\/wal" cannot be opened: EACCES/);
});

test("D04: one bad slot of the mark file is no harm, both bad or the file missing is damage", () => {
  const rig = opened(8);
  rig.append(1, 1, 10);
  rig.sync();
  rig.close();
  const content = rig.disk.content(MARK) as Uint8Array;
  for (const slot of [0, 1]) {
    rig.disk.overwrite(MARK, content);
    rig.disk.flipBit(MARK, slot * 4096 + 30, 1);
    rig.open();
    rig.checkRecovered();
    rig.close();
  }
  rig.disk.flipBit(MARK, 30, 1);
  rig.disk.flipBit(MARK, 4096 + 30, 1);
  assert.throws(() => rig.open(), /mark file "data\/wal\/mark" cannot be read/);
  rig.disk.move(MARK, null);
  assert.throws(() => rig.open(), /mark file "data\/wal\/mark" is missing/);
});

test("a sector that cannot be read is damage before the mark, and cut behind it", () => {
  const rig = opened(9);
  rig.append(1, 1, 100);
  rig.sync();
  rig.disk.fault = (call) => call.kind === "read" && call.path.endsWith("1.seg") ? { error: "EIO" } : null;
  assert.throws(() => rig.open(), /000000000001.seg" at offset 0 .*damaged/);
});

/** Turns until the log has four segments in use. */
function fillSegments(rig: Rig): void {
  for (let turn = 0; turn < 12; turn++) {
    rig.append(1, 1, 900);
    assert.ok(rig.sync());
  }
  rig.close();
}

/** The last segment that is in use. */
function lastSegment(rig: Rig): number {
  let sequence = 1;
  while (rig.disk.content(rig.segment(sequence + 1))?.[0] === 100) sequence += 1;
  return sequence;
}

test("a life of many turns with faults that are none: short writes and slow calls", () => {
  const rig = new Rig(10);
  rig.disk.fault = (call) => call.kind === "write" && call.number % 5 === 0 ? { shortBytes: 100 } : null;
  rig.open();
  playScript(rig, 60);
  rig.close();
  rig.disk.fault = () => null;
  rig.open();
  assert.is(rig.recovered.text(), rig.states.at(-1));
});

test.run();
