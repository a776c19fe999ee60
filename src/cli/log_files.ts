/**
 * A data directory that no process uses, read as a node would read it at its start, and nothing written.
 */
import { assert } from "../base/assert.ts";
import { viewOf } from "../base/bytes.ts";
import { type EntryHead, EntryKind, readHeader } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { runTask, type Task, wait } from "../base/task.ts";
import type { FileStat, Host } from "../host/host.ts";
import { type DataDir, openDataDir } from "../node/data_dir.ts";
import { type Identity, storageIdentity } from "../node/identity.ts";
import { decodeGenesis } from "../node/genesis.ts";
import { decodeLogStart } from "../raft/log_start.ts";
import { decodeConfiguration, encodeConfiguration } from "../raft/configuration.ts";
import type { Configuration, HardState, Index, LogPoint } from "../raft/types.ts";
import { openMark } from "../wal/mark.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import { sequenceOf } from "../wal/segment.ts";
import type { WalVisitor } from "../wal/telling.ts";
import type { WalGroup } from "../wal/wal_group.ts";
import { readEntries } from "../wal/wal_read.ts";

const READ_BYTES = 1024 * 1024;
const POINTS_MAX = 64;

/** The log of one group. */
export interface GroupLog {
  readonly identity: Identity;
  readonly group: WalGroup;
  readonly hardState: HardState;
  /** The newest configuration: that of the genesis if no entry holds one. */
  readonly configuration: Configuration;
  /** Sealed entries `from`..`to`, or as many as fit one read, and the index of the last of them. */
  read(from: Index, to: Index): Task<{ readonly runs: readonly Uint8Array[]; readonly to: Index }>;
}

type OfflineHost = Pick<Host, "disk" | "random">;

/**
 * Opens the log of `group` in `directory` for as long as `use` runs.
 *
 * @throws DraftError NOT_FOUND, IN_USE, WRONG_IDENTITY, DAMAGED
 */
export function withGroupLog<T>(
  host: OfflineHost,
  { directory, group }: { readonly directory: string; readonly group: number },
  use: (log: GroupLog, dataDir: DataDir) => Task<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    runTask(opened(host, directory, group, use), (...[error, value]) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
}

function* opened<T>(host: OfflineHost, directory: string, groupId: number, use: (log: GroupLog, dataDir: DataDir) => Task<T>): Task<T> {
  const { disk } = host;
  // Opening a directory makes it: what is not there must not be made by looking.
  const stat = yield* wait<FileStat | null>((done) => disk.stat(`${directory}/identity`, done));
  if (stat === null) throw new DraftError("NOT_FOUND", `"${directory}" is no data directory: draft log last --data DIR`);
  const dataDir = yield* openDataDir(host, directory, { nodeId: null, machine: null });
  try {
    return yield* use(yield* groupLog(host, dataDir, groupId), dataDir);
  } finally {
    dataDir.close();
  }
}

function* groupLog({ disk }: OfflineHost, dataDir: DataDir, groupId: number): Task<GroupLog> {
  const directory = `${dataDir.path}/wal`;
  const stat = yield* wait<FileStat | null>((done) => disk.stat(directory, done));
  const { identity } = dataDir;
  if (identity === null || identity.genesis === null || stat === null) throw noGroup(dataDir.path);
  const names = yield* wait<string[]>((done) => disk.list(directory, done));
  const sequences = names.map(sequenceOf).filter((sequence) => sequence > 0);
  if (sequences.length === 0) throw noGroup(dataDir.path);
  const owner = storageIdentity(identity);
  const { file, mark } = yield* openMark(disk, directory, owner.incarnation, false);
  yield* wait<void>((done) => file.close(done));
  const source = { disk, directory, identity: owner, mark, readBytes: READ_BYTES };
  const configurations = new Configurations(groupId);
  const scan = yield* scanLog(source, sequences, new RecoveredGroups(configurations));
  const group = scan.groups.logs().get(groupId);
  if (group === undefined) throw noGroup(dataDir.path);
  const saltOf = (sequence: number): number => scan.segments.get(sequence)?.salt ?? 0;
  return {
    identity,
    group,
    hardState: group.hardState,
    configuration: configurations.newest(),
    *read(from, to) {
      const route = group.index.route(from, to, POINTS_MAX);
      const request = { group: groupId, from, to: route.to, bytesMax: READ_BYTES };
      return yield* readEntries({ disk, directory, points: route.points, saltOf }, request);
    },
  };
}

/** Where the log ends. */
export function* lastPointOf({ group: { lastIndex, prefix }, read }: GroupLog): Task<LogPoint> {
  if (lastIndex === prefix.index) return prefix;
  const { runs: [run = new Uint8Array(0)] } = yield* read(lastIndex, lastIndex);
  const head = readHeader(run, viewOf(run), 0);
  assert(head !== null, "what was read is an entry", lastIndex);
  return { index: head.index, term: head.term, chain: head.chain };
}

function noGroup(directory: string): DraftError {
  return new DraftError("NOT_FOUND", `"${directory}" holds no log of that group yet: draft serve founds or joins a cluster`);
}

/** Keeps the configurations of one group while its log is read. */
class Configurations implements WalVisitor {
  readonly #group: number;
  readonly #payloads: Map<Index, Uint8Array> = new Map();

  constructor(group: number) {
    this.#group = group;
  }

  groupMade(group: number, genesis: Uint8Array): void {
    if (group !== this.#group) return;
    this.#payloads.clear();
    this.#payloads.set(0, encodeConfiguration(decodeGenesis(genesis).configuration));
  }

  compacted(group: number, point: LogPoint, context: Uint8Array): void {
    if (group !== this.#group) return;
    for (const index of this.#payloads.keys()) if (index <= point.index) this.#payloads.delete(index);
    const { configuration } = decodeLogStart(point, context);
    this.#payloads.set(configuration.index, encodeConfiguration(configuration));
  }

  snapshotMarked(): void {}

  hardState(): void {}

  truncated(group: number, from: Index): void {
    for (const index of this.#payloads.keys()) if (group === this.#group && index >= from) this.#payloads.delete(index);
  }

  entry(group: number, head: EntryHead, payload: Uint8Array): void {
    if (group === this.#group && head.kind === EntryKind.config) this.#payloads.set(head.index, new Uint8Array(payload));
  }

  newest(): Configuration {
    const index = Math.max(...this.#payloads.keys());
    return decodeConfiguration(this.#payloads.get(index) ?? new Uint8Array(), index);
  }
}
