/** A disk that fills: the high mark before it, the reserve that is given back, and the way out. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DIRECTORY, Rig, SMALL } from "./fixture.ts";

const SEGMENT_BYTES = 8_192;
const RESERVE_BYTES = 16_384;
const RESERVE = `${DIRECTORY}/wal/reserve`;

/** A WAL whose segments and reserve are made. */
function opened(seed: number): Rig {
  const rig = new Rig(seed, { ...SMALL, segmentBytes: SEGMENT_BYTES, reserveBytes: RESERVE_BYTES });
  rig.open();
  rig.make(1);
  rig.sync();
  later(rig, 100);
  assert.is(reserveBytes(rig), RESERVE_BYTES);
  return rig;
}

function later(rig: Rig, ms: number): void {
  rig.scheduler.runUntil(rig.scheduler.nowMs + ms);
}

function reserveBytes(rig: Rig): number {
  return rig.disk.content(RESERVE)?.length ?? 0;
}

/** Appends until a batch does not become durable. @returns how many did */
function fill(rig: Rig): number {
  const { acked } = rig;
  do rig.append(1, 1, 400);
  while (rig.sync(3_000));
  return rig.acked - acked;
}

test("F11: with less free than the high mark the disk counts as full, before a write was refused, and nothing is lost of the reserve", () => {
  const rig = opened(1);
  rig.disk.capacityBytes = rig.disk.usedBytes + RESERVE_BYTES + SEGMENT_BYTES - 1;
  while (rig.told.length === 0) {
    rig.append(1, 1, 400);
    assert.ok(rig.sync());
    later(rig, 20);
  }
  assert.equal(rig.told, ["space: scarce"]);
  assert.is(rig.disk.refusals, 0);
  assert.is(reserveBytes(rig), RESERVE_BYTES);
});

test("F11: a full disk gets its reserve back, and what waits for room is written there; once there is room it is made again", () => {
  const rig = opened(2);
  rig.disk.capacityBytes = rig.disk.usedBytes;
  const written = fill(rig);
  assert.equal(rig.told, ["space: scarce", "space: none"]);
  assert.is(reserveBytes(rig), 0);
  // Two segments were ready, and the reserve made two more, of seven such batches each.
  assert.ok(written > 20, `${written} batches`);
  rig.disk.capacityBytes = rig.disk.usedBytes + 2 * RESERVE_BYTES;
  assert.ok(rig.sync(5_000), "it goes on by itself");
  later(rig, 3_000);
  assert.equal(rig.told.slice(2), ["space: scarce"], "there is room, but not enough to fall back on");
  rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
  later(rig, 3_000);
  assert.equal(rig.told.slice(3), ["space: ample"]);
  assert.is(reserveBytes(rig), RESERVE_BYTES);
  rig.restart();
  assert.is(rig.recovered.text(), rig.states.at(-1));
});

test("F11: a log that begins later makes room: what it lets go is removed, and the disk is no longer full", () => {
  const rig = opened(3);
  rig.disk.capacityBytes = rig.disk.usedBytes + 6 * SEGMENT_BYTES;
  fill(rig);
  assert.is(rig.told.at(-1), "space: none");
  const { refusals } = rig.disk;
  // It was appended, and waits for room: nothing may wait for it in turn.
  rig.disk.capacityBytes += 2 * SEGMENT_BYTES;
  assert.ok(rig.sync(5_000));
  rig.compact(1, rig.model.point(1, rig.model.last(1)));
  assert.ok(rig.sync(5_000));
  later(rig, 5_000);
  assert.is(rig.told.at(-1), "space: ample");
  assert.is(reserveBytes(rig), RESERVE_BYTES);
  assert.is(rig.disk.refusals, refusals);
});

test("F11: whoever finds no room gets the reserve; it is gone once", () => {
  const rig = opened(4);
  rig.disk.capacityBytes = rig.disk.usedBytes;
  assert.ok(rig.wal.giveReserve());
  later(rig, 10);
  assert.is(reserveBytes(rig), 0);
  assert.equal(rig.told, ["space: scarce"]);
  assert.is(rig.disk.freeBytes(), RESERVE_BYTES, "nothing else took it");
  assert.not.ok(rig.wal.giveReserve());
});

test("F11: a start on a full disk says so, and keeps what is left", () => {
  const rig = opened(5);
  rig.disk.capacityBytes = rig.disk.usedBytes;
  rig.told = [];
  rig.restart();
  later(rig, 3_000);
  assert.ok(rig.told.length > 0 && rig.told[0] === "space: scarce", rig.told.join());
  rig.append(1, 1, 400);
  assert.ok(rig.sync());
  rig.restart();
  assert.is(rig.recovered.text(), rig.states.at(-1));
});

test.run();
