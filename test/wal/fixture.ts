/** What the tests of the WAL share: a simulated disk with a WAL on it, and what happens there. */
import { viewOf } from "../../src/base/bytes.ts";
import { payloadSumOf, readRun, sealedBytes } from "../../src/base/entry.ts";
import { nextInRange, nextU32, type RandomState, seedRandom } from "../../src/base/random.ts";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import type { Host } from "../../src/host/host.ts";
import type { HardState, LogPoint } from "../../src/raft/types.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { openWal } from "../../src/wal/open_wal.ts";
import type { WalIdentity } from "../../src/wal/segment.ts";
import type { Wal } from "../../src/wal/wal.ts";
import { WAL_DEFAULTS, type WalOptions } from "../../src/wal/wal_options.ts";
import type { EntriesRead } from "../../src/wal/wal_read.ts";
import { genesisOf, Model, sealRun } from "./model.ts";

export const IDENTITY: WalIdentity = { clusterId: "c1", nodeId: "a", incarnation: 77 };
export const DIRECTORY = "data";

export const SMALL: Partial<WalOptions> = {
  segmentBytes: 8_192, readyBytes: 8_192, batchBytesMax: 2_048, recordBytesMax: 2_048, slabBytes: 4_096, readBytes: 4_096, markMs: 3, relocateMs: 1,
};

/** Sizes by chance, so small that everything rolls and fills; segments of so many blocks at most. */
export function drawSizes(random: RandomState, blocksMax: number): Partial<WalOptions> {
  return {
    segmentBytes: 4_096 * nextInRange(random, 2, blocksMax),
    readyBytes: 4_096,
    batchBytesMax: nextInRange(random, 600, 9_000),
    recordBytesMax: nextInRange(random, 600, 4_000),
    slabBytes: 4_096,
    readBytes: nextInRange(random, 4_096, 20_000),
    markMs: nextInRange(random, 1, 30),
  };
}

/** A simulated disk, its clock, and the WALs that are opened on it one after the other. */
export class Rig {
  readonly scheduler: Scheduler = new Scheduler();
  readonly disk: SimDisk;
  readonly random: RandomState;
  /** What a WAL told besides completions. */
  told: string[] = [];
  /** What was appended. */
  model: Model = new Model();
  /** The model as text after each record, and how many records a barrier told durable. */
  states: string[] = ["[]"];
  acked = 0;
  wal!: Wal;
  recovered: Model = new Model();
  options: Partial<WalOptions>;

  constructor(seed: number, options: Partial<WalOptions> = SMALL, disk?: SimDisk) {
    this.disk = disk ?? new SimDisk(this.scheduler, { seed });
    this.random = seedRandom(seed + 1_000_000);
    this.options = options;
    const port = this.disk.boot();
    this.run((function* (): Task<void> {
      yield* wait<void>((done) => port.makeDirectory(DIRECTORY, done));
      yield* wait<void>((done) => port.syncDirectory(".", done));
    })());
  }

  host(): Pick<Host, "clock" | "disk" | "random" | "log"> {
    return {
      clock: this.scheduler.clock(0),
      disk: this.disk.boot(),
      random: { u32: () => nextU32(this.random) },
      log: { enabled: () => false, write: () => {} },
    };
  }

  /** Runs `task` to its end; null if it does not end (the power was cut). */
  run<T>(task: Task<T>, untilMs = 60_000): T | null {
    const result: { value: T | null; error: Error | null; ended: boolean } = { value: null, error: null, ended: false };
    runTask(task, (...[error, value]) => Object.assign(result, { error, value: value ?? null, ended: true }));
    const end = this.scheduler.nowMs + untilMs;
    while (!result.ended && this.scheduler.step(end));
    if (result.error !== null) throw result.error;
    return result.value;
  }

  /** Opens the WAL; false if the power was cut meanwhile. @throws DraftError */
  open(identity: WalIdentity = IDENTITY): boolean {
    this.recovered = new Model();
    const host = this.host();
    const directory = DIRECTORY;
    const options: WalOptions = {
      ...WAL_DEFAULTS,
      ...this.options,
      onFailure: (error) => this.told.push(`failure: ${error.message}`),
      onStall: (isStalled) => this.told.push(`stall: ${isStalled}`),
      onSpace: (space) => this.told.push(`space: ${space}`),
    };
    const wal = this.run(openWal(host, directory, identity, options, this.recovered));
    if (wal === null) return false;
    this.wal = wal;
    return true;
  }

  /** Appends `count` entries of `bytes` bytes each. */
  append(group: number, count: number, bytes: number, term = 1): void {
    const { entries } = this.model.of(group);
    const payloads = Array.from({ length: count }, () => Uint8Array.from({ length: bytes }, () => nextInRange(this.random, 0, 255)));
    const last = this.model.last(group);
    const { run } = sealRun(group, last + 1, term, this.model.point(group, last).chain, payloads);
    const room = this.wal.reserve(run.length);
    room.set(run);
    this.wal.appendEntries(group, last + 1, count, room);
    const view = viewOf(run);
    let at = 0;
    for (const payload of payloads) {
      entries.push({ term, sum: payloadSumOf(payload), chain: view.getUint32(at + 48, true) });
      at += sealedBytes(payload.length);
      // A run may be split into several records, so each of its entries may be the last one after a crash.
      this.states.push(this.model.text());
    }
  }

