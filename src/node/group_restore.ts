/**
 * A backup becomes the state of a group: at one entry of the log, alike on every replica. The bytes stand in the entries
 * before it, so nothing has to be fetched from anybody. Each replica makes a snapshot file of its own of them, as of that
 * entry, has the log name it, and restores its machine from that as from any other snapshot. So a crash leaves the log as
 * it was, from which all of it is done again, or a snapshot to start from.
 */
import { AssertionFailed } from "../base/assert.ts";
import { crc32 } from "../base/bytes.ts";
import { ENTRY_HEADER_BYTES, type EntryHead, EntryKind, readRun, sealedBytes } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import { isHostError, readUpTo, writeAll } from "../host/files.ts";
import type { Disk, File, Timer } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import { decodeRestorePiece, PieceOrder, type RestoreWanted } from "../machine/backup_pieces.ts";
import { machinePointOf } from "../machine/origin.ts";
import type { GroupId, Index } from "../raft/types.ts";
import { PieceKind, type SnapshotHead } from "../wal/snapshot_format.ts";
import { SnapshotReader } from "../wal/snapshot_reader.ts";
import { SnapshotWriter } from "../wal/snapshot_writer.ts";
import type { EntriesRead } from "../wal/wal_read.ts";
import { configurationAt, FEATURE_LEVEL, type GroupSnapshotsOptions } from "./group_snapshots.ts";

const PAGE_BYTES = 1_048_576;

/** A disk that refuses is tried again after so long: it may be full. */
const RETRY_MS = 5000;

export type GroupRestoreOptions = Pick<GroupSnapshotsOptions, "clusterId" | "directory" | "state" | "applier" | "log" | "disk" | "clock" | "words" | "wake">;

/** Null: the snapshot of the entry is durable, and the log names it. Else why the backup cannot be taken, on any replica. */
export type RestoreOutcome = DraftError | null;

/** Makes snapshots of backups, one at a time. */
export class GroupRestore {
  readonly #options: GroupRestoreOptions;
  #retry: Timer | null = null;
  #ended = false;

  constructor(options: GroupRestoreOptions) {
    this.#options = options;
  }

  /**
   * Makes the snapshot of the entry of `head`; nothing of the machine is touched.
   *
   * @param done told of an error if the log cannot be read back
   */
  begin(head: EntryHead, wanted: RestoreWanted, done: Done<RestoreOutcome>): void {
    const { clock, words } = this.#options;
    runTask(this.#make(head, wanted), (...[error, outcome]) => {
      if (error === null) return done(null, outcome);
      if (error instanceof AssertionFailed) throw error;
      if (error instanceof DraftError || this.#ended) return done(error);
      words.write("warn", `the backup is not restored yet: ${error.message}`);
      this.#retry = clock.setTimer(RETRY_MS, () => this.begin(head, wanted, done));
    });
  }

  /** Nothing is begun any more. */
  end(): void {
    this.#ended = true;
    this.#retry?.cancel();
  }

