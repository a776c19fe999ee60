/** A stopped node's directory on the simulated disk, what it holds, and offline work on it that a power cut may end. */
import { encodeEnvelope } from "../../src/machine/command.ts";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import { blankHead, chainAfter, EntryKind, payloadSumOf, sealedBytes, writeHeader } from "../../src/base/entry.ts";
import { viewOf } from "../../src/base/bytes.ts";
import { makeEdit, undoEdit } from "../../src/editor/edit_log.ts";
import { planCut } from "../../src/editor/cut_plan.ts";
import { planEdit, type Wanted } from "../../src/editor/edit_plan.ts";
import type { OfflineHost } from "../../src/editor/log_files.ts";
import { type GroupLog, openedLog } from "../../src/editor/offline_log.ts";
import { readSavedEdit } from "../../src/editor/saved_edit.ts";
import { openDataDir } from "../../src/node/data_dir.ts";
import { openLog } from "../../src/node/open_log.ts";
import { encodeGenesis, genesisPoint } from "../../src/node/genesis.ts";
import { genesisConfiguration } from "../../src/raft/configuration.ts";
import { encodeLogStart } from "../../src/raft/log_start.ts";
import { nextU32, seedRandom } from "../../src/base/random.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { openWal } from "../../src/wal/open_wal.ts";
import type { EditMark } from "../../src/wal/edit_record.ts";
import { WAL_DEFAULTS } from "../../src/wal/wal_options.ts";
import kv from "../../plugins/kv/kv.ts";

export const DATA = "data";
const GROUP = 1;

/** How the log of the directory looks. */
export interface Made {
  readonly seed: number;
  readonly voters: readonly string[];
  /** Whether the directory is that of one that was taken in as a learner: the voters are others. */
  readonly learns?: boolean;
  /** Commands `set kN vN`, from index 1 on. */
  readonly entries: number;
  /** The log begins behind it, if it is not 0: a snapshot mark is there. */
  readonly compacted?: number;
  readonly commitIndex?: number;
  /** So full that the next record needs another segment. */
  readonly fillsSegment?: boolean;
  /** Of the last of a few entries, so that logs with other contents can be made. */
  readonly lastValue?: string;
  /** Of each value, so that the log has several segments. */
  readonly valueBytes?: number;
  /** What the node says last is a vote in a later term, 3. */
  readonly votesLast?: boolean;
}

/** What a start makes of a log that it goes on with. */
export interface Started {
  readonly last: number;
  readonly term: number;
  readonly edit: EditMark | null;
  /** Whether it has to get anything again from others before it takes part. */
  readonly isDamaged: boolean;
}

/** One machine with a node's directory. */
export class EditRig {
  readonly scheduler: Scheduler;
  readonly disk: SimDisk;

  readonly made: Made;

  constructor(made: Made, scheduler: Scheduler = new Scheduler()) {
    this.made = made;
    this.scheduler = scheduler;
    this.disk = new SimDisk(this.scheduler, { seed: made.seed });
    this.run(makeDirectory(this.host(), made));
  }

  host(): OfflineHost {
    const random = seedRandom(this.made.seed);
    return {
      clock: this.scheduler.clock(0), disk: this.disk.boot(), random: { u32: () => nextU32(random) },
      log: { enabled: () => false, write: () => {}, setLevel: () => "info" },
    };
  }

  /** Runs `task` to its end; null if it does not end, for the power was cut. @throws what it throws */
  run<T>(task: Task<T>): T | null {
    const result: { value: T | null; error: Error | null; ended: boolean } = { value: null, error: null, ended: false };
    runTask(task, (...[error, value]) => Object.assign(result, { error, value: value ?? null, ended: true }));
    const end = this.scheduler.nowMs + 60_000;
    while (!result.ended && this.scheduler.step(end));
    if (result.error !== null) throw result.error;
    return result.value;
  }

