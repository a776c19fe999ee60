/** What the tests of the WAL share: entries, a simulated disk with a WAL on it, and a model of what it must hold. */
import { viewOf } from "../../src/base/bytes.ts";
import { chainAfter, chainOfGenesis, type EntryHead, payloadSumOf, sealedBytes, writeHeader } from "../../src/base/entry.ts";
import { nextInRange, nextU32, type RandomState, seedRandom } from "../../src/base/random.ts";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import type { Host } from "../../src/host/host.ts";
import type { HardState } from "../../src/raft/types.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { openWal } from "../../src/wal/open_wal.ts";
import type { WalVisitor } from "../../src/wal/recovered_groups.ts";
import type { WalIdentity } from "../../src/wal/segment.ts";
import type { Wal } from "../../src/wal/wal.ts";
import { WAL_DEFAULTS, type WalOptions } from "../../src/wal/wal_options.ts";

export const IDENTITY: WalIdentity = { clusterId: "c1", nodeId: "a", incarnation: 77 };
export const DIRECTORY = "data";

/** What the test founds a group with. */
export function genesisOf(group: number): Uint8Array {
  return Uint8Array.of(1, 2, group);
}

/** Sealed entries, one behind the other, behind an entry with `chain`. */
export function sealRun(group: number, first: number, term: number, chain: number, payloads: readonly Uint8Array[]): { run: Uint8Array; chain: number } {
  const run = new Uint8Array(payloads.reduce((sum, payload) => sum + sealedBytes(payload.length), 0));
  const view = viewOf(run);
  let at = 0;
  let before = chain;
  payloads.forEach((payload, i) => {
    const head: EntryHead = { kind: 1, group, index: first + i, term, timeMs: 1, chain: 0, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
    head.chain = chainAfter(before, head);
    writeHeader(run, view, at, head);
    run.set(payload, at + 56);
    at += sealedBytes(payload.length);
    before = head.chain;
  });
  return { run, chain: before };
}

/** What a log holds of one group. */
interface GroupModel {
  genesis: string;
  hardState: HardState;
  entries: { term: number; sum: number; chain: number }[];
}

/** What a log holds: filled by a visitor, or by what was appended. */
export class Model implements WalVisitor {
  groups: Map<number, GroupModel> = new Map();

  groupMade(group: number, genesis: Uint8Array): void {
    this.groups.set(group, { genesis: String(genesis), hardState: { term: 0, votedFor: 0, commitIndex: 0 }, entries: [] });
  }
  hardState(group: number, hardState: HardState): void {
    this.of(group).hardState = hardState;
  }
  truncated(group: number, from: number): void {
    this.of(group).entries.length = from - 1;
  }
  entry(group: number, head: EntryHead, payload: Uint8Array): void {
    if (payloadSumOf(payload) !== head.payloadSum) throw new Error("payload told to the visitor does not fit");
    this.of(group).entries.push({ term: head.term, sum: head.payloadSum, chain: head.chain });
  }
  of(group: number): GroupModel {
    const found = this.groups.get(group);
    if (found === undefined) throw new Error(`group ${group} was not made`);
    return found;
  }
  /** All of it as one text. */
  text(): string {
    return JSON.stringify([...this.groups].map(([group, { genesis, hardState, entries }]) =>
      [group, genesis, hardState, entries.map(({ term, sum }) => `${term}:${sum}`)]));
  }
}

export const SMALL: Partial<WalOptions> = {
  segmentBytes: 8_192, readyBytes: 8_192, batchBytesMax: 2_048, recordBytesMax: 2_048, slabBytes: 4_096, readBytes: 4_096, markMs: 3,
};

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
  #options: Partial<WalOptions>;

  constructor(seed: number, options: Partial<WalOptions> = SMALL, disk?: SimDisk) {
    this.disk = disk ?? new SimDisk(this.scheduler, { seed });
    this.random = seedRandom(seed + 1_000_000);
    this.#options = options;
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
      ...this.#options,
      onFailure: (error) => this.told.push(`failure: ${error.message}`),
      onStall: () => this.told.push("stall"),
      onSpace: (hasRoom) => this.told.push(`space: ${hasRoom}`),
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
    const { run } = sealRun(group, entries.length + 1, term, entries.at(-1)?.chain ?? chainOfGenesis(genesisOf(group)), payloads);
    const room = this.wal.reserve(run.length);
    room.set(run);
    this.wal.appendEntries(group, entries.length + 1, count, room);
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
