/**
 * A log's entries, applied once more: by two builds of its machine side by side, or by one alone, whose state is then held
 * against what the log says that a majority of the replicas held.
 */
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk, FileStat } from "../host/host.ts";
import { Applier } from "../machine/applier.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { type BuildsDiffer, SideBySide } from "../machine/side_by_side.ts";
import { decodeGenesis } from "../node/genesis.ts";
import { snapshotDirectory } from "../node/open_group.ts";
import type { GroupId, Index, LogPoint } from "../raft/types.ts";
import { decodeVerdict } from "../raft/verdict_entry.ts";
import { listSnapshots } from "../wal/snapshot_directory.ts";
import { partsOf } from "./damage.ts";
import type { OfflineHost } from "./log_files.ts";
import { type GroupLog, pointAt } from "./offline_log.ts";
import { eachEntry, restoreFrom, startFor } from "./rebuild.ts";

/** Which builds; each gets a directory of its own, which is empty. */
export interface ReplayWanted {
  /** The one that the log was written with; null if there is none to compare with. */
  readonly older: AnyPlugin | null;
  readonly newer: AnyPlugin;
  readonly directories: readonly [string, string];
}

/** Where they differ; `verdict`: from what a majority held, at a check point. */
export type Differs = Omit<BuildsDiffer, "what"> & { readonly what: BuildsDiffer["what"] | "verdict" };

/** What came of it. */
export interface Replayed {
  readonly from: Index;
  /** The last entry that was applied if nothing differs: the log's last, or the one before what is lost. */
  readonly to: Index;
  readonly found: Differs | null;
  /** Verdicts of the log that one build alone was held against. */
  readonly verdicts: number;
}

/** Applies an entry. @returns how it differs; null if it does not */
type Take = (head: EntryHead, bytes: Uint8Array, from: number) => Differs | null;

/**
 * Applies the log from the oldest point on that its machine can be made at: its first entry, else the oldest snapshot.
 *
 * @throws DraftError COMPACTED, CONFLICT on a witness, DAMAGED, BAD_PLUGIN
 */
export function* replayLog(host: OfflineHost, log: GroupLog, wanted: ReplayWanted): Task<Replayed> {
  const { damage, group: { group, genesis, lastIndex } } = log;
  const start = yield* oldestStart(host.disk, log);
  const version = decodeGenesis(genesis).machineVersion;
  const { appliers, take, verdicts } = wanted.older === null ? alone(wanted, group, version) : sideBySide(wanted, wanted.older, group, version);
  if (start !== null) for (const applier of appliers) yield* restoreFrom(host, log, applier, start);
  const from = (start?.index ?? 0) + 1;
  const part = partsOf(damage, from, lastIndex)[0];
  const to = part === undefined || part.isAbsent ? from - 1 : part.to;
  let found = null as Differs | null;
  yield* eachEntry(log, from, to, (head, bytes, at) => {
    found = take(head, bytes, at);
    return found === null;
  });
  for (const applier of appliers) yield* wait<void>((done) => applier.close(done));
  return { from, to, found, verdicts: verdicts() };
}

interface Builds {
  readonly appliers: readonly Applier[];
  readonly take: Take;
  readonly verdicts: () => number;
}

function sideBySide({ newer, directories }: ReplayWanted, older: AnyPlugin, group: GroupId, version: number): Builds {
  const builds = new SideBySide({ older, newer, group, version, directories });
  return { appliers: [builds.older, builds.newer], take: (head, bytes, from) => builds.apply(head, bytes, from), verdicts: () => 0 };
}

function alone({ newer, directories }: ReplayWanted, group: GroupId, version: number): Builds {
  const applier = new Applier({ plugin: newer, group, directory: directories[1], log: () => {} });
  applier.open();
  applier.begin(version);
  let verdicts = 0;
  const take: Take = (head, bytes, from) => {
    if (head.kind !== EntryKind.verdict) {
      applier.apply(head, bytes, from, null);
      return null;
    }
    const verdict = decodeVerdict(bytes.slice(from, from + head.payloadBytes));
    try {
      applier.apply(head, bytes, from, null);
      if (verdict.outcome === "majority") verdicts += 1;
      return null;
    } catch (error) {
      if (!(error instanceof DraftError) || error.code !== "DAMAGED" || verdict.outcome !== "majority") throw error;
      return { index: verdict.index, what: "verdict", older: `a majority held ${verdict.digest.toString(16).padStart(8, "0")} there`, newer: "another state, from an entry behind the check point before" };
    }
  };
  return { appliers: [applier], take, verdicts: () => verdicts };
}

/** The oldest point that the whole log can be applied from; null for its genesis. */
function* oldestStart(disk: Disk, log: GroupLog): Task<LogPoint | null> {
  const { directory, damage, group: { group, prefix, lastIndex } } = log;
  const newest = startFor({ ...log, damage: null }, lastIndex);
  if (prefix.index === 0 && partsOf(damage, 1, 1)[0]?.isAbsent !== true) return null;
  const snapshots = snapshotDirectory(directory, group);
  const stat = yield* wait<FileStat | null>((done) => disk.stat(snapshots, done));
  if (stat === null) return newest;
  // Of an older one the log tells only if it still reaches back to it.
  for (const { index, term } of (yield* listSnapshots(disk, snapshots)).toReversed()) {
    if (index < prefix.index || index > lastIndex || (index > prefix.index && partsOf(damage, index, index)[0]?.isAbsent === true)) continue;
    const point = yield* pointAt(log, index);
    if (point.term === term) return { index, term, chain: point.chain };
  }
  return newest;
}
