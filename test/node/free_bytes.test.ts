import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Done } from "../../src/base/task.ts";
import type { Disk } from "../../src/host/host.ts";
import { FreeBytes } from "../../src/node/free_bytes.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";

const test = suite("free bytes");

test("ask() tells the last number when the disk does not answer, and asks it once", () => {
  const scheduler = new Scheduler();
  const asked: Done<number>[] = [];
  const disk = { freeBytes: (_: string, done: Done<number>) => void asked.push(done) } as unknown as Disk;
  const host = { disk, clock: scheduler.clock(0) };
  const free = new FreeBytes();
  const told: [number, boolean][] = [];
  const ask = (): void => free.ask(host, "data", (...answer) => void told.push(answer));
  ask();
  asked[0]?.(null, 5000);
  assert.equal(told, [[5000, false]]);
  ask();
  ask();
  while (scheduler.step(scheduler.nowMs + 1000));
  assert.equal(told.slice(1), [[5000, true], [5000, true]]);
  assert.is(asked.length, 2);
  ask();
  asked[1]?.(null, 4000);
  assert.equal(told.slice(3), [[4000, false]]);
  while (scheduler.step(scheduler.nowMs + 1000));
  assert.is(told.length, 4);
});

test.run();
