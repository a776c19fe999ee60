import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Done, runTask, type Task, wait } from "../../src/base/task.ts";
import type { DiskCallKind } from "../../src/sim/sim_faults.ts";
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

test("replaceWhole() leaves the old or the new content when a replacement that was cut off is followed by another", () => {
  for (let seed = 0; seed < 20; seed++) {
    for (let at = 1; at < 25; at++) {
      const scheduler = new Scheduler();
      const disk = new SimDisk(scheduler, { seed });
      run(scheduler, replaceWhole(disk.boot(), ".", "f", Uint8Array.of(1)));
      // While the directory is synced: the rename is kept, undone or torn.
      disk.crashAt(disk.calls + 7);
      run(scheduler, replaceWhole(disk.boot(), ".", "f", Uint8Array.of(2, 2)));
      disk.crashAt(0);
      disk.crash();
      disk.crashAt(disk.calls + at);
      run(scheduler, replaceWhole(disk.boot(), ".", "f", Uint8Array.of(3)));
      disk.crashAt(0);
      disk.crash();
      const content = run(scheduler, readWhole(disk.boot(), "./f", 100));
      assert.ok(["1", "2,2", "3"].includes(String(content)), `seed ${seed}, crash at ${at}: ${content}`);
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

/** A call of a kind that is submitted now and completes once `meanwhile` was done. */
function around(disk: SimDisk, scheduler: Scheduler, kind: DiskCallKind, submit: (done: Done<void>) => void, meanwhile: Task<unknown>): void {
  let ended = false;
  disk.fault = (call) => call.kind === kind ? { stall: true } : null;
  submit((...[error]) => {
    ended = error === null;
  });
  disk.fault = () => null;
  run(scheduler, meanwhile);
  assert.not.ok(ended);
  disk.release();
  while (scheduler.step());
  assert.ok(ended);
}

test("a sync covers what was written when it was submitted, and nothing that came later", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk(scheduler, { seed });
    const port = disk.boot();
    const file = run(scheduler, makeFile(port, "f")) as File;
    run(scheduler, wait<void>((done) => port.syncDirectory(".", done)));
    run(scheduler, writeAll(file, [new Uint8Array(512).fill(1)], 0));
    // The same block again, and one more.
    around(disk, scheduler, "sync", (done) => file.sync(done), writeAll(file, [new Uint8Array(1024).fill(2)], 0));
    disk.crash();
    const content = disk.content("f") as Uint8Array;
    assert.ok(content.length >= 512 && content.subarray(0, 512).every((byte) => byte > 0), "what was covered is there");
    seen.add([...new Set(content)].join());
  }
  assert.ok(seen.has("1"), "all that came later is lost");
  assert.ok(seen.has("2"), "all that came later is kept");
});

test("syncs that overlap make the newest content durable, whichever ends last", () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 3 });
  const port = disk.boot();
  const file = run(scheduler, makeFile(port, "f")) as File;
  run(scheduler, wait<void>((done) => port.syncDirectory(".", done)));
  run(scheduler, writeAll(file, [Uint8Array.of(1)], 0));
  around(disk, scheduler, "sync", (done) => file.sync(done), (function* (): Task<void> {
    yield* writeAll(file, [Uint8Array.of(2, 2)], 0);
    yield* wait<void>((done) => file.sync(done));
  })());
  disk.crash();
  assert.equal([...disk.content("f") as Uint8Array], [2, 2]);
});

test("the sync of a directory covers the names that were there when it was submitted", () => {
  const found = { early: 0, late: 0 };
  for (let seed = 0; seed < 40; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk(scheduler, { seed });
    const port = disk.boot();
    run(scheduler, makeFile(port, "early"));
    around(disk, scheduler, "syncDirectory", (done) => port.syncDirectory(".", done), makeFile(port, "late"));
    disk.crash();
    if (disk.content("early") !== null) found.early += 1;
    if (disk.content("late") !== null) found.late += 1;
  }
  assert.is(found.early, 40);
  assert.ok(found.late > 5 && found.late < 35, `${found.late}`);
});

