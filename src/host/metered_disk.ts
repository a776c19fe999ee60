/** A disk that counts what is written through it and how long its syncs take. */
import type { Buckets } from "../base/buckets.ts";
import type { Done } from "../base/task.ts";
import type { Clock, Disk, File, OpenOptions } from "./host.ts";

/** What is counted of one kind of files. */
export interface DiskCounts {
  readonly syncs: Buckets;
  writtenBytes: number;
}

/**
 * `disk`, counted.
 *
 * @param countsOf where a file at this path is counted; asked when it is opened
 */
export function meteredDisk(disk: Disk, clock: Pick<Clock, "monotonicMs">, countsOf: (path: string) => DiskCounts): Disk {
  return {
    open: (path: string, options: OpenOptions, done: Done<File>) => {
      disk.open(path, options, (...[error, file]) => {
        if (error === null) done(null, new MeteredFile(file, clock, countsOf(path)));
        else done(error);
      });
    },
    makeDirectory: (path, done) => disk.makeDirectory(path, done),
    list: (path, done) => disk.list(path, done),
    stat: (path, done) => disk.stat(path, done),
    rename: (from, to, done) => disk.rename(from, to, done),
    unlink: (path, done) => disk.unlink(path, done),
    syncDirectory: (path, done) => disk.syncDirectory(path, done),
    freeBytes: (path, done) => disk.freeBytes(path, done),
    lock: (path, done) => disk.lock(path, done),
  };
}

class MeteredFile implements File {
  readonly #file: File;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #counts: DiskCounts;

  constructor(file: File, clock: Pick<Clock, "monotonicMs">, counts: DiskCounts) {
    this.#file = file;
    this.#clock = clock;
    this.#counts = counts;
  }

  read(into: Uint8Array, position: number, done: Done<number>): void {
    this.#file.read(into, position, done);
  }

  write(parts: readonly Uint8Array[], position: number, done: Done<number>): void {
    this.#file.write(parts, position, (...[error, bytes]) => {
      if (error !== null) return done(error);
      this.#counts.writtenBytes += bytes;
      done(null, bytes);
    });
  }

  sync(done: Done<void>): void {
    const beganMs = this.#clock.monotonicMs();
    this.#file.sync((...[error]) => {
      if (error !== null) return done(error);
      this.#counts.syncs.add(this.#clock.monotonicMs() - beganMs);
      done(null, undefined);
    });
  }

  sizeBytes(done: Done<number>): void {
    this.#file.sizeBytes(done);
  }

  truncate(bytes: number, done: Done<void>): void {
    this.#file.truncate(bytes, done);
  }

  close(done: Done<void>): void {
    this.#file.close(done);
  }
}
