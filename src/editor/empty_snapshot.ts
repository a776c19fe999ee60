/** The snapshot of a machine that was given nothing, at the point where a log was cut from the front by force. */
import { assert } from "../base/assert.ts";
import { type Task, wait } from "../base/task.ts";
import { Applier } from "../machine/applier.ts";
import { USED } from "../machine/origin.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { FEATURE_LEVEL } from "../node/group_snapshots.ts";
import { setMachineAside } from "../node/machine_start.ts";
import { machineDirectory, snapshotDirectory } from "../node/open_group.ts";
import { PieceKind } from "../wal/snapshot_format.ts";
import { SnapshotWriter } from "../wal/snapshot_writer.ts";
import type { Plan } from "./edit_plan.ts";
import type { OfflineHost } from "./log_files.ts";
import { configurationAt, type GroupLog, pointAt } from "./offline_log.ts";

/** Writes it, durably. The machine's own directory must be empty, and is again. */
export function* writeEmptySnapshot({ disk }: OfflineHost, log: GroupLog, { edit: { content } }: Plan, plugin: AnyPlugin): Task<void> {
  assert(content.change === "drop", "only what is dropped is emptied", content.change);
  const { group: { group }, owner: { clusterId } } = log;
  const { index } = content.point;
  const place = machineDirectory(log.directory);
  const applier = new Applier({ plugin, group, directory: place, log: () => {} });
  applier.open();
  applier.begin(log.machineVersionAt(index));
  const { streamed, machineVersion, digest, checks, pieces } = applier.snapshot();
  const directory = snapshotDirectory(log.directory, group);
  yield* wait<void>((done) => disk.makeDirectory(directory, done));
  for (const parent of [`${log.directory}/snapshots`, log.directory]) yield* wait<void>((done) => disk.syncDirectory(parent, done));
  const writer = yield* SnapshotWriter.begin(disk, directory, {
    clusterId, group, point: content.point, featureLevel: FEATURE_LEVEL, machine: plugin.name, machineVersion, streamed,
    timeMs: (yield* pointAt(log, index)).timeMs, digest, checks, configuration: configurationAt(log, index), origin: USED, emptied: true,
  });
  try {
    for (let piece = yield* wait<Uint8Array | null>((done) => pieces.next(done)); piece !== null; piece = yield* wait<Uint8Array | null>((done) => pieces.next(done))) {
      yield* writer.piece(PieceKind.machine, piece);
    }
    yield* writer.finish();
  } catch (error) {
    yield* writer.abandon();
    throw error;
  }
  yield* wait<void>((done) => applier.close(done));
  yield* setMachineAside(disk, place);
}