  use<T>(use: (log: GroupLog, host: OfflineHost) => Task<T>): T | null {
    const host = this.host();
    return this.run(openedLog(host, { directory: DATA, group: GROUP }, (log) => use(log, host)));
  }

  edit(wanted: Wanted): string | null {
    return this.use(function* (log, host): Task<string> {
      return yield* makeEdit(host, log, yield* planEdit(log, wanted), kv);
    });
  }

  /** Chops what may be damaged. */
  cut(index: number): string | null {
    const host = this.host();
    return this.run(openedLog(host, { directory: DATA, group: GROUP, onDamage: "stop" }, function* (log): Task<string> {
      return yield* makeEdit(host, log, log.damage === null ? yield* planEdit(log, { change: "chop", index }) : yield* planCut(host.disk, log, index), kv);
    }));
  }

  /** The log says that its end was lost, as a node does that found it so. */
  endLost(): void {
    this.use((log, host) => {
      const mark = { number: 1, boot: log.identity.bootCount, condition: "lost" } as const;
      return makeEdit(host, log, { edit: { mark, content: { change: "none" } }, meaning: [], removed: null, seal: log.group.prefix, empties: false, cuts: false }, null);
    });
  }

  /** A node starts here, says no word, and ends. */
  started(): void {
    const host = this.host();
    this.run((function* (): Task<void> {
      const dataDir = yield* openDataDir(host, DATA, { nodeId: null, machine: null });
      yield* dataDir.begin({ nodeId: "a", machine: "kv", founding: [] });
      dataDir.close();
    })());
  }

  undo(): void {
    this.use(function* (log, host): Task<void> {
      yield* undoEdit(host, log);
    });
  }

  /** The whole log as one text. */
  text(): string {
    return this.use(function* ({ group, hardState, edit, configurations, read }): Task<string> {
      const chains: number[] = [];
      for (let next = group.prefix.index + 1; next <= group.lastIndex;) {
        const { runs, to } = yield* read(next, group.lastIndex);
        for (const run of runs) {
          for (let at = 0; at < run.length; at += sealedBytes(viewOf(run).getUint32(at + 8, true))) chains.push(viewOf(run).getUint32(at + 48, true));
        }
        next = to + 1;
      }
      const { index } = configurations.at(-1) ?? { index: -1 };
      return JSON.stringify({ prefix: group.prefix, snapshot: group.snapshot.index, last: group.lastIndex, chains, hardState, edit, configuration: index });
    }) ?? "the power was cut";
  }

  /** The snapshot files that are there. */
  snapshots(): string[] {
    return this.disk.names.files().filter((path) => path.startsWith(`${DATA}/snapshots/`)).map((path) => path.slice(path.lastIndexOf("/") + 1)).sort();
  }

  /** Reads the log as a node does that is started. @returns null if it goes on with nothing of it */
  start(): Started | null {
    return this.run(started(this.host()));
  }

  /** What was saved of an edit, as one text. */
  saved(number: number, change: string): string {
    const { disk } = this.host();
    const saved = this.run(readSavedEdit(disk, `${DATA}/edits/${number}-${change}.entries`));
    return saved === null ? "the power was cut" : `${saved.entries} entries: ${JSON.stringify(saved.head)}`;
  }

  /** The power is cut at the `at`-th of the calls that `act` makes, and comes back. */
  crashIn(act: () => void, at: number): void {
    this.disk.crashAt(this.disk.calls + at);
    act();
    this.disk.crashAt(0);
    this.disk.crash();
  }

  /** Disk calls that `act` makes. */
  callsOf(act: () => void): number {
    const before = this.disk.calls;
    act();
    return this.disk.calls - before;
  }
}

/** A payload for an entry that is edited in. */
export function command(...words: readonly [string, ...string[]]): Uint8Array {
  return encodeEnvelope({ session: null, sequence: 0, answeredBelow: 0, command: words }).slice();
}

