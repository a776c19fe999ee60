import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import { readWhole, replaceWhole, writeAll } from "../../src/host/files.ts";
import type { Disk, File, FileLock } from "../../src/host/host.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";

function run<T>(scheduler: Scheduler, task: Task<T>): T | null {
  const result: { value: T | null; error: Error | null } = { value: null, error: null };
  runTask(task, (...[error, value]) => Object.assign(result, { error, value: value ?? null }));
  while (scheduler.step());
  if (result.error !== null) throw result.error;
  return result.value;
}

function* makeFile(disk: Disk, path: string): Task<File> {
  return yield* wait<File>((done) => disk.open(path, { create: true }, done));
}

/** Writes `synced` durably, then `pending` over it, cuts the power, and gives what is left as a text. */
function leftOver(seed: number, synced: number, pending: number): string {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed });
  const port = disk.boot();
  run(scheduler, (function* (): Task<void> {
    const file = yield* makeFile(port, "f");
    yield* wait<void>((done) => port.syncDirectory(".", done));
    yield* writeAll(file, [new Uint8Array(1_024).fill(synced)], 0);
    yield* wait<void>((done) => file.sync(done));
    yield* writeAll(file, [new Uint8Array(1_024).fill(pending)], 0);
  })());
  disk.crash();
  return [...new Set(disk.content("f"))].sort((a, b) => a - b).join();
}

test("a crash keeps what was synced, and keeps, drops or tears each block that was not", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) seen.add(leftOver(seed, 1, 2));
  assert.equal([...seen].sort(), ["1", "1,2", "2"]);
});

test("a name that was not synced may be gone, one that was synced stays", () => {
  const found = { synced: 0, pending: 0 };
  for (let seed = 0; seed < 40; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk(scheduler, { seed });
    const port = disk.boot();
    run(scheduler, (function* (): Task<void> {
      yield* makeFile(port, "synced");
      yield* wait<void>((done) => port.syncDirectory(".", done));
      yield* makeFile(port, "pending");
    })());
    disk.crash();
    if (disk.content("synced") !== null) found.synced += 1;
    if (disk.content("pending") !== null) found.pending += 1;
  }
  assert.is(found.synced, 40);
  assert.ok(found.pending > 5 && found.pending < 35, `${found.pending}`);
});

test("replaceWhole() leaves the old or the new content at every crash", () => {
  for (let seed = 0; seed < 5; seed++) {
    for (let at = 1; at < 25; at++) {
      const scheduler = new Scheduler();
      const disk = new SimDisk(scheduler, { seed });
      run(scheduler, replaceWhole(disk.boot(), ".", "f", Uint8Array.of(1)));
      const port = disk.boot();
      disk.crashAt(disk.calls + at);
      run(scheduler, replaceWhole(port, ".", "f", Uint8Array.of(2, 2)));
      disk.crashAt(0);
      disk.crash();
      const content = run(scheduler, readWhole(disk.boot(), "./f", 100));
      assert.ok(String(content) === "1" || String(content) === "2,2", `crash at ${at}: ${content}`);
    }
  }
});

test("after a failed sync the file reads as written and the next sync succeeds, but a crash loses the blocks", () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 1 });
  const port = disk.boot();
  run(scheduler, (function* (): Task<void> {
    const file = yield* makeFile(port, "f");
    yield* wait<void>((done) => port.syncDirectory(".", done));
    yield* writeAll(file, [new Uint8Array(512)], 0);
    yield* wait<void>((done) => file.sync(done));
    yield* writeAll(file, [Uint8Array.of(7)], 0);
    disk.fault = (call) => call.kind === "sync" ? { error: "EIO" } : null;
    try {
      yield* wait<void>((done) => file.sync(done));
      assert.unreachable("the sync failed");
    } catch (error) {
      assert.match(String(error), /EIO/);
    }
    disk.fault = () => null;
    yield* wait<void>((done) => file.sync(done));
  })());
  assert.is(disk.content("f")?.[0], 7);
  disk.crash();
  assert.is(disk.content("f")?.[0], 0);
});

test("a lock has one holder and ends with its process", () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 1 });
  const take = (port: Disk): FileLock | null => run(scheduler, wait<FileLock | null>((done) => port.lock("lock", done)));
  const first = take(disk.boot());
  assert.ok(first);
  assert.is(take(disk.boot()), null);
  first.release();
  assert.ok(take(disk.boot()));
  disk.crash();
  assert.ok(take(disk.boot()));
});

test("the same seed gives the same order of completions", () => {
  const orders = [5, 5, 6].map((seed) => {
    const scheduler = new Scheduler();
    const port = new SimDisk(scheduler, { seed }).boot();
    const order: number[] = [];
    for (let i = 0; i < 20; i++) port.stat(`${i}`, () => order.push(i));
    while (scheduler.step());
    return order.join();
  });
  assert.is(orders[0], orders[1]);
  assert.is.not(orders[0], orders[2]);
});

test.run();
