/**
 * From a genesis to a log that can be written: the identity first, then the WAL, each durable before the next step, so
 * that a crash in between leaves a node that takes the same steps again.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import { isDiskFull } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { tooOldError } from "../machine/version_entry.ts";
import { MAIN_GROUP } from "../raft/types.ts";
import { openWal } from "../wal/open_wal.ts";
import type { Wal } from "../wal/wal.ts";
import { WAL_DEFAULTS, type WalOptions } from "../wal/wal_options.ts";
import type { LogDamage } from "../wal/damage.ts";
import { type DataDir, identityOf } from "./data_dir.ts";
import { type DeadLog, setLogAside } from "./dead_incarnation.ts";
import { decodeGenesis, type Genesis } from "./genesis.ts";
import { storageIdentity } from "./identity.ts";
import type { Membership } from "./introductions.ts";
import { enterRecovery } from "./recovery.ts";
import { RecoveredLog } from "./recovered_log.ts";
import type { NodeSettings } from "./settings.ts";

/** The reserve for a full disk: a segment, but no larger. */
const RESERVE_BYTES_MAX = 16 * 1_048_576;

/** What the log of a node depends on. */
export interface LogParts {
  readonly host: Pick<Host, "clock" | "disk" | "random" | "log">;
  readonly settings: Pick<NodeSettings, "segmentBytes" | "electionMaxMs" | "tuning">;
  readonly plugin: AnyPlugin;
  readonly dataDir: DataDir;
}

/** Who hears of the WAL's troubles once it is open. */
export type LogHandlers = Pick<WalOptions, "onFailure" | "onStall" | "onSpace">;

/** A log that was read, and can be written. */
export interface OpenLog {
  readonly wal: Wal;
  readonly log: RecoveredLog;
  /** What it lost and has to have again before the group takes part; null of a sound log. */
  readonly damage: LogDamage | null;
}

/**
 * Makes the node a member of a cluster, unless it is one.
 *
 * @throws DraftError BAD_CONFIG if the cluster runs another machine, BAD_PLUGIN if it began with a higher version of it
 */
export function* adoptGenesis({ host, plugin, dataDir }: LogParts, { genesis: bytes, clusterId, number, index, witness }: Membership): Task<Genesis> {
  const genesis = decodeGenesis(bytes);
  if (genesis.machine !== plugin.name) {
    throw new DraftError("BAD_CONFIG", `--machine ${plugin.name} differs from the cluster's ${genesis.machine}: start with --machine ${genesis.machine}`);
  }
  if (genesis.machineVersion > plugin.version) throw tooOldError(plugin, genesis.machineVersion, `cluster ${genesis.clusterId}, as it was founded,`);
  if (identityOf(dataDir).clusterId === "") {
    const { rebuilding } = identityOf(dataDir);
    if (rebuilding !== null) yield* setLogAside(host.disk, dataDir.path, rebuilding);
    yield* dataDir.change({ rebuilding: null, clusterId: clusterId === "" ? genesis.clusterId : clusterId, genesis: bytes, welcome: { number, index, witness } });
  }
  return genesis;
}

/**
 * Reads the log, and begins it with its genesis if it is new. The member number is written down only then: with one, a
 * log that is not there was lost, and an empty one in its place would vote as somebody that it is not.
 *
 * @returns what is open; or why nothing of it is gone on with: the newest hard state may be lost
 * @throws DraftError WRONG_IDENTITY, or STORAGE_FAILED before anything was promised
 */
