/**
 * The reserve, `wal/reserve`: a file of zeros that holds room for the day on which the disk is full. Then it is given
 * back, so that what makes room again (a snapshot, the records that let the log begin behind it, deletes) finds some;
 * once there is room it is made again. It holds nothing: its name need not be durable, nor does a start read it.
 */
import { type Task, wait } from "../base/task.ts";
import { writeAll } from "../host/files.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import { zeros } from "./segment_file.ts";

export const RESERVE_NAME = "reserve";

/** The reserve of one WAL. Its calls never overlap. */
export class Reserve {
  /** How much of it is there, durably. */
  bytes: number;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #wantedBytes: number;

  private constructor(disk: Disk, path: string, wantedBytes: number, bytes: number) {
    this.#disk = disk;
    this.#path = path;
    this.#wantedBytes = wantedBytes;
    this.bytes = bytes;
  }

  /** What is there of the reserve in `directory`, which is to have `wantedBytes`; 0: none is wanted, nor touched. */
  static *find(disk: Disk, directory: string, wantedBytes: number): Task<Reserve> {
    const path = `${directory}/${RESERVE_NAME}`;
    const stat = wantedBytes === 0 ? null : yield* wait<FileStat | null>((done) => disk.stat(path, done));
    return new Reserve(disk, path, wantedBytes, Math.min(stat?.bytes ?? 0, wantedBytes));
  }

  /** What is missing of it. */
  get missingBytes(): number {
    return this.#wantedBytes - this.bytes;
  }

  /** Makes `bytes` more of it. */
  *grow(bytes: number): Task<void> {
    yield* this.#with({ create: true }, function* (file, from): Task<void> {
      try {
        yield* writeAll(file, [zeros(bytes)], from);
      } catch (error) {
        // What of it was written would hold room that nobody knows of.
        yield* wait<void>((done) => file.truncate(from, done));
        throw error;
      }
      yield* wait<void>((done) => file.sync(done));
    });
    this.bytes += bytes;
  }

  /** Gives all of it back. */
  *give(): Task<void> {
    yield* this.#with({ write: true }, (file) => wait<void>((done) => file.truncate(0, done)));
    this.bytes = 0;
  }

  *#with(options: { readonly create?: boolean; readonly write?: boolean }, act: (file: File, bytes: number) => Task<void>): Task<void> {
    const file = yield* wait<File>((done) => this.#disk.open(this.#path, options, done));
    try {
      yield* act(file, this.bytes);
    } finally {
      yield* wait<void>((done) => file.close(done));
    }
  }
}
