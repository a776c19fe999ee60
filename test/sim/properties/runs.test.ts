/** All properties look on at correct runs, and find nothing. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runCores, runNodes } from "./runs.ts";

test("bare cores under crashes, partitions, loss and slow disks", () => {
  let events = 0;
  for (let seed = 1; seed <= 20; seed++) events += runCores(seed).events;
  assert.ok(events > 20_000, `${events} events`);
});

test("whole nodes and their clients, under crashes and partitions", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const watch = runNodes(seed);
    assert.ok(watch.events > 5000, `${watch.events} events`);
    assert.ok(watch.operations > 500, `${watch.operations} operations`);
  }
});

test.run();
