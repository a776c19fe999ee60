/** Bare entries, as the log of a witness keeps them: read back and recovered like any other. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { bareRun, hasBare, readRun } from "../../src/base/entry.ts";
import { Rig, SMALL } from "./fixture.ts";
import { sealRun } from "./model.ts";

test("bare entries fill segments, are read back as they are, and recovered, over many segments and behind a truncation", () => {
  const rig = new Rig(7, SMALL);
  rig.open();
  rig.make(1);
  rig.sync();
  const appendBare = (first: number, count: number): void => {
    const payloads = Array.from({ length: count }, (_, at) => new Uint8Array(40 + at).fill(at + 1));
    const { run } = sealRun(1, first, 1, rig.model.point(1, first - 1).chain, payloads);
    const bare = bareRun([run]);
    const room = rig.wal.reserve(bare.length);
    room.set(bare);
    rig.wal.appendEntries(1, first, count, room);
    for (const { term, payloadSum: sum, chain } of readRun(bare).entries) {
      rig.model.of(1).entries.push({ term, sum, chain });
      rig.states.push(rig.model.text());
    }
    assert.ok(rig.sync());
  };
  for (let turn = 0; turn < 40; turn++) appendBare(1 + turn * 10, 10);
  rig.truncate(1, 351);
  appendBare(351, 30);
  for (let round = 0; round < 2; round++) {
    const found = rig.read(1, 1, 380, 1_000_000);
    const run = concatBytes(found.runs);
    assert.equal([found.to, hasBare(run), readRun(run).fault], [380, true, null]);
    assert.equal(readRun(run).entries.map(({ chain }) => chain), rig.model.of(1).entries.map(({ chain }) => chain));
    rig.restart();
  }
});

test.run();