  *#make(head: EntryHead, wanted: RestoreWanted): Task<RestoreOutcome> {
    const { directory, disk, log, state, wake } = this.#options;
    // What others committed may not be durable here.
    yield* wait<void>((done) => log.barrier(done));
    const path = `${directory}/restore-${head.index}.writing`;
    const sum = yield* this.#gather(path, head, wanted);
    let refusal: DraftError | null = null;
    try {
      yield* this.#copy(path, head, wanted);
    } catch (error) {
      // The bytes are sealed: what one replica reads in them every other one does.
      if (!(error instanceof DraftError)) throw error;
      // What this disk made of them no other one has to do with: they are put together again.
      if (error.code === "DAMAGED" && (yield* sumOf(disk, path)) !== sum) throw new Error(`file "${path}" is not what was written`, { cause: error });
      refusal = new DraftError("REJECTED", `the backup is refused: ${error.message.replace(path, "the backup")}`);
    }
    yield* removed(disk, path);
    if (refusal !== null) return refusal;
    // A member's snapshot of a later entry may have been faster: whoever waits for this one is told by that.
    if (state.snapshotIndex >= head.index) return null;
    log.appendSnapshotMark(head.group, head);
    wake();
    yield* wait<void>((done) => log.barrier(done));
    return null;
  }

  /** Puts the bytes of the backup together, from the entries of the log. @returns their CRC-32 */
  *#gather(path: string, { group, index }: EntryHead, { id, from, total }: RestoreWanted): Task<number> {
    const { disk } = this.#options;
    const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
    try {
      yield* wait<void>((done) => file.truncate(0, done));
      const order = new PieceOrder(id, total);
      let sum = 0;
      for (let next = from; next < index;) {
        const read = yield* this.#read(group, next, index - 1);
        for (const payload of restorePayloads(read)) {
          const piece = decodeRestorePiece(payload);
          const at = order.bytes;
          if (piece === null || !order.take(piece)) continue;
          sum = crc32(piece.bytes, 0, piece.bytes.length, sum);
          yield* writeAll(file, [piece.bytes], at);
        }
        next = read.to + 1;
      }
      return sum;
    } finally {
      yield* wait<void>((done) => file.close(done));
    }
  }

  #read(group: GroupId, from: Index, to: Index): Task<EntriesRead> {
    return wait<EntriesRead>((done) => this.#options.log.read(group, from, to, PAGE_BYTES, done, { waits: true }));
  }

  /** @throws DraftError if the backup is damaged, or none of this machine */
  *#copy(path: string, head: EntryHead, wanted: RestoreWanted): Task<void> {
    const { directory, disk } = this.#options;
    const reader = yield* SnapshotReader.open(disk, path);
    let writer: SnapshotWriter | null = null;
    try {
      writer = yield* SnapshotWriter.begin(disk, directory, this.#headOf(reader.head, head, wanted));
      for (let piece = yield* reader.next(); piece !== null; piece = yield* reader.next()) {
        if (piece.kind === PieceKind.machine) yield* writer.piece(piece.kind, piece.bytes);
        // Sessions and watches are of clients of the other cluster: they would not talk to this one.
        else if (piece.kind !== PieceKind.sessions && piece.kind !== PieceKind.changes) throw new DraftError("DAMAGED", `it has a piece of kind ${piece.kind}, which this draft does not know`);
      }
      yield* writer.finish();
    } catch (error) {
      if (writer !== null) yield* writer.abandon();
      throw error;
    } finally {
      yield* reader.close();
    }
  }

  /** What the snapshot says of itself: it is one of this group, as of the entry; the machine's part is the backup's. */
  #headOf(backup: SnapshotHead, { index, term, chain, timeMs, payloadSum }: EntryHead, { id }: RestoreWanted): SnapshotHead {
    const { clusterId, applier, state } = this.#options;
    refuseOther(backup, applier);
    return {
      clusterId, group: state.config.group, point: { index, term, chain }, featureLevel: FEATURE_LEVEL,
      machine: backup.machine, machineVersion: backup.machineVersion, streamed: backup.streamed,
      timeMs: Math.max(timeMs, applier.lastApplied.timeMs, backup.timeMs),
      // The same on every replica, and of this very entry.
      digest: (applier.digest ^ payloadSum) >>> 0,
      configuration: configurationAt(state, index), checks: applier.checks.saved(),
      origin: { used: true, restored: { id, index, machine: machinePointOf(backup.origin, backup.point) } },
      emptied: false,
    };
  }
}

/** @throws DraftError BAD_PLUGIN if the backup is of another machine, or of a version that is not in force */
export function refuseOther({ machine, machineVersion }: Pick<SnapshotHead, "machine" | "machineVersion">, applier: Pick<Applier, "plugin" | "view">): void {
  const { plugin: { name } } = applier;
  if (machine !== name) throw new DraftError("BAD_PLUGIN", `it is of the machine '${machine}', the group has '${name}': found a cluster with --machine ${machine}`);
  const { version } = applier.view();
  if (machineVersion <= version) return;
  throw new DraftError("BAD_PLUGIN", `it is of version ${machineVersion} of the machine '${name}', in force is ${version}: start every node with version ${machineVersion} or a later one`);
}

function* restorePayloads({ runs }: EntriesRead): Generator<Uint8Array> {
  for (const run of runs) {
    let at = ENTRY_HEADER_BYTES;
    for (const { kind, payloadBytes } of readRun(run).entries) {
      if (kind === EntryKind.restore) yield run.subarray(at, at + payloadBytes);
      at += sealedBytes(payloadBytes);
    }
  }
}

function* sumOf(disk: Disk, path: string): Task<number> {
  const file = yield* wait<File>((done) => disk.open(path, {}, done));
  try {
    for (let at = 0, sum = 0; ;) {
      const page = yield* readUpTo(file, at, PAGE_BYTES);
      if (page.length === 0) return sum;
      sum = crc32(page, 0, page.length, sum);
      at += page.length;
    }
  } finally {
    yield* wait<void>((done) => file.close(done));
  }
}

function* removed(disk: Disk, path: string): Task<void> {
  try {
    yield* wait<void>((done) => disk.unlink(path, done));
  } catch (error) {
    if (!isHostError(error, "ENOENT")) throw error;
  }
}
