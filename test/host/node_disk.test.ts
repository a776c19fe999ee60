import * as fs from "node:fs";
import { spawn } from "node:child_process";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isHostError, readUpTo, readWhole, replaceWhole, writeAll } from "../../src/host/files.ts";
import type { File, FileLock } from "../../src/host/host.ts";
import { NodeDisk } from "../../src/host/node_disk.ts";
import { type Done, runTask, type Task } from "../../src/base/task.ts";

const disk = new NodeDisk();
const directory: string = fs.mkdtempSync(path.join(os.tmpdir(), "draft-disk-"));
test.after(() => fs.rmSync(directory, { recursive: true, force: true }));

/** The result of one operation, which must not complete within the call. */
function run<T>(operation: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let called = false;
    operation((...[error, value]) => {
      if (!called) reject(new Error("completed within the call"));
      else if (error === null) resolve(value);
      else reject(error);
    });
    called = true;
  });
}

function runAll<T>(task: Task<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    runTask(task, (...[error, value]) => error === null ? resolve(value) : reject(error));
  });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(() => null, (reason: unknown) => reason);
  return error instanceof Error && "code" in error ? String(error.code) : "none";
}

test("write() takes parts one behind the other, read() gives what is there", async () => {
  const file = await run<File>((done) => disk.open(`${directory}/a`, { create: true }, done));
  assert.is(await run<number>((done) => file.write([Uint8Array.of(1, 2), Uint8Array.of(3)], 2, done)), 3);
  assert.is(await run<number>((done) => file.write([Uint8Array.of(9)], 0, done)), 1);
  await run<void>((done) => file.sync(done));
  const into = new Uint8Array(8);
  assert.is(await run<number>((done) => file.read(into, 0, done)), 5);
  assert.equal([...into], [9, 0, 1, 2, 3, 0, 0, 0]);
  await run<void>((done) => file.truncate(2, done));
  assert.is(await run<number>((done) => file.sizeBytes(done)), 2);
  await run<void>((done) => file.close(done));
});

test("P10 writeAll() gets thousands of parts and megabytes onto the disk", async () => {
  const file = await run<File>((done) => disk.open(`${directory}/big`, { create: true }, done));
  const parts = Array.from({ length: 3000 }, (_, i) => new Uint8Array(i % 7 === 0 ? 2000 : 3).fill(i));
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  await runAll(writeAll(file, parts, 5));
  const read = await runAll(readUpTo(file, 5, total + 10));
  assert.is(read.length, total);
  let at = 0;
  for (const part of parts) {
    assert.is(Buffer.compare(read.subarray(at, at + part.length), part), 0);
    at += part.length;
  }
  await run<void>((done) => file.close(done));
});

test("files are 0600, directories 0700", async () => {
  if (process.platform === "win32") return;
  await run<void>((done) => disk.makeDirectory(`${directory}/x/y`, done));
  await run<void>((done) => disk.makeDirectory(`${directory}/x/y`, done));
  assert.is(fs.statSync(`${directory}/x`).mode & 0o777, 0o700);
  assert.is(fs.statSync(`${directory}/x/y`).mode & 0o777, 0o700);
  const file = await run<File>((done) => disk.open(`${directory}/x/f`, { create: true }, done));
  assert.is(fs.statSync(`${directory}/x/f`).mode & 0o777, 0o600);
  await run<void>((done) => file.close(done));
});

test("errors bear the system's code; a missing file is null to stat()", async () => {
  assert.is(await codeOf(run((done) => disk.open(`${directory}/none`, {}, done))), "ENOENT");
  await runAll(replaceWhole(disk, directory, "there", Uint8Array.of(1)));
  assert.is(await codeOf(run((done) => disk.open(`${directory}/there`, { create: true, exclusive: true }, done))), "EEXIST");
  assert.is(await codeOf(run((done) => disk.list(`${directory}/none`, done))), "ENOENT");
  assert.is(await codeOf(run((done) => disk.unlink(`${directory}/none`, done))), "ENOENT");
  assert.is(await run((done) => disk.stat(`${directory}/none`, done)), null);
  assert.is(await run((done) => disk.stat(`${directory}/there/below`, done)), null);
  assert.equal(await run((done) => disk.stat(`${directory}/there`, done)), { bytes: 1, directory: false });
  const file = await run<File>((done) => disk.open(`${directory}/there`, {}, done));
  const denied: unknown = await run((done) => file.write([Uint8Array.of(1)], 0, done)).catch((error: unknown) => error);
  assert.ok(isHostError(denied, "EBADF"));
  await run<void>((done) => file.close(done));
});

test("replaceWhole() replaces, list() sorts, freeBytes() and syncDirectory() answer", async () => {
  await runAll(replaceWhole(disk, directory, "r", Uint8Array.of(1, 2, 3)));
  await runAll(replaceWhole(disk, directory, "r", Uint8Array.of(4)));
  assert.equal(await runAll(readWhole(disk, `${directory}/r`, 100)), Uint8Array.of(4));
  await run<void>((done) => disk.makeDirectory(`${directory}/names`, done));
  for (const name of ["b", "a", "C"]) {
    await runAll(replaceWhole(disk, `${directory}/names`, name, new Uint8Array()));
  }
  assert.equal(await run((done) => disk.list(`${directory}/names`, done)), ["C", "a", "b"]);
  await run<void>((done) => disk.syncDirectory(directory, done));
  assert.ok(await run<number>((done) => disk.freeBytes(directory, done)) > 0);
});

test("lock() is held by one at a time, also across processes, and ends with its process", async () => {
  const file = `${directory}/lock`;
  const mine = await run<FileLock | null>((done) => disk.lock(file, done));
  assert.ok(mine !== null);
  assert.is(await run((done) => disk.lock(file, done)), null);
  assert.equal(await lockElsewhere(file), ["null"]);
  mine.release();
  mine.release();
  const other = spawnLocker(file);
  assert.is(await firstWord(other), "held");
  assert.is(await run((done) => disk.lock(file, done)), null);
  other.kill("SIGKILL");
  await new Promise((resolve) => other.once("exit", resolve));
  const again = await run<FileLock | null>((done) => disk.lock(file, done));
  assert.ok(again !== null);
  again.release();
});

test("lock() tells the system's error", async () => {
  const error: unknown = await run((done) => disk.lock(`${directory}/none/lock`, done)).catch((reason: unknown) => reason);
  assert.instance(error, Error);
});

function spawnLocker(file: string): ReturnType<typeof spawn> {
  const script = `${directory}/locker.ts`;
  const module = new URL("../../src/host/node_lock.ts", import.meta.url).href;
  fs.writeFileSync(script, `import { takeLock } from ${JSON.stringify(module)};
console.log(takeLock(process.argv[2]) === null ? "null" : "held");
setTimeout(() => undefined, 10_000);`);
  const before = "Deno" in globalThis ? ["run", "-A"] : [];
  return spawn(process.execPath, [...before, script, file], { stdio: ["ignore", "pipe", "inherit"] });
}

function firstWord(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve) => child.stdout?.once("data", (text: Uint8Array) => resolve(String(text).trim())));
}

async function lockElsewhere(file: string): Promise<string[]> {
  const child = spawnLocker(file);
  const word = await firstWord(child);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  return [word];
}

test.run();