export function* openLog(parts: LogParts, handlers: LogHandlers): Task<OpenLog | DeadLog> {
  const log = new RecoveredLog(MAIN_GROUP);
  try {
    return yield* open(parts, handlers, log);
  } catch (error) {
    if (!(error instanceof DraftError) || error.code !== "DAMAGED") throw error;
    const { recovery, nodeId } = identityOf(parts.dataDir);
    // Who goes on alone has left nobody who could let it in again.
    if (recovery !== null) {
      throw new DraftError("DAMAGED", `${error.message}; ${nodeId} went on alone by draft admin recover, so it is not let in again by itself: bring the directory back from a copy; ` +
        `or, if others were added since, move it away and type: draft admin replace ${nodeId} ${nodeId}@HOST:PORT; or found a cluster and type: draft admin restore FILE`, { cause: error });
    }
    return { error, configuration: log.isMade ? (log.configurationsSince().at(-1) ?? null) : null };
  }
}

function* open({ host, settings, dataDir }: LogParts, handlers: LogHandlers, log: RecoveredLog): Task<OpenLog> {
  const identity = identityOf(dataDir);
  const { nodeId, memberNumber, welcome, genesis } = identity;
  assert(welcome !== null && genesis !== null, "a node of a cluster was welcomed", nodeId);
  let begun: Done<void> | null = null;
  let damage: LogDamage | null = null;
  const wal = yield* openWal(host, dataDir.path, storageIdentity(identity), {
    ...WAL_DEFAULTS, reserveBytes: Math.min(settings.segmentBytes, RESERVE_BYTES_MAX), ...settings.tuning.wal, segmentBytes: settings.segmentBytes, stallMs: settings.electionMaxMs, ...handlers,
    onDamage: (found) => damage = found,
    onFailure: (error) => {
      if (begun === null) handlers.onFailure(error);
      else begun(storageError(dataDir.path, error));
    },
  }, log);
  if (!log.isMade && memberNumber !== 0) {
    yield* wait<void>((done) => wal.close(done));
    throw lostLog(dataDir.path, nodeId);
  }
  if (log.edit?.condition === "voteless") {
    yield* wait<void>((done) => wal.close(done));
    throw new DraftError("DAMAGED", `log "${dataDir.path}/wal" was cut where it was damaged (edit ${log.edit.number}): which term and vote ${nodeId} had last may be among what was cut`);
  }
  const isNew = !log.isMade;
  if (isNew) {
    log.groupMade(MAIN_GROUP, genesis);
    wal.appendGroupMade(MAIN_GROUP, genesis);
  }
  // What goes on alone has nobody to ask.
  const isRecovering = damage === null && enterRecovery(wal, log, { path: dataDir.path, identity }, host.log);
  if (isNew || isRecovering) {
    wal.flush();
    // A log that fails tells no barrier any more: whoever opens it hears of the failure instead.
    yield* wait<void>((done) => {
      begun = done;
      wal.barrier(done);
    });
    begun = null;
  }
  if (memberNumber === 0) yield* dataDir.change({ memberNumber: welcome.number });
  return { wal, log, damage };
}

function lostLog(path: string, nodeId: string): DraftError {
  return new DraftError("DAMAGED", `log "${path}/wal" is missing: node ${nodeId} is a member and had one; ` +
    `bring it back (is its disk mounted?), or move the whole directory away and type: draft admin replace ${nodeId} ${nodeId}@HOST:PORT`);
}

/** An error of the system at the start, when nothing was promised yet: what it means, and what to do. */
export function startError<E>(path: string, error: E): E | DraftError {
  if (error instanceof DraftError || !(error instanceof Error) || !("code" in error)) return error;
  const code = isDiskFull(error) ? "DISK_FULL" : "STORAGE_FAILED";
  return new DraftError(code, `data directory "${path}" cannot be opened: ${error.message}: ` +
    `check the disk, then: draft serve --data ${shellWord(path)}`, { cause: error });
}

/** The log failed: what it means, and what to do. */
export function storageError(path: string, error: Error): DraftError {
  return new DraftError("STORAGE_FAILED", `the log in ${path} cannot be written: ${error.message}: ` +
    `what was not acknowledged may be lost; check the disk, then: draft serve --data ${shellWord(path)}`, { cause: error });
}
