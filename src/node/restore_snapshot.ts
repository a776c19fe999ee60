/** From a snapshot file to a machine that goes on from it. */
import { DraftError } from "../base/errors.ts";
import type { Progress } from "../base/progress.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import { ChangesTarget } from "../machine/changes_saved.ts";
import type { SavedBeside } from "../machine/saved_state.ts";
import { shiftOf } from "../machine/origin.ts";
import { SessionsTarget } from "../machine/sessions_saved.ts";
import { tooOldError } from "../machine/version_entry.ts";
import type { GroupId, Index, LogPoint } from "../raft/types.ts";
import { PieceKind, type SnapshotHead } from "../wal/snapshot_format.ts";
import { SnapshotReader } from "../wal/snapshot_reader.ts";

/** Which snapshot is meant. */
export interface SnapshotWanted {
  readonly path: string;
  readonly clusterId: string;
  readonly group: GroupId;
  readonly point: LogPoint;
  /** Is told how far it has come. */
  readonly progress: Progress;
}

const MIB = 1_048_576;

/**
 * Restores the machine from the file.
 *
 * @param promised see the applier's `restore`
 * @throws DraftError DAMAGED if it is not the one that is meant, cannot be read, or the machine cannot take it;
 *   BAD_PLUGIN if it is another machine's, or of a version that the plugin does not know
 */
export function* restoreSnapshot(disk: Disk, applier: Applier, wanted: SnapshotWanted, promised: () => void): Task<SnapshotHead> {
  const reader = yield* SnapshotReader.open(disk, wanted.path);
  try {
    const { head } = reader;
    check(head, wanted, applier);
    const target = applier.restore(head, promised);
    const beside = new BesideTarget(applier, head.point.index + shiftOf(head.origin));
    for (let piece = yield* reader.next(); piece !== null; piece = yield* reader.next()) {
      const { kind, bytes } = piece;
      wanted.progress.at(() => `restores its machine: ${Math.floor(reader.verifiedBytes / MIB)} of ${Math.ceil(reader.sizeBytes / MIB)} MiB`);
      if (beside.takes(kind, bytes)) continue;
      if (kind !== PieceKind.machine) throw new DraftError("DAMAGED", `snapshot file "${wanted.path}" has a piece of kind ${kind}, which this draft does not know: run the release that wrote it`);
      yield* wait<void>((done) => target.push(bytes, done));
    }
    yield* wait<void>((done) => target.end(done));
    applier.restored(head, beside.saved);
    return head;
  } finally {
    yield* reader.close();
  }
}

/**
 * Takes from the file all but the machine's state, which the machine holds on disk. Read as far as that takes.
 *
 * @throws DraftError as {@link restoreSnapshot}
 */
export function* resumeFromSnapshot(disk: Disk, applier: Applier, wanted: SnapshotWanted): Task<void> {
  const reader = yield* SnapshotReader.open(disk, wanted.path);
  try {
    check(reader.head, wanted, applier);
    const beside = new BesideTarget(applier, reader.head.point.index + shiftOf(reader.head.origin));
    let piece = yield* reader.next();
    while (piece !== null && beside.takes(piece.kind, piece.bytes)) piece = yield* reader.next();
    applier.resume(reader.head, beside.saved);
  } finally {
    yield* reader.close();
  }
}

/** Takes the pieces that are not the machine's. */
class BesideTarget {
  readonly #sessions: SessionsTarget;
  readonly #changes: ChangesTarget;

  constructor({ sessions, history }: Applier, index: Index) {
    this.#sessions = new SessionsTarget(sessions.limits);
    this.#changes = new ChangesTarget(history.limits, index);
  }

  /** Whether the piece was one of them. */
  takes(kind: number, bytes: Uint8Array): boolean {
    if (kind === PieceKind.sessions) this.#sessions.add(bytes);
    else if (kind === PieceKind.changes) this.#changes.add(bytes);
    else return false;
    return true;
  }

  get saved(): SavedBeside {
    return { sessions: this.#sessions.sessions, history: this.#changes.history };
  }
}

function check(head: SnapshotHead, { path, clusterId, group, point }: SnapshotWanted, applier: Applier): void {
  if (head.machine !== applier.plugin.name) {
    throw new DraftError("BAD_PLUGIN", `snapshot file "${path}" is of the machine '${head.machine}': start with --machine ${head.machine}`);
  }
  if (head.machineVersion > applier.plugin.version) throw tooOldError(applier.plugin, head.machineVersion, `snapshot file "${path}"`);
  const { index, term, chain } = head.point;
  const isIt = head.clusterId === clusterId && head.group === group && index === point.index && term === point.term && chain === point.chain;
  if (isIt) return;
  throw new DraftError("DAMAGED", `snapshot file "${path}" is of cluster ${head.clusterId}, group ${head.group}, index ${index}, term ${term}, chain ${chain}: ` +
    `wanted cluster ${clusterId}, group ${group}, index ${point.index}, term ${point.term}, chain ${point.chain}`);
}
