/**
 * A snapshot file of another member while it comes, under a name that says which bytes it will be. What is there of it
 * outlives the connection and the process: chunks that fit their sums are not fetched twice. It becomes a snapshot only
 * once all of it is durable and was verified, as one that was written here.
 */
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { isHostError, writeAll } from "../host/files.ts";
import type { Disk, File, FileStat } from "../host/host.ts";
import type { GroupId, LogPoint } from "../raft/types.ts";
import { type FetchingName, fetchingName, removeFetchedBut, snapshotName } from "../wal/snapshot_directory.ts";
import type { SnapshotHead } from "../wal/snapshot_format.ts";
import { SnapshotReader, verifySnapshot } from "../wal/snapshot_reader.ts";
import { SYNC_BYTES } from "../wal/snapshot_writer.ts";

/** Which snapshot is fetched, and for whom. */
export interface PartialOf {
  readonly disk: Disk;
  readonly directory: string;
  readonly clusterId: string;
  readonly group: GroupId;
  readonly name: FetchingName;
}

/** One that is being fetched. */
export class PartialSnapshot {
  readonly name: FetchingName;
  /** Bytes that are there. */
  have: number;
  readonly #of: PartialOf;
  readonly #path: string;
  readonly #file: File;
  #isOpen = true;
  #syncedAt: number;

  private constructor(of: PartialOf, path: string, file: File, have: number) {
    this.name = of.name;
    this.have = have;
    this.#of = of;
    this.#path = path;
    this.#file = file;
    this.#syncedAt = have;
  }

  /** Opens it as far as what is there can be believed, and removes what was fetched of others. */
  static *open(of: PartialOf): Task<PartialSnapshot> {
    const { disk, directory, name } = of;
    const path = `${directory}/${fetchingName(name)}`;
    yield* removeFetchedBut(disk, directory, fetchingName(name));
    const have = Math.min(yield* believedBytes(disk, path), name.bytes);
    const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
    try {
      yield* wait<void>((done) => file.truncate(have, done));
      if (have === 0) yield* wait<void>((done) => disk.syncDirectory(directory, done));
    } catch (error) {
      yield* wait<void>((done) => file.close(done));
      throw error;
    }
    return new PartialSnapshot(of, path, file, have);
  }

  /** Writes what comes next. */
  *append(bytes: Uint8Array): Task<void> {
    yield* writeAll(this.#file, [bytes], this.have);
    this.have += bytes.length;
    if (this.have - this.#syncedAt < SYNC_BYTES) return;
    yield* wait<void>((done) => this.#file.sync(done));
    this.#syncedAt = this.have;
  }

  /**
   * Makes a snapshot of it, durably; it is closed then.
   *
   * @param leaders an entry of the leader's log: a snapshot of it must end with that very entry. What a later one ends with
   *   the leader's next entries will tell
   * @throws DraftError DAMAGED if it does not verify or is another one than it should be
   */
  *finish(leaders: LogPoint): Task<SnapshotHead> {
    const { disk, directory, clusterId, group, name } = this.#of;
    yield* wait<void>((done) => this.#file.sync(done));
    yield* this.close();
    const head = yield* verifySnapshot(disk, this.#path);
    const { index, term, chain } = head.point;
    if (head.clusterId !== clusterId || head.group !== group || index !== name.index || term !== name.term) {
      throw new DraftError("DAMAGED", `what was fetched is of cluster ${head.clusterId}, group ${head.group}, index ${index}, term ${term}: ` +
        `wanted cluster ${clusterId}, group ${group}, index ${name.index}, term ${name.term}`);
    }
    if (index === leaders.index && (term !== leaders.term || chain !== leaders.chain)) {
      throw new DraftError("DAMAGED", `what was fetched ends with entry ${index} of term ${term} and chain ${chain}: ` +
        `the leader's is of term ${leaders.term} and chain ${leaders.chain}`);
    }
    yield* wait<void>((done) => disk.rename(this.#path, `${directory}/${snapshotName(name)}`, done));
    yield* wait<void>((done) => disk.syncDirectory(directory, done));
    return head;
  }

  /** What is there stays, to be gone on with. */
  *close(): Task<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    yield* wait<void>((done) => this.#file.close(done));
  }

  /** Nothing of it stays. */
  *remove(): Task<void> {
    const { disk, directory } = this.#of;
    yield* this.close();
    try {
      yield* wait<void>((done) => disk.unlink(this.#path, done));
    } catch (error) {
      if (!isHostError(error, "ENOENT")) throw error;
    }
    yield* wait<void>((done) => disk.syncDirectory(directory, done));
  }
}

/** How many bytes of a file that was left half fetched fit their sums: none of a missing one. */
function* believedBytes(disk: Disk, path: string): Task<number> {
  const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
  if (stat === null) return 0;
  let reader: SnapshotReader | null = null;
  try {
    reader = yield* SnapshotReader.open(disk, path);
    yield* reader.verify();
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
  } finally {
    if (reader !== null) yield* reader.close();
  }
  return reader?.verifiedBytes ?? 0;
}
