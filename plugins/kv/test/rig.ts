/** A kv behind an applier, as a replica runs it, and shorthands for its tests. */
import * as assert from "uvu/assert";
import { decode, encode } from "../../../src/base/codec.ts";
import { EntryKind } from "../../../src/base/entry.ts";
import { DraftError } from "../../../src/base/errors.ts";
import { Applier } from "../../../src/machine/applier.ts";
import { encodeCommand } from "../../../src/machine/command.ts";
import type { Entry, Reply, StreamMachine, StreamPlugin } from "../../../src/machine/machine.ts";
import type { TablesPiece } from "../../../src/machine/table_machine.ts";
import kv from "../kv.ts";

/** One kv, its log time, and what its watchers were told. */
export class Rig {
  readonly applier: Applier;
  /** What the machine emitted since it was last taken. */
  changes: [key: string, value: unknown][] = [];
  timeMs = 1_000_000;
  #machine!: StreamMachine<TablesPiece>;

  constructor() {
    const plugin: StreamPlugin<TablesPiece> = { ...kv, create: (options) => this.#listenedTo(kv.create(options)) };
    const log = (message: string, thrown: unknown): never => {
      throw new Error(message, { cause: thrown });
    };
    this.applier = new Applier({ plugin, group: 1, directory: "", log });
  }

  /** Index of the last entry. */
  get index(): number {
    return this.applier.lastApplied.index;
  }

  /** Proposes or asks as a node would: prepared, then applied or queried. Bare words are split at blanks. */
  run(words: string, ...more: unknown[]): Reply | DraftError {
    const command = this.applier.operations.prepare([...words.split(" "), ...more] as [string, ...unknown[]]);
    if (this.applier.operations.kindOf(command) === "read") return this.applier.query(command);
    return this.entry(EntryKind.command, encodeCommand(command));
  }

  /** Applies a command that no node prepared. */
  force(...command: [string, ...unknown[]]): Reply | DraftError {
    return this.entry(EntryKind.command, encodeCommand(command));
  }

  /** Lets log time pass, and with `wake` the time entry that the leader would append. */
  pass(ms: number, wake: boolean = false): void {
    this.timeMs += ms;
    this.entry(wake ? EntryKind.time : EntryKind.noop, new Uint8Array(0));
  }

  entry(kind: number, payload: Uint8Array): Reply | DraftError {
    const head = { kind, group: 1, index: this.index + 1, term: 1, timeMs: this.timeMs, chain: 0, payloadBytes: payload.length, payloadSum: 0 };
    return this.applier.apply(head, payload, 0, null);
  }

  /** What a snapshot file would hold. */
  save(): Uint8Array[] {
    return [...this.pieces()].map((piece) => encode(piece).slice());
  }

  /** A snapshot that is begun now. */
  pieces(): IterableIterator<TablesPiece> {
    return this.#machine.snapshot() as IterableIterator<TablesPiece>;
  }

  /** Goes on with a machine that was restored from a snapshot of this one. */
  async restart(): Promise<void> {
    const saved = this.save();
    await this.#machine.restore(streamed(new Rig().save()), 1);
    await this.#machine.restore(streamed(saved), 1);
    for (const piece of saved) piece.fill(0);
  }

  /** What was emitted since the last call. */
  taken(): [key: string, value: unknown][] {
    const changes = this.changes;
    this.changes = [];
    return changes;
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

/** Asserts that `answer` is this error. */
export function isError(answer: unknown, code: string, message: string): void {
  assert.instance(answer, DraftError);
  assert.equal([(answer as DraftError).code, (answer as DraftError).message], [code, message]);
}

/** Asserts that a command is refused before it is proposed. */
export function refuses(rig: Rig, words: string, message: string): void {
  const before = rig.index;
  assert.throws(() => rig.run(words), (error: DraftError) => error.code === "BAD_REQUEST" && error.message === message);
  assert.is(rig.index, before);
}