  make(group: number): void {
    const genesis = genesisOf(group);
    this.wal.appendGroupMade(group, genesis);
    this.model.groupMade(group, genesis);
    this.states.push(this.model.text());
  }

  hardState(group: number, hardState: HardState): void {
    this.wal.appendHardState(group, hardState);
    this.model.hardState(group, hardState);
    this.states.push(this.model.text());
  }

  truncate(group: number, from: number): void {
    this.wal.appendTruncate(group, from);
    this.model.truncated(group, from);
    this.states.push(this.model.text());
  }

  /**
   * Says that a snapshot is durable, unless a later one is, and lets all up to `point` leave the log. Ahead of the log one
   * record says both: neither is ever there alone.
   */
  compact(group: number, point: LogPoint, context: Uint8Array = Uint8Array.of(point.index % 256, 7)): void {
    if (point.index > this.wal.lastIndex(group)) {
      this.model.snapshotMarked(group, point);
    } else if (point.index > this.model.of(group).snapshot) {
      this.wal.appendSnapshotMark(group, point);
      this.model.snapshotMarked(group, point);
      this.states.push(this.model.text());
    }
    this.wal.appendCompact(group, point, context);
    this.model.compacted(group, point, context);
    this.states.push(this.model.text());
  }

  /** Reads all entries of all groups back and compares them with the model. */
  checkReads(): void {
    for (const group of this.model.groups.keys()) {
      const { prefix } = this.model.of(group);
      for (let from = prefix.index + 1; from <= this.model.last(group);) {
        const { runs, to } = this.read(group, from, this.model.last(group), 3_000);
        let index = from;
        for (const { chain } of runs.flatMap((run) => readRun(run).entries)) {
          if (this.model.point(group, index++).chain !== chain) throw new Error(`another entry ${index - 1} of group ${group} is read back`);
        }
        if (index !== to + 1) throw new Error(`${index - from} entries are read back, wanted ${to + 1 - from}`);
        from = to + 1;
      }
    }
  }

  /** Reads, and waits for it. */
  read(group: number, from: number, to: number, bytesMax: number): EntriesRead {
    const told: { result: EntriesRead | null; error: Error | null } = { result: null, error: null };
    this.wal.read(group, from, to, bytesMax, (...[error, result]) => Object.assign(told, { error, result: result ?? null }));
    const end = this.scheduler.nowMs + 1_000;
    while (told.result === null && told.error === null && this.scheduler.step(end));
    if (told.error !== null) throw told.error;
    if (told.result === null) throw new Error("the read did not end");
    return told.result;
  }

  /** Ends the turn: what was appended so far is acked once it is durable. */
  flush(): void {
    const records = this.states.length - 1;
    this.wal.barrier(() => {
      this.acked = records;
    });
    this.wal.flush();
  }

  /** Ends the turn and waits until all is durable; false if that does not come. */
  sync(withinMs = 5_000): boolean {
    this.flush();
    const records = this.states.length - 1;
    const end = this.scheduler.nowMs + withinMs;
    while (this.acked < records && this.scheduler.step(end));
    return this.acked >= records;
  }

  close(): void {
    const closed = { error: null as Error | null, ended: false };
    this.wal.close((...[error]) => Object.assign(closed, { error, ended: true }));
    while (!closed.ended && this.scheduler.step(this.scheduler.nowMs + 60_000));
    if (!closed.ended) throw new Error("close did not end");
    if (closed.error !== null) throw closed.error;
  }

  /** What was recovered is the state after some record at or behind the last acked one. Goes on from there. */
  checkRecovered(): void {
    const text = this.recovered.text();
    const at = this.states.lastIndexOf(text);
    if (at < this.acked) {
      throw new Error(`recovered state ${at} of ${this.states.length - 1}, acked ${this.acked}: ${text.slice(0, 300)}`);
    }
    this.model = this.recovered;
    this.states = [...this.states.slice(0, at), text];
    this.acked = at;
  }

  /** Cuts the power, boots and recovers. */
  restart(): void {
    this.disk.crash();
    this.open();
    this.checkRecovered();
  }

  segment(sequence: number): string {
    return `${DIRECTORY}/wal/${String(sequence).padStart(12, "0")}.seg`;
  }
}

/** A short life of a log: groups, entries, votes, truncations and rolls. Stops when the power is cut. */
export function playScript(rig: Rig, turns: number): void {
  const { random } = rig;
  rig.make(1);
  rig.sync();
  for (let turn = 1; turn <= turns; turn++) {
    const group = turn > 4 && nextInRange(random, 0, 2) === 0 ? 5 : 1;
    if (turn === 4) rig.make(5);
    const last = rig.model.of(group).entries.length;
    if (last > 2 && nextInRange(random, 0, 4) === 0) rig.truncate(group, nextInRange(random, Math.max(1, last - 3), last));
    if (nextInRange(random, 0, 2) === 0) {
      const { term } = rig.model.of(group).hardState;
      rig.hardState(group, { term: term + 1, votedFor: nextInRange(random, 0, 3), commitIndex: 0 });
    }
    rig.append(group, nextInRange(random, 1, 4), nextInRange(random, 0, 500), turn);
    if (nextInRange(random, 0, 2) === 0) rig.flush();
    else if (!rig.sync(50)) return;
  }
  rig.sync(50);
}

/** Runs `check` and, if it throws, says in the message what was being tried. */
export function trying(what: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    const reason = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    throw new Error(`${what}: ${reason}`, { cause: error });
  }
}
