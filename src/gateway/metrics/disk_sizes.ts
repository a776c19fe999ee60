/** How much the log and the snapshots take on the disk. As with what is free, a disk that hangs must not make the asker hang. */
import { runTask, type Task, wait } from "../../base/task.ts";
import type { Disk, FileStat, Host } from "../../host/host.ts";

/** How long is waited for the disk, in milliseconds. */
const PATIENCE_MS = 200;

/** Files of one kind. */
export interface FilesSize {
  readonly files: number;
  readonly bytes: number;
}

/** What is on the disk. */
export interface DiskSizes {
  /** What is made ahead included. */
  readonly wal: FilesSize;
  readonly snapshots: FilesSize;
}

const NOTHING: FilesSize = { files: 0, bytes: 0 };

/** Looks at one data directory, once at a time. */
export class DiskSizer {
  readonly #host: Pick<Host, "disk" | "clock">;
  readonly #directory: string;
  /** What was found last. */
  #last: DiskSizes = { wal: NOTHING, snapshots: NOTHING };
  #looking: Promise<void> | null = null;

  constructor(host: Pick<Host, "disk" | "clock">, directory: string) {
    this.#host = host;
    this.#directory = directory;
  }

  /** What is there, or was when the disk answered last. */
  async read(): Promise<DiskSizes> {
    this.#looking ??= new Promise((resolve) => {
      runTask(sizesIn(this.#host.disk, this.#directory), (...[error, sizes]) => {
        // Files come and go while they are looked at: then what was found last is told.
        if (error === null) this.#last = sizes;
        this.#looking = null;
        resolve();
      });
    });
    await Promise.race([this.#looking, new Promise<void>((resolve) => void this.#host.clock.setTimer(PATIENCE_MS, resolve))]);
    return this.#last;
  }
}

function* sizesIn(disk: Disk, directory: string): Task<DiskSizes> {
  const wal = yield* filesIn(disk, `${directory}/wal`);
  let snapshots = NOTHING;
  for (const group of yield* namesIn(disk, `${directory}/snapshots`)) {
    const { files, bytes } = yield* filesIn(disk, `${directory}/snapshots/${group}`);
    snapshots = { files: snapshots.files + files, bytes: snapshots.bytes + bytes };
  }
  return { wal, snapshots };
}

function* filesIn(disk: Disk, path: string): Task<FilesSize> {
  let [files, bytes] = [0, 0];
  for (const name of yield* namesIn(disk, path)) {
    const stat = yield* wait<FileStat | null>((done) => disk.stat(`${path}/${name}`, done));
    if (stat === null || stat.directory) continue;
    files += 1;
    bytes += stat.bytes;
  }
  return { files, bytes };
}

/** None if there is no such directory. */
function* namesIn(disk: Disk, path: string): Task<string[]> {
  const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
  return stat?.directory === true ? yield* wait<string[]>((done) => disk.list(path, done)) : [];
}