function* started(host: OfflineHost): Task<Started | null> {
  const dataDir = yield* openDataDir(host, DATA, { nodeId: null, machine: null });
  try {
    const settings = { segmentBytes: 16_384, electionMaxMs: 1_000, tuning: { wal: { readyBytes: 8_192 } } };
    const opened = yield* openLog({ host, settings, plugin: kv, dataDir }, { onFailure: () => {}, onStall: () => {}, onSpace: () => {} });
    if (!("wal" in opened)) return null;
    const { damage, wal } = opened;
    const { lastIndex, hardState, edit } = wal.groupOf(GROUP);
    yield* wait<void>((done) => wal.close(done));
    return { last: lastIndex, term: hardState.term, edit, isDamaged: damage !== null };
  } finally {
    dataDir.close();
  }
}

/** Makes the directory of a stopped node, on whatever disk. */
export function* makeDirectory(host: OfflineHost, made: Made, directory: string = DATA): Task<void> {
  const configuration = genesisConfiguration(made.voters.map((id, at) => ({ id, address: `${id}:1`, incarnation: at + 1 })));
  const number = made.learns === true ? configuration.nextMemberNumber : 1;
  const genesis = encodeGenesis({ clusterId: "c1", machine: "kv", machineVersion: 1, foundedMs: 777, configuration });
  const dataDir = yield* openDataDir(host, directory, { nodeId: null, machine: null });
  yield* dataDir.begin({ nodeId: "a", machine: "kv", founding: [] });
  const { nodeId, clusterId, incarnation } = yield* dataDir.change({ clusterId: "c1", genesis, welcome: { number, index: 0, witness: false }, memberNumber: number });
  const options = { ...WAL_DEFAULTS, segmentBytes: 16_384, readyBytes: 8_192, compacts: false, onFailure: () => {}, onStall: () => {}, onSpace: () => {} };
  const wal = yield* openWal(host, directory, { clusterId, nodeId, incarnation }, options, {
    groupMade() {}, hardState() {}, truncated() {}, entry() {}, compacted() {}, snapshotMarked() {}, edited() {},
  });
  wal.appendGroupMade(GROUP, genesis);
  wal.appendHardState(GROUP, { term: 2, votedFor: 1, commitIndex: made.commitIndex ?? 0 });
  const sync = (): Task<void> => {
    wal.flush();
    return wait<void>((done) => wal.barrier(done));
  };
  yield* sync();
  let { chain } = genesisPoint(genesis);
  let point = genesisPoint(genesis);
  for (let index = 1; index <= made.entries; index++) {
    const isLast = index === made.entries;
    // A segment of 16 KiB, less its header, what came before and half of the next record.
    const padding = "x".repeat(made.valueBytes ?? 0);
    const value = isLast && made.fillsSegment === true ? "x".repeat(16_384 - 4_096 - 1_200 - 140 * made.entries) : isLast ? made.lastValue ?? `v${index}${padding}` : `v${index}${padding}`;
    const payload = command("set", `k${index}`, value);
    const head = { ...blankHead(), kind: EntryKind.command, group: GROUP, index, term: 2, timeMs: 1_000 + index, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
    head.chain = chainAfter(chain, head);
    ({ chain } = head);
    const run = new Uint8Array(sealedBytes(payload.length));
    writeHeader(run, viewOf(run), 0, head);
    run.set(payload, 56);
    wal.appendEntries(GROUP, index, 1, run);
    if (index === made.compacted) point = { index, term: 2, chain };
    yield* sync();
  }
  if (made.votesLast === true) {
    wal.appendHardState(GROUP, { term: 3, votedFor: 1, commitIndex: made.commitIndex ?? 0 });
    yield* sync();
  }
  if (point.index > 0) {
    wal.appendSnapshotMark(GROUP, point);
    wal.appendCompact(GROUP, point, encodeLogStart({ point, timeMs: 1_000 + point.index, configuration }));
    yield* sync();
  }
  yield* wait<void>((done) => wal.close(done));
  dataDir.close();
}
