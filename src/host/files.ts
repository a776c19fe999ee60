/**
 * What is always done with files in the same way: whole reads, writes that loop on short counts, and a replacement
 * that leaves the old or the new content whatever happens in between.
 */
import { type Task, wait } from "../base/task.ts";
import type { Disk, File, HostError } from "./host.ts";

/** Whether `error` is the operating system's error `code`. */
export function isHostError(error: unknown, code: string): error is HostError {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Whether `error` says that the disk is full, or that its owner may have no more of it. */
export function isDiskFull(error: unknown): boolean {
  return isHostError(error, "ENOSPC") || isHostError(error, "EDQUOT");
}

/** Writes all of `parts` at `position`. A short count is no error: the rest is written again from there. */
export function* writeAll(file: File, parts: readonly Uint8Array[], position: number): Task<void> {
  let rest = parts;
  let at = position;
  for (;;) {
    const total = rest.reduce((sum, part) => sum + part.length, 0);
    if (total === 0) return;
    const written = yield* wait<number>((done) => file.write(rest, at, done));
    if (written <= 0) throw new Error(`write made no progress: ${total} bytes left at ${at}`);
    if (written >= total) return;
    rest = dropFirst(rest, written);
    at += written;
  }
}

/** The bytes of `parts` behind the first `count`. */
export function dropFirst(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const part of parts) {
    if (skip >= part.length) skip -= part.length;
    else {
      rest.push(skip === 0 ? part : part.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}

/** Up to `bytes` bytes at `position`; fewer where the file ends. */
export function readUpTo(file: File, position: number, bytes: number): Task<Uint8Array> {
  return readInto(file, position, new Uint8Array(bytes));
}

/** Reads into `into` what stands at `position`. @returns the part of it that was read: all, or up to the file's end */
export function* readInto(file: File, position: number, into: Uint8Array): Task<Uint8Array> {
  const bytes = into.length;
  let have = 0;
  while (have < bytes) {
    const count = yield* wait<number>((done) => file.read(into.subarray(have), position + have, done));
    if (count === 0) break;
    have += count;
  }
  return have === bytes ? into : into.subarray(0, have);
}

/** The whole content of the file at `path`, at most `bytesMax`; null if there is no such file. */
export function* readWhole(disk: Disk, path: string, bytesMax: number): Task<Uint8Array | null> {
  const stat = yield* wait<{ bytes: number } | null>((done) => disk.stat(path, done));
  if (stat === null) return null;
  const file = yield* wait<File>((done) => disk.open(path, {}, done));
  try {
    return yield* readUpTo(file, 0, Math.min(stat.bytes, bytesMax));
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
}

/** Replaces the file `name` in `directory` durably: a crash leaves the old content or the new. */
export function* replaceWhole(disk: Disk, directory: string, name: string, content: Uint8Array): Task<void> {
  const temporary = `${directory}/${name}.tmp`;
  // Where a crash leaves what was being renamed under both names, writing to the one would destroy the other.
  yield* removeIfThere(disk, temporary);
  const file = yield* wait<File>((done) => disk.open(temporary, { create: true, exclusive: true }, done));
  try {
    yield* writeAll(file, [content], 0);
    yield* wait<void>((done) => file.sync(done));
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
  yield* wait<void>((done) => disk.rename(temporary, `${directory}/${name}`, done));
  yield* wait<void>((done) => disk.syncDirectory(directory, done));
}

export function* removeIfThere(disk: Disk, path: string): Task<void> {
  try {
    yield* wait<void>((done) => disk.unlink(path, done));
  } catch (error) {
    if (!isHostError(error, "ENOENT")) throw error;
  }
}

/** The directory that holds `path`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
}
