/**
 * Applies committed entries, in order, to one machine. This is where the log becomes state: whatever happens here must
 * happen alike on every replica, so it depends on nothing but the entries. A machine that throws is answered with a
 * fixed text and goes on; an entry that this draft does not understand stops the replica, since to skip it would fork
 * the state.
 */
import { assert } from "../base/assert.ts";
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { GroupId, Index, Term } from "../raft/types.ts";
import { Checks } from "./checks.ts";
import { type CommandEnvelope, decodeEnvelope } from "./command.ts";
import { checkKind } from "./kinds.ts";
import { createMachine, endMachine } from "./create_machine.ts";
import { foldBits } from "./digest.ts";
import { Engine, type EnginePosition } from "./engine.ts";
import { LiveEntry } from "./live_entry.ts";
import type { AnyPlugin, Command, Reply, View } from "./machine.ts";
import { type FaultLog, MachineCalls, refusalOf } from "./machine_calls.ts";
import { Operations } from "./operations.ts";
import { PieceSource } from "./piece_source.ts";
import { PieceTarget } from "./piece_target.ts";
import { raise } from "./raise.ts";
import { recallEntry } from "./recall.ts";
import { sendable } from "./sendable.ts";
import { decodeSessionChange } from "./session_entry.ts";
import type { Applied, BegunSnapshot, SavedState } from "./saved_state.ts";
import { Sessions } from "./sessions.ts";
import { SessionsSource } from "./sessions_saved.ts";

/** A machine that has done its upgrade already. */
const UPGRADED = {};

/** What an applier is made of. */
export interface ApplierOptions {
  readonly plugin: AnyPlugin;
  readonly group: GroupId;
  /** The machine's own directory; see {@link CreateOptions}. */
  readonly directory: string;
  /** Hears of a machine that broke: where, and what it threw. */
  readonly log: FaultLog;
}

/** One machine and how far it has come. */
export class Applier {
  /** What the machine can be asked, by name. */
  readonly operations: Operations;
  readonly plugin: AnyPlugin;
  /** Which commands were run under which session, and what they answered. */
  sessions: Sessions = new Sessions();
  /** What its state came to at each check point. */
  readonly checks: Checks;
  /** Index of the entry that ran the command of the last entry: an earlier one if that was sent again. */
  answeredIndex: Index = 0;
  readonly #group: GroupId;
  readonly #directory: string;
  #calls!: MachineCalls;
  /** Of a machine that keeps its state on disk. */
  #engine: Engine | null = null;
  readonly #log: FaultLog;
  readonly #entry: LiveEntry = new LiveEntry();
  #index: Index = 0;
  #term: Term = 0;
  #chain = 0;
  #timeMs = 0;
  #restoring = false;

