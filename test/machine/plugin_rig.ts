/** A plugin on tables behind an applier, as a replica runs it: its log time, what its watchers were told, restarts. */
import * as assert from "uvu/assert";
import { decode, encode } from "../../src/base/codec.ts";
import { EntryKind, payloadSumOf } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, type RandomState } from "../../src/base/random.ts";
import { Applier } from "../../src/machine/applier.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import type { Command, Entry, Reply, StreamMachine, StreamPlugin } from "../../src/machine/machine.ts";
import type { TablesPiece } from "../../src/machine/table_machine.ts";

/** The log time at which each rig begins. */
export const BEGIN_MS = 1_000_000;

/** One replica. */
export class PluginRig {
  readonly applier: Applier;
  /** What the machine emitted since it was last taken. */
  changes: [key: string, value: unknown][] = [];
  timeMs: number = BEGIN_MS;
  readonly #plugin: StreamPlugin<TablesPiece>;
  #machine!: StreamMachine<TablesPiece>;

  constructor(plugin: StreamPlugin<TablesPiece>) {
    this.#plugin = plugin;
    const log = (message: string, thrown: unknown): never => {
      throw new Error(message, { cause: thrown });
    };
    this.applier = new Applier({ plugin: { ...plugin, create: (options) => this.#listenedTo(plugin.create(options)) }, group: 1, directory: "", log });
  }

  /** Index of the last entry. */
  get index(): number {
    return this.applier.lastApplied.index;
  }

  /** Proposes or asks as a node would: prepared, then applied or queried. */
  run(...given: Command): Reply | DraftError {
    const command = this.applier.operations.prepare(given);
    if (this.applier.operations.kindOf(command) === "read") return this.applier.query(command);
    return this.entry(EntryKind.command, encodeCommand(command));
  }

  /** Lets log time pass; with `wake` by the time entry that the leader would append. */
  pass(ms: number, wake: boolean = false): void {
    this.timeMs += ms;
    this.entry(wake ? EntryKind.time : EntryKind.noop, new Uint8Array(0));
  }

  /** Goes on with a machine that was restored from a snapshot of this one, after it had been restored from an empty one. */
  async restart(): Promise<void> {
    const saved = this.save();
    await this.#machine.restore(streamed(new PluginRig(this.#plugin).save()), 1);
    await this.#machine.restore(streamed(saved), 1);
    for (const piece of saved) piece.fill(0);
  }

  /** What a snapshot file would hold. */
  save(): Uint8Array[] {
    return [...this.pieces()].map((piece) => encode(piece).slice());
  }

  /** A snapshot that is begun now. */
  pieces(): IterableIterator<TablesPiece> {
    return this.#machine.snapshot() as IterableIterator<TablesPiece>;
  }

  /** What was emitted since the last call. */
  taken(): [key: string, value: unknown][] {
    const changes = this.changes;
    this.changes = [];
    return changes;
  }

  entry(kind: number, payload: Uint8Array, payloadSum: number = payloadSumOf(payload)): Reply | DraftError {
    const head = { kind, group: 1, index: this.index + 1, term: 1, timeMs: this.timeMs, chain: 0, payloadBytes: payload.length, payloadSum };
    return this.applier.apply(head, payload, 0, null);
  }

  #listenedTo(inner: StreamMachine<TablesPiece>): StreamMachine<TablesPiece> {
    this.#machine = inner;
    const listening = (entry: Entry): Entry => ({
      index: entry.index,
      term: entry.term,
      timeMs: entry.timeMs,
      version: entry.version,
      session: entry.session,
      random: entry.random,
      reject: entry.reject,
      emit: (key, value) => {
        this.changes.push([key, value]);
        entry.emit(key, value);
      },
    });
    return {
      apply: (command, entry) => inner.apply(command, listening(entry)),
      query: (command, view) => inner.query!(command, view),
      wakeAt: () => inner.wakeAt!(),
      hash: () => inner.hash!(),
      wake: (entry) => inner.wake!(listening(entry)),
      snapshot: () => inner.snapshot(),
      restore: (saved, version) => inner.restore(saved, version),
    };
  }
}

async function* streamed(pieces: readonly Uint8Array[]): AsyncGenerator<TablesPiece> {
  for (const piece of pieces) yield decode(piece) as TablesPiece;
}

/** What a model of a machine knows of the log. */
export interface ModelClock {
  index: number;
  timeMs: number;
}

/** Replicas of one plugin under one history: one that never stops, one restored now and then, one whose rows are swept late. */
export class Replicas {
  readonly plain: PluginRig;
  readonly #restored: PluginRig;
  readonly #unwoken: PluginRig;

  constructor(plugin: StreamPlugin<TablesPiece>) {
    [this.plain, this.#restored, this.#unwoken] = [new PluginRig(plugin), new PluginRig(plugin), new PluginRig(plugin)];
  }

  /** Asserts that all answer `command` with `wanted`, or refuse it with that code. */
  answer(command: Command, wanted: unknown, what: string): void {
    for (const rig of this.#all()) {
      const answer = rig.run(...command);
      assert.equal(answer instanceof DraftError ? answer.code : answer, wanted, what);
    }
  }

  /** Lets some time pass, or restores one, by chance, and asserts that the one that is restored is as the one that never stops. */
  async goOn(random: RandomState, model: ModelClock, what: string): Promise<void> {
    if (nextInRange(random, 0, 3) === 0) {
      const ms = [1, 15, 120][nextInRange(random, 0, 2)]!;
      const wake = nextInRange(random, 0, 1) === 0;
      model.index += 1;
      model.timeMs += ms;
      for (const rig of this.#all()) rig.pass(ms, wake && rig !== this.#unwoken);
    }
    if (nextInRange(random, 0, 15) === 0) await this.#restored.restart();
    const [plain, restored] = [this.plain.applier, this.#restored.applier];
    assert.is(restored.digest, plain.digest, `${what}: a restored machine digests as one that never stopped`);
    assert.is(restored.stateHash(), plain.stateHash(), `${what}: and hashes as one`);
    assert.is(restored.wakeAt(), plain.wakeAt());
  }

  /** Asserts that all are alike once all that is due within `ms` was swept. */
  end(ms: number, what: string): void {
    for (const rig of this.#all()) rig.pass(ms, true);
    assert.is(this.#unwoken.applier.stateHash(), this.plain.applier.stateHash(), `${what}: swept late is swept`);
    assert.equal(this.plain.save(), this.#restored.save());
  }

  #all(): readonly PluginRig[] {
    return [this.plain, this.#restored, this.#unwoken];
  }
}

/** Asserts that `command` is refused by the machine: it changes nothing and tells nobody. */
export function refuses(rig: PluginRig, command: Command, code: "REJECTED" | "CONFLICT", message: string): void {
  const [hash, told] = [rig.applier.stateHash(), rig.changes.length];
  const answer = rig.run(...command);
  assert.instance(answer, DraftError);
  assert.equal([(answer as DraftError).code, (answer as DraftError).message], [code, message]);
  assert.equal([rig.applier.stateHash(), rig.changes.length], [hash, told]);
}

/** Asserts that `command` is refused before it is proposed. */
export function isBad(rig: PluginRig, command: Command, message: string): void {
  const before = rig.index;
  assert.throws(() => rig.run(...command), (error: DraftError) => error.code === "BAD_REQUEST" && error.message === message);
  assert.is(rig.index, before);
}
