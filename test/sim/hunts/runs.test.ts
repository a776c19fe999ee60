/** All properties look on at correct runs, and find nothing. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runCores, runDamaged, runLateAnswers, runNodes } from "../properties/runs.ts";

test("bare cores under crashes, partitions, loss and slow disks", () => {
  let events = 0;
  for (let seed = 1; seed <= 20; seed++) events += runCores(seed).events;
  assert.ok(events > 20_000, `${events} events`);
});

test("a follower whose disk loses or changes the end of its log, under a leader that stays", () => {
  for (let seed = 1; seed <= 6; seed++) {
    runDamaged(seed, "lost");
    runDamaged(seed, "edited");
  }
});

test("a leader that is cut off, and the late answers to its earlier rounds", () => {
  for (let seed = 1; seed <= 20; seed++) runLateAnswers(seed);
});

test("whole nodes and their clients, under crashes and partitions", () => {
  // 58: many equal commands whose outcome nobody knows; the search must not lose its way.
  for (const seed of [1, 2, 58]) {
    const watch = runNodes(seed);
    assert.ok(watch.events > 5000, `${watch.events} events`);
    assert.ok(watch.operations > 500, `${watch.operations} operations`);
  }
});

test.run();
