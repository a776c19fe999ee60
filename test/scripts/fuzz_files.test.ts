/** A sample of `npm run fuzz:files`: damaged directories are mended, end in a refusal, or hold all that was durable (F08, F09, F17). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fuzzFiles } from "../../scripts/fuzz/fuzz.ts";
import { Tally } from "../../scripts/fuzz/tally.ts";
import { liveWorld } from "../../scripts/fuzz/world.ts";
import { partsOf } from "../../scripts/fuzz/parts.ts";

test("300 damaged directories: each is mended, refused with what to do, or holds all that was durable", async () => {
  const { alone, together, wrong } = await fuzzFiles({ seed: 3, cases: 300, togetherOneIn: 20 });
  assert.equal(wrong.map(({ name, words }) => `${name}: ${words}`), []);
  assert.is(alone.count(), 300);
  assert.is(together.count(), 15);
  assert.ok(["refused 10", "whole", "cut", "mended", "asks peers", "let in again"].every((verdict) => alone.count(verdict) > 10), alone.table());
  assert.ok(together.count("level") > 10, together.table());
});

test("the directories hold each type of record that a node of one group writes", async () => {
  const names = new Set<string>();
  for (const life of ["compacted", "whole log"] as const) {
    const { quiet, edited } = await liveWorld(3, life);
    for (const { files } of [...quiet.directories.values(), ...edited.directories.values()]) for (const { name } of partsOf(files)) names.add(name);
  }
  for (const type of ["entries", "hardState", "truncate", "groupMade", "base", "compactPrefix", "snapshotMark", "firstSegment", "edit"]) {
    assert.ok(names.has(`${type} envelope`), type);
  }
  for (const part of ["segment header", "mark slot", "identity", "snapshot front", "snapshot head", "chunk head", "snapshot end", "saved edit"]) assert.ok(names.has(part), part);
});

test("Tally.table() has a row a kind and a column a verdict", () => {
  const tally = new Tally();
  tally.add("file missing", "whole");
  tally.add("file missing", "refused 10");
  tally.add("bit: payload", "refused 10");
  assert.is(tally.table(), "| damage | refused 10 | whole |\n|---|---|---|\n| bit: payload | 1 |  |\n| file missing | 1 | 1 |\n| all | 2 | 1 |");
});

test.run();