  /** @throws DraftError BAD_PLUGIN if the plugin's operations cannot be used, or it makes no machine */
  constructor(options: ApplierOptions) {
    this.operations = new Operations(options.plugin, () => this.#entry.version);
    ({ plugin: this.plugin, group: this.#group, log: this.#log, directory: this.#directory } = options);
    this.checks = new Checks(options.group);
    this.renew();
  }

  /**
   * Applies the entry behind the last one. An object that it returns may be the machine's live state: encode it before
   * the next call.
   *
   * @param head the entry's header; its index is one above the last
   * @param bytes its content, `payloadBytes` bytes from `from` on; not kept
   * @param decoded what `decodeEnvelope` made of this very payload, if the caller has it; null otherwise
   * @returns the answer, or the error to answer with; undefined for entries that nobody waits for
   * @throws DraftError the replica must stop: BAD_CONFIG if the entry is of a kind that this draft does not know; DAMAGED
   *   if a majority's state is another; BAD_PLUGIN if it raises the version beyond the plugin's, or `upgrade` broke
   */
  apply(head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): Reply | DraftError {
    assert(head.index === this.#index + 1 && !this.#restoring, "entries are applied in order", head.index, this.#index);
    assert(head.group === this.#group, "the entry is of this group", head.group, this.#group);
    checkKind(head);
    this.#timeMs = Math.max(this.#timeMs, head.timeMs);
    this.#index = head.index;
    this.#term = head.term;
    this.#chain = head.chain;
    this.answeredIndex = head.index;
    this.#entry.begin(head, this.#timeMs);
    this.sessions.expire(this.#timeMs);
    if (this.#engine?.holds(head.index) === true) return this.#recall(this.#engine, head, bytes.subarray(from, from + head.payloadBytes));
    const performed = this.#perform(head, bytes, from, decoded);
    this.#entry.end();
    const answer = this.#calls.foldAnswer(performed);
    const kept = this.sessions.isRunning ? this.sessions.keep(head.index, answer) : undefined;
    const changes = this.sessions.takeChanges();
    if (changes !== 0) this.#entry.digest = foldBits(this.#entry.digest, changes);
    this.#engine?.note(head.index, this.#entry.digest, kept);
    this.#check(head, bytes, from);
    return answer;
  }

  /** The machine on disk has this entry: an earlier process was told its answer. */
  #recall(engine: Engine, head: EntryHead, payload: Uint8Array): undefined {
    const recalled = engine.recall(head);
    if (head.kind === EntryKind.version) raise(this.plugin, UPGRADED, this.#entry, payload);
    recallEntry(this.sessions, head, payload, recalled, this.#timeMs);
    this.sessions.takeChanges();
    this.#entry.recalled(recalled.digest);
    this.#check(head, payload, 0);
  }

  /**
   * Makes what was applied part of the state on disk, where the machine has one.
   *
   * @param memosFrom snapshots hold what is known of entries below
   * @throws DraftError STORAGE_FAILED if the machine could not
   */
  commit(memosFrom: Index): void {
    this.#engine?.commit(this.lastApplied, memosFrom);
  }

  /** Whether the machine keeps its state on disk: then it is given only what this node's own log holds durably. */
  get isOnDisk(): boolean {
    return this.#engine !== null;
  }

  /**
   * Runs a read on the state as it is. As with {@link apply}, encode an object before the next apply.
   *
   * @returns the answer, or UNKNOWN_OPERATION, BAD_REQUEST (also for a write), MACHINE_FAULT
   */
  query(command: Command): Reply | DraftError {
    const operation = this.operations.find(command);
    if (operation === null) return this.operations.unknown(command);
    if (operation.row.kind !== "read") {
      return new DraftError("BAD_REQUEST", `operation '${operation.name}' is a write: must go through the log`);
    }
    const answer = this.#calls.read(Operations.named(command, operation), this.view());
    return sendable(answer, (thrown) => this.#calls.fault(`the answer of '${operation.name}'`, thrown));
  }

  /** The log time at which the machine has something to do next, or null. */
  wakeAt(): number | null {
    return this.readableIndex < 0 ? null : this.#calls.wakeAt();
  }

  /** The version that the group begins with, as its genesis says. */
  begin(version: number): void {
    assert(this.#index === 0, "a machine begins before its first entry", this.#index);
    this.#entry.version = version;
  }

  /** The last entry applied; zeros before the first. */
  get lastApplied(): Applied {
    return { index: this.#index, term: this.#term, chain: this.#chain, timeMs: this.#timeMs };
  }

  /**
   * The last entry whose state can be read; -1 while there is none: the machine is restored, or holds entries on disk
   * that are yet to be gone through.
   */
  get readableIndex(): Index {
    return this.#restoring || this.#engine?.holds(this.#index + 1) === true ? -1 : this.#index;
  }

  /**
   * Begins a snapshot of the state as it is. Close its pieces and its sessions if they are not wanted to the last.
   *
   * @throws DraftError MACHINE_FAULT if the machine cannot say what it holds
   */
  snapshot(): BegunSnapshot {
    assert(this.readableIndex >= 0, "a machine that is restored has no state yet", this.#index);
    const pieces = new PieceSource(this.plugin, this.#calls.machine);
    const { index, term, chain, timeMs } = this.lastApplied;
    return {
      point: { index, term, chain }, timeMs, machineVersion: this.#entry.version, digest: this.digest, checks: this.checks.saved(), streamed: pieces.streamed, pieces,
      sessions: new SessionsSource(this.sessions),
    };
  }

  /**
   * Begins to replace the state by one that was saved. Until {@link restored} nothing is read or applied; a machine that
   * fails on the way holds nothing that may be used.
   *
   * @param promised see {@link RestoreOptions}
   */
  restore({ streamed, machineVersion: version }: SavedState, promised: () => void): PieceTarget {
    this.#restoring = true;
    return new PieceTarget({ plugin: this.plugin, machine: this.#calls.machine, streamed, version, promised });
  }

  /**
   * The machine holds what `saved` says.
   *
   * @param sessions those that were saved with it
   */
  restored(saved: SavedState, sessions: Sessions): void {
    this.#engine?.restored(saved.point);
    this.#restoring = false;
    this.resume(saved, sessions);
  }

  /** All but the machine is what `saved` says; the machine holds that on disk, or more. */
  resume(saved: SavedState, sessions: Sessions): void {
    this.sessions = sessions;
    ({ index: this.#index, term: this.#term, chain: this.#chain } = saved.point);
    this.#timeMs = saved.timeMs;
    this.#entry.restore(saved.digest, saved.machineVersion);
    this.checks.restore(saved.checks, this.lastApplied);
  }

  /** The moment that a read sees. */
  view(): View {
    return { index: this.#index, timeMs: this.#timeMs, version: this.#entry.version };
  }

  /** Running digest over (index, payload, emitted changes, answer), an unsigned 32-bit number. */
  get digest(): number {
    return this.#entry.digest >>> 0;
  }

  /** What replicas compare: the machine's own hash if it has one, else the running digest. */
  stateHash(): string {
    return this.#calls.hash() ?? this.digest.toString(16).padStart(8, "0");
  }

  /** Notes what the state comes to where the entry is a check point, and compares it where it is a verdict. */
  #check({ kind, index, payloadBytes }: EntryHead, bytes: Uint8Array, from: number): void {
    if (!Checks.isPoint(kind)) return kind === EntryKind.time ? undefined : this.checks.used(index, this.#timeMs);
    // The hash of a machine on disk that is ahead is that of a later state; the digest was noted at the entry.
    if (this.readableIndex === index || !this.#calls.hasHash) this.checks.passed({ index, digest: this.#calls.checkDigest() });
    if (kind === EntryKind.verdict) this.checks.judge(bytes.subarray(from, from + payloadBytes), this.#timeMs);
  }

  /** The machine's state on disk as this process found it; null if it keeps none. */
  open(): EnginePosition | null {
    return this.#engine?.open() ?? null;
  }

  /** Begins to go through the entries that the machine holds on disk; false if it cannot be gone on from. */
  recall(from: Index): boolean {
    return this.#engine?.recallFrom(from) ?? true;
  }

  /** Makes the machine; another one without entries, if the directory was emptied. */
  renew(): void {
    const machine = createMachine(this.plugin, this.#directory);
    this.#calls = new MachineCalls(machine, this.plugin.name, this.#entry, this.#log);
    this.#engine = machine.lastApplied === undefined ? null : new Engine(machine, this.plugin.name, this.#directory);
  }

  /** Ends the machine; `done` is told how, once it has given back what it took. */
  close(done: Done<void>): void {
    endMachine(this.#calls.machine, done);
  }

  #perform(head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): Reply | DraftError {
    const { kind, payloadBytes } = head;
    if (kind === EntryKind.time) return this.#calls.wake(this.#timeMs);
    if (kind === EntryKind.version) return raise(this.plugin, this.#calls.machine, this.#entry, bytes.subarray(from, from + payloadBytes));
    try {
      if (kind === EntryKind.command) return this.#run(head, decoded ?? decodeEnvelope(bytes, from, from + payloadBytes));
      if (kind !== EntryKind.session) return undefined;
      return this.sessions.change(decodeSessionChange(bytes.subarray(from, from + payloadBytes)), this.#index, this.#timeMs);
    } catch (error) {
      return refusalOf(error);
    }
  }

  #run(head: EntryHead, envelope: CommandEnvelope): Reply | DraftError {
    if (envelope.session === null) return this.#runCommand(envelope);
    const found = this.sessions.admit(envelope, head.payloadSum, this.#timeMs);
    if (found === null) return this.#runCommand(envelope);
    if (found.index > 0) this.answeredIndex = found.index;
    return found.answer;
  }

  #runCommand(envelope: CommandEnvelope): Reply | DraftError {
    const operation = this.operations.find(envelope.command);
    if (operation === null) return this.operations.unknown(envelope.command);
    const command = Operations.named(envelope.command, operation);
    this.#entry.session = envelope.session;
    this.#entry.holds(command);
    // A read that somebody put into the log is a read of the state at its place there.
    return operation.row.kind === "read" ? this.#calls.read(command, this.#entry) : this.#calls.apply(command);
  }
}