test("names that were renamed or removed come back at a crash, unless their directory was synced", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 80; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk(scheduler, { seed });
    const port = disk.boot();
    const isSynced = seed % 2 === 0;
    run(scheduler, (function* (): Task<void> {
      for (const name of ["from", "gone"]) yield* makeFile(port, name);
      yield* wait<void>((done) => port.syncDirectory(".", done));
      yield* wait<void>((done) => port.rename("from", "to", done));
      yield* wait<void>((done) => port.unlink("gone", done));
      if (isSynced) yield* wait<void>((done) => port.syncDirectory(".", done));
    })());
    disk.crash();
    const names = disk.names.files().join();
    if (isSynced) assert.is(names, "to");
    else seen.add(names);
  }
  assert.equal([...seen].sort(), ["from", "from,gone", "from,to", "gone,from,to", "gone,to", "to"].map((names) => names.split(",").sort().join()).sort());
});

test("a bad sector fails every read of it until it is written again, over crashes too", () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 1 });
  const fails = (position: number): boolean => {
    const reads = (function* (): Task<number> {
      const file = yield* makeFile(disk.boot(), "f");
      return yield* wait<number>((done) => file.read(new Uint8Array(10), position, done));
    })();
    try {
      return run(scheduler, reads) !== 10;
    } catch (error) {
      assert.match(String(error), /EIO/);
      return true;
    }
  };
  disk.overwrite("f", new Uint8Array(2048));
  disk.spoil("f", 600);
  for (let time = 0; time < 3; time++) {
    assert.equal([0, 505, 1000, 1024].map(fails), [false, true, true, false]);
    disk.crash();
  }
  run(scheduler, (function* (): Task<void> {
    const file = yield* makeFile(disk.boot(), "f");
    yield* writeAll(file, [Uint8Array.of(1)], 700);
  })());
  assert.not.ok(fails(600));
});

test("what a failed sync lost may be read from the disk again by the next process", () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const scheduler = new Scheduler();
    const disk = new SimDisk(scheduler, { seed });
    const port = disk.boot();
    const file = run(scheduler, makeFile(port, "f")) as File;
    run(scheduler, writeAll(file, [Uint8Array.of(7)], 0));
    disk.fault = () => ({ error: "EIO" });
    assert.throws(() => run(scheduler, wait<void>((done) => file.sync(done))), /EIO/);
    disk.fault = () => null;
    disk.kill(port);
    disk.boot();
    seen.add(disk.content("f")?.[0] as number);
  }
  assert.equal(seen, new Set([0, 7]));
});

test("a failed sync has lost its blocks before it says so: another one in between does not save them", () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 1 });
  const port = disk.boot();
  const file = run(scheduler, makeFile(port, "f")) as File;
  run(scheduler, wait<void>((done) => port.syncDirectory(".", done)));
  run(scheduler, writeAll(file, [Uint8Array.of(7)], 0));
  disk.fault = () => ({ error: "EIO" });
  file.sync(() => {});
  disk.fault = () => null;
  run(scheduler, wait<void>((done) => file.sync(done)));
  disk.crash();
  assert.is(disk.content("f")?.[0], 0);
});

test("a failed sync loses what one that is under way covers, which succeeds all the same", () => {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 1 });
  const port = disk.boot();
  const file = run(scheduler, makeFile(port, "f")) as File;
  run(scheduler, wait<void>((done) => port.syncDirectory(".", done)));
  run(scheduler, writeAll(file, [Uint8Array.of(7)], 0));
  const ends: string[] = [];
  file.sync((...[error]) => ends.push(`first ${error === null}`));
  disk.fault = () => ({ error: "EIO" });
  file.sync((...[error]) => ends.push(`second ${error === null}`));
  while (scheduler.step());
  assert.equal(ends.sort(), ["first true", "second false"]);
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
