/**
 * The state behind an index of a stopped node's log: made from a snapshot that the directory still has, or from nothing,
 * and the entries behind it.
 */
import { readRun, sealedBytes, ENTRY_HEADER_BYTES, type EntryHead } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { Progress } from "../base/progress.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Task, wait } from "../base/task.ts";
import type { FileStat } from "../host/host.ts";
import { Applier } from "../machine/applier.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { decodeGenesis } from "../node/genesis.ts";
import { snapshotDirectory } from "../node/open_group.ts";
import { restoreSnapshot } from "../node/restore_snapshot.ts";
import type { Index, LogPoint } from "../raft/types.ts";
import { snapshotName } from "../wal/snapshot_directory.ts";
import { type Damage, partsOf } from "./damage.ts";
import type { OfflineHost } from "./log_files.ts";
import type { GroupLog } from "./offline_log.ts";

/** Told of each entry: its head, and where its payload begins in `bytes`. False ends it. */
export type EntryTaker = (head: EntryHead, bytes: Uint8Array, from: number) => boolean;

/** Goes through entries `from`..`to` in order, reading a piece at a time. */
export function* eachEntry(log: GroupLog, from: Index, to: Index, take: EntryTaker): Task<void> {
  for (let next = from; next <= to;) {
    const read = yield* log.read(next, to);
    for (const run of read.runs) {
      let at = ENTRY_HEADER_BYTES;
      for (const head of readRun(run).entries) {
        if (!take(head, run, at)) return;
        at += sealedBytes(head.payloadBytes);
      }
    }
    next = read.to + 1;
  }
}

/**
 * From where the machine as of `index` can be made: a snapshot's point; index 0 for the genesis.
 *
 * @throws DraftError COMPACTED, BAD_REQUEST, DAMAGED; CONFLICT on a witness
 */
export function startFor({ identity, directory, damage, group: { prefix, snapshot, lastIndex } }: GroupLog, index: Index): LogPoint | null {
  if (identity.welcome?.witness === true) throw new DraftError("CONFLICT", `${identity.nodeId} is a witness: it keeps no commands, and has no machine; ask a member's log`);
  if (index > lastIndex) throw new DraftError("BAD_REQUEST", `index ${index} is behind the end of the log, ${lastIndex}: draft log last --data ${shellWord(directory)}`);
  const start = snapshot.index > 0 && snapshot.index <= index ? snapshot : null;
  if (damage !== null && (start !== null || prefix.index === 0)) refuseGap(damage, { directory, from: (start?.index ?? 0) + 1, to: index });
  if (start !== null) return start;
  if (prefix.index === 0) return null;
  throw new DraftError("COMPACTED", `the state as of index ${index} is gone: the log begins at ${prefix.index + 1}, and the snapshot is of index ${snapshot.index}: from that one on it can be made`);
}

/** @throws DraftError DAMAGED if one of these entries is lost, and up to where the state can be made */
function refuseGap(damage: Damage, { directory, from, to }: { readonly directory: string; readonly from: Index; readonly to: Index }): void {
  const lost = partsOf(damage, from, to).find(({ isAbsent }) => isAbsent);
  if (lost === undefined) return;
  throw new DraftError("DAMAGED", `entry ${lost.from} is lost: the state can be made up to index ${lost.from - 1}; where it stood: draft log check --data ${shellWord(directory)}`);
}

/** Restores `applier` from the snapshot at `point`. */
export function* restoreFrom({ disk }: OfflineHost, log: GroupLog, applier: Applier, point: LogPoint): Task<void> {
  const { directory, owner: { clusterId }, group: { group } } = log;
  const path = `${snapshotDirectory(directory, group)}/${snapshotName(point)}`;
  const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
  if (stat === null) throw new DraftError("DAMAGED", `snapshot file "${path}" is missing: the log names it; draft log check --data ${directory}`);
  yield* restoreSnapshot(disk, applier, { path, clusterId, group, point, progress: new Progress(() => 0, () => {}) }, () => {});
}

/**
 * The machine as it was behind entry `index`.
 *
 * @param directory empty, for a machine that keeps files
 * @throws DraftError COMPACTED, BAD_REQUEST, DAMAGED, BAD_PLUGIN, BAD_CONFIG
 */
export function* machineAt(host: OfflineHost, log: GroupLog, plugin: AnyPlugin, index: Index, directory: string): Task<Applier> {
  const start = startFor(log, index);
  const applier = new Applier({ plugin, group: log.group.group, directory, log: () => {} });
  applier.open();
  applier.begin(decodeGenesis(log.group.genesis).machineVersion);
  if (start !== null) yield* restoreFrom(host, log, applier, start);
  yield* eachEntry(log, (start?.index ?? 0) + 1, index, (head, bytes, from) => {
    applier.apply(head, bytes, from, null);
    return true;
  });
  return applier;
}
