/**
 * From a log that was read to a group that takes part: its snapshots' directory, its machine as the snapshot says that
 * the log names, the state of its core.
 */
import { EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { Progress } from "../base/progress.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk, Host } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import { Sessions } from "../machine/sessions.ts";
import type { Hello } from "../net/hello.ts";
import { encodeMachineVersion, tooOldError } from "../machine/version_entry.ts";
import { createRaft } from "../raft/state.ts";
import type { GroupId, MemberNumber } from "../raft/types.ts";
import type { Space } from "../wal/disk_space.ts";
import { removeAllBut, snapshotName } from "../wal/snapshot_directory.ts";
import { readSnapshotHead, verifySnapshot } from "../wal/snapshot_reader.ts";
import type { Wal } from "../wal/wal.ts";
import type { DataDir } from "./data_dir.ts";
import type { DiskHealth } from "./disk_health.ts";
import { EditWatch, refuseEmptied } from "./edit_watch.ts";
import type { Genesis } from "./genesis.ts";
import { Group } from "./group.ts";
import type { GroupOptions } from "./group_options.ts";
import { GroupChecks } from "./group_checks.ts";
import { GroupRestore } from "./group_restore.ts";
import { GroupSnapshots } from "./group_snapshots.ts";
import type { Identity } from "./identity.ts";
import type { RecoveredLog } from "./recovered_log.ts";
import { type MachineStart, machineStart, renewMachine } from "./machine_start.ts";
import { Regain } from "./regain.ts";
import { Scrub } from "./scrub.ts";
import { Priorities } from "./priorities.ts";
import { Promises } from "./promises.ts";
import { Readiness } from "./readiness.ts";
import { restoreSnapshot, resumeFromSnapshot } from "./restore_snapshot.ts";
import type { SnapshotExchange } from "./snapshot_exchange.ts";
import { frameEntryBytesMax, type NodeSettings, raftConfig, scrubPolicy } from "./settings.ts";
import { Versions } from "./versions.ts";
import { Watches } from "./watches.ts";
import { Positions } from "./witness.ts";

/** What a group is opened from. */
export interface OpenGroupParts extends Pick<GroupOptions, "name" | "observers" | "submit" | "wake" | "isLinked" | "exclusion" | "addressOf" | "configurationChanged" | "failed" | "outbox"> {
  readonly host: Host;
  readonly settings: NodeSettings;
  readonly dataDir: DataDir;
  readonly identity: Identity;
  readonly genesis: Genesis;
  readonly sourceDigest: string;
  /** What the latest boot of a member says of itself; null unless it is linked. */
  readonly helloOf: (member: MemberNumber) => Hello | null;
  readonly applier: Applier;
  readonly log: RecoveredLog;
  readonly wal: Wal;
  readonly exchange: SnapshotExchange;
  /** Gets another snapshot in place of the log's newest, which is damaged, and tells `log` anew what the log holds then. */
  readonly mendSnapshot: (damaged: DraftError) => Task<void>;
  readonly disk: Pick<DiskHealth, "space">;
}

/** With a full disk a log of this part of a segment calls for a snapshot. */
const FULL_DISK_PART = 1 / 4;

/** Where the snapshots of a group stand. */
export function snapshotDirectory(dataDirectory: string, group: GroupId): string {
  return `${dataDirectory}/snapshots/${group}`;
}

/** Where the machine of the group main keeps files of its own. */
export function machineDirectory(dataDirectory: string): string {
  return `${dataDirectory}/machines/main`;
}

/**
 * Opens a group; its first event is still to come.
 *
 * @throws DraftError BAD_CONFIG if an edit took the machine's state; DAMAGED if the snapshot that the log begins with is missing or cannot be restored; BAD_PLUGIN if
 *   log or snapshot want a later version of the machine
 */
export function* openGroup(parts: OpenGroupParts): Task<Group> {
  const { host, settings, identity, genesis, applier, log, wal, dataDir } = parts;
  const dataDirectory = dataDir.path;
  const { disk, clock, log: words } = host;
  refuseEmptied(log.edit, dataDirectory);
  applier.begin(genesis.machineVersion);
  applier.sessions = new Sessions(settings.tuning.sessions);
  const config = raftConfig(settings, identity, host.random.u32());
  const directory = snapshotDirectory(dataDirectory, config.group);
  // A witness has no machine, and nothing that one could be made of.
  if (!config.witness) yield* startWithSnapshots(parts, directory);
  const state = createRaft(config, log.recovered());
  const { name, submit, wake, observers, outbox, isLinked, exclusion, addressOf, configurationChanged, failed, exchange } = parts;
  const fetch = exchange.open({
    clusterId: genesis.clusterId, directory, state, submit, read: wal.read.bind(wal),
    // Of a witness there is nothing to be had.
    wanted: (index) => {
      if (!config.witness && applier.readableIndex >= index) snapshots.request(() => undefined);
    },
  });
  const space = (): Space => parts.disk.space;
  const snapshots: GroupSnapshots = new GroupSnapshots({
    clusterId: genesis.clusterId, directory, state, applier, log: wal, disk, clock, words, submit, wake,
    isInUse: (name) => exchange.isInUse(config.group, name),
    snapshotBytes: settings.snapshotBytes, snapshotEntries: settings.snapshotEntries, fullDiskBytes: settings.segmentBytes * FULL_DISK_PART, space, promised: host.promised ?? noted,
  });
  const restore = new GroupRestore({ clusterId: genesis.clusterId, directory, state, applier, log: wal, disk, clock, words, wake });
  const versions = new Versions({
    name, applier, words, sourceDigest: parts.sourceDigest, reportOf: parts.helloOf,
    // Without a time limit: only the log says what became of it.
    propose: (version, done) =>
      group.propose({ kind: EntryKind.version, payload: encodeMachineVersion(version), decoded: null, frees: true }, Number.POSITIVE_INFINITY, done),
  });
  applier.checks.runs = () => versions.machines();
  applier.operations.behind = (version) => versions.behind(version);
  const readiness = new Readiness(words);
  const watches = new Watches({ name, applier, readiness, clock });
  const ofMachine = [versions, new GroupChecks({ name, applier, words, submit })];
  const positions = new Positions({ snapshotBytes: settings.snapshotBytes, snapshotEntries: settings.snapshotEntries, log: wal, submit });
  const priorities = new Priorities({ priority: settings.priority, helloOf: parts.helloOf, submit, words });
  const promises = new Promises({ dataDir, promiseMs: settings.electionMinMs, submit, words });
  const edits = new EditWatch({ name, mark: log.edit, log: wal, words, wake });
  const regain = new Regain({ state, addressOf, dial: exchange.dial.bind(exchange) });
  wal.mender.regain = regain.ask.bind(regain);
  const scrub = new Scrub({ name, clock, disk, words, wal, directory, state, snapshots, submit, ...scrubPolicy(settings) });
  const group = new Group({
    name, state, applier, log: wal, outbox, clock, words, snapshots, restore, readiness, watches, edits, scrub, regain,
    observers: [...observers, ...(config.witness ? [positions] : ofMachine), readiness, watches, promises, priorities, edits, scrub],
    tailBytesMax: settings.tailBytesMax, gatherBytesMax: settings.queueBytesMax, frameEntryBytesMax: frameEntryBytesMax(settings),
    submit, wake, isLinked, exclusion, addressOf, configurationChanged, failed, space,
    hindrance: (wanted) => versions.whyNotTakeIn(wanted),
    fetchSnapshot: (from, point) => fetch.begin(from, point),
  });
  return group;
}

function* startWithSnapshots(parts: OpenGroupParts, directory: string): Task<void> {
  const { host: { disk }, applier, log, dataDir } = parts;
  // Committed or not: the plugin that could run it was here when it was written, so whoever starts has it.
  if (log.raisedVersion > applier.plugin.version) throw tooOldError(applier.plugin, log.raisedVersion, "its log");
  yield* wait<void>((done) => disk.makeDirectory(directory, done));
  for (const parent of [`${dataDir.path}/snapshots`, dataDir.path]) yield* wait<void>((done) => disk.syncDirectory(parent, done));
  try {
    yield* startMachine(parts, directory);
  } catch (error) {
    if (!(error instanceof DraftError) || log.snapshotPoint === null || !(yield* isDamaged(disk, `${directory}/${snapshotName(log.snapshotPoint)}`))) throw error;
    yield* parts.mendSnapshot(error);
    // Whatever the machine has taken in of the damaged one.
    yield* renewMachine(disk, applier, machineDirectory(dataDir.path));
    applier.begin(parts.genesis.machineVersion);
    yield* startMachine(parts, directory);
  }
  // What could not be restored is not made worse: nothing goes before.
  yield* removeAllBut(disk, directory, log.snapshotPoint);
}

/** The machine as the log says that it was: from what it holds on disk, or from the snapshot. */
function* startMachine(parts: OpenGroupParts, directory: string): Task<void> {
  const { host, genesis, applier, log, dataDir } = parts;
  const { group, snapshotPoint: point } = log;
  const { trail } = log.recovered();
  if (point === null && trail.base.index > 0) {
    throw new DraftError("DAMAGED", `the log of group ${group} begins behind index ${trail.base.index} and names no snapshot: ` +
      `${directory} may hold one; type: draft log check --data ${shellWord(dataDir.path)}`);
  }
  const place = machineDirectory(dataDir.path);
  // How it counts entries stands in the snapshot.
  if (applier.isOnDisk && point !== null) applier.beganAs((yield* readSnapshotHead(host.disk, `${directory}/${snapshotName(point)}`)).origin);
  const engine = applier.open();
  const start = machineStart({ engine, snapshot: point, lastIndex: trail.lastIndex, recalls: (from) => applier.recall(from) }, place);
  if (engine !== null && engine.index > 0) {
    host.log.write(start === "resume" ? "info" : "warn", `machine holds index ${engine.index} on disk: ${WORDS[start]}`, { index: engine.index });
  }
  if (start === "renew") yield* renewMachine(host.disk, applier, place);
  if (point === null) return;
  const progress = new Progress(() => host.clock.monotonicMs(), (text) => host.log.write("info", text));
  const wanted = { path: `${directory}/${snapshotName(point)}`, clusterId: genesis.clusterId, group, point, progress };
  try {
    if (start === "resume") yield* resumeFromSnapshot(host.disk, applier, wanted);
    else yield* restoreSnapshot(host.disk, applier, wanted, host.promised ?? noted);
  } catch (error) {
    throw snapshotError(error as Error, parts);
  }
}

/** The snapshot that the log begins with is damaged: what to do, for nothing else on this disk has what it held. */
function snapshotError(error: Error, { dataDir, identity: { nodeId } }: OpenGroupParts): Error {
  if (!(error instanceof DraftError) || error.code !== "DAMAGED") return error;
  return new DraftError("DAMAGED", `${error.message}; bring the file back, or move the whole directory away and type: draft admin replace ${nodeId} ${nodeId}@HOST:PORT; ` +
    `what else is damaged tells: draft log check --data ${shellWord(dataDir.path)}`, { cause: error });
}

function* isDamaged(disk: Disk, path: string): Task<boolean> {
  try {
    yield* verifySnapshot(disk, path);
    return false;
  } catch (error) {
    if (error instanceof DraftError && error.code === "DAMAGED") return true;
    throw error;
  }
}

const WORDS: Readonly<Record<MachineStart, string>> = {
  fresh: "begins anew", resume: "goes on from there", restore: "made anew from the snapshot", renew: "made anew from the log",
};

/** On a real host what follows from a promise happens by itself. */
function noted(): void {}
