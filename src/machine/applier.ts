/**
 * Applies committed entries, in order, to one machine. This is where the log becomes state: whatever happens here must
 * happen alike on every replica, so it depends on nothing but the entries. A machine that throws is answered with a
 * fixed text and goes on; an entry that this draft does not understand stops the replica, since to skip it would fork
 * the state.
 */
import { assert } from "../base/assert.ts";
import { type EntryHead, EntryKind } from "../base/entry.ts";
import type { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { Index } from "../raft/types.ts";
import type { ApplierOptions } from "./applier_options.ts";
import { Batch } from "./batch.ts";
import { ChangeHistory } from "./change_history.ts";
import { ChangesSource } from "./changes_saved.ts";
import { Checks } from "./checks.ts";
import type { CommandEnvelope } from "./command.ts";
import { Beginning } from "./beginning.ts";
import { checkKind } from "./kinds.ts";
import { createMachine, endMachine } from "./create_machine.ts";
import { foldBits } from "./digest.ts";
import { Engine, type EnginePosition } from "./engine.ts";
import { LiveEntry } from "./live_entry.ts";
import type { AnyPlugin, Command, Reply, View } from "./machine.ts";
import { MachineCalls } from "./machine_calls.ts";
import { Operations } from "./operations.ts";
import type { Origin } from "./origin.ts";
import { perform } from "./perform.ts";
import { PieceSource } from "./piece_source.ts";
import { PieceTarget } from "./piece_target.ts";
import { recallEntry } from "./recall.ts";
import type { Applied, BegunSnapshot, SavedBeside, SavedState } from "./saved_state.ts";
import { Sessions } from "./sessions.ts";
import { SessionsSource } from "./sessions_saved.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

/** One machine and how far it has come. */
export class Applier {
  /** What the machine can be asked, by name. */
  readonly operations: Operations;
  readonly plugin: AnyPlugin;
  /** Which commands were run under which session, and what they answered. */
  sessions: Sessions = new Sessions();
  /** What its state came to at each check point. */
  readonly checks: Checks;
  /** What the newest entries changed, for watchers. */
  history: ChangeHistory = new ChangeHistory();
  /** Index of the entry that ran the command of the last entry: an earlier one if that was sent again. */
  answeredIndex: Index = 0;
  /** Use: for who gathers entries; null if the machine runs one command after the other. */
  batch: Batch | null = null;
  /** How the state began, and what came of a backup that it is to be made from. */
  readonly beginning: Beginning = new Beginning();
  readonly #options: ApplierOptions;
  #calls!: MachineCalls;
  /** Of a machine that keeps its state on disk. */
  #engine: Engine | null = null;
  readonly #entry: LiveEntry = new LiveEntry();
  /** The last entry applied, and log time. */
  readonly #at: { -readonly [Field in keyof Applied]: number } = { index: 0, term: 0, chain: 0, timeMs: 0 };
  #restoring = false;

  /** @throws DraftError BAD_PLUGIN if the plugin's operations cannot be used, or it makes no machine */
  constructor(options: ApplierOptions) {
    this.operations = new Operations(options.plugin, () => this.#entry.version);
    ({ plugin: this.plugin } = this.#options = options);
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
    assert(head.index === this.#at.index + 1 && !this.#restoring, "entries are applied in order", head.index, this.#at.index);
    assert(head.group === this.#options.group, "the entry is of this group", head.group, this.#options.group);
    checkKind(head);
    this.#begin(head);
    if (this.#engine?.holds(head.index) === true) return this.#recall(this.#engine, head, bytes.subarray(from, from + head.payloadBytes));
    return this.#finish(head, perform(this, this.#calls, this.#entry, head, bytes, from, decoded), bytes, from);
  }

  /**
   * Whether the entry is gathered, to be run with those before it; if not, {@link applyGathered} comes first.
   *
   * @param head the first one's index is one above the last that was applied; for the rest as {@link apply}
   */
  gathers(head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): boolean {
    if (this.batch === null || this.#engine?.holds(head.index) === true) return false;
    assert(head.index === this.#at.index + this.batch.count + 1 && !this.#restoring, "entries are gathered in order", head.index, this.#at.index);
    const start = { sessions: this.sessions, version: this.#entry.version, shift: this.#entry.shift, timeMs: this.#at.timeMs };
    return this.batch.add(start, head, () => bytes.subarray(from, from + head.payloadBytes), decoded);
  }

  /**
   * Lets the machine run what was gathered.
   *
   * @param told hears of each entry and its answer, in order
   * @throws DraftError BAD_PLUGIN if the machine broke on all of it: the replica must stop
   */
  applyGathered(told: (head: EntryHead, answer: Reply | DraftError) => void): void {
    if (this.batch === null || this.batch.count === 0) return;
    const { gathered, replies } = this.batch.run(this.#calls.machine, this.plugin.name);
    for (const [at, { head, envelope, command, entry }] of gathered.entries()) {
      this.#begin(head);
      this.#entry.adopt(entry);
      const found = envelope.session === null ? null : this.sessions.admit(envelope, head.payloadSum, this.#at.timeMs);
      assert(found === null, "a command that was foreseen to run runs", head.index);
      told(head, this.#finish(head, this.#calls.settle(replies[at], command[0]), NOTHING, 0));
    }
  }

  #begin(head: EntryHead): void {
    const at = this.#at;
    at.timeMs = Math.max(at.timeMs, head.timeMs);
    ({ index: this.answeredIndex, index: at.index, term: at.term, chain: at.chain } = head);
    this.#entry.begin(head, at.timeMs);
    this.sessions.expire(at.timeMs);
    this.beginning.applies(head.kind, at.timeMs);
  }

  /** What was made of the entry becomes a part of digest, sessions and memos. */
  #finish(head: EntryHead, performed: Reply | DraftError, bytes: Uint8Array, from: number): Reply | DraftError {
    this.#entry.end();
    const answer = this.#calls.foldAnswer(performed);
    const kept = this.sessions.isRunning ? this.sessions.keep(head.index, answer) : undefined;
    const changes = this.sessions.takeChanges();
    if (changes !== 0) this.#entry.digest = foldBits(this.#entry.digest, changes);
    this.#engine?.note(head.index, this.#entry.digest, kept);
    this.history.append(this.beginning.shown(head.index), this.#entry.told);
    this.#check(head, bytes, from);
    return answer;
  }

  /** The machine on disk has this entry: an earlier process was told its answer. */
  #recall(engine: Engine, head: EntryHead, payload: Uint8Array): undefined {
    if (head.kind === EntryKind.restore) this.beginning.add(payload, head.index);
    recallEntry({ plugin: this.plugin, sessions: this.sessions, entry: this.#entry }, head, payload, engine.recall(head));
    this.history.lose(this.beginning.shown(head.index));
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
    return this.#calls.query(command, this.view());
  }

  /**
   * The log time at which there is something to do next, or null: the machine has, the table of keys is full, or a backup
   * is given up. Nothing but an entry lets time pass, and a full table lets in no writes that bear a key.
   */
  wakeAt(): number | null {
    if (this.readableIndex < 0) return null;
    const next = Math.min(...[this.#calls.wakeAt(), this.sessions.keys.fullUntilMs, this.beginning.givenUpAtMs].map((ms) => ms ?? Number.POSITIVE_INFINITY));
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** The version that the group begins with, as its genesis says. */
  begin(version: number): void {
    assert(this.#at.index === 0, "a machine begins before its first entry", this.#at.index);
    this.#entry.version = version;
  }

  /** The last entry applied; zeros before the first. */
  get lastApplied(): Applied {
    return { ...this.#at };
  }

  /** The last entry whose state can be read; -1 while the machine is restored, or holds entries that are yet to be gone through. */
  get readableIndex(): Index {
    return this.#restoring || this.#engine?.holds(this.#at.index + 1) === true ? -1 : this.#at.index;
  }

  /**
   * Begins a snapshot of the state as it is. Close its parts if they are not wanted to the last.
   *
   * @throws DraftError MACHINE_FAULT if the machine cannot say what it holds
   */
  snapshot(): BegunSnapshot {
    assert(this.readableIndex >= 0, "a machine that is restored has no state yet", this.#at.index);
    const pieces = new PieceSource(this.plugin, this.#calls.machine);
    const { timeMs, ...point } = this.lastApplied;
    return {
      point, timeMs, origin: this.beginning.origin, machineVersion: this.#entry.version, digest: this.digest, checks: this.checks.saved(), streamed: pieces.streamed, pieces,
      sessions: new SessionsSource(this.sessions), changes: new ChangesSource(this.history),
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

  /** The machine holds what `saved` says. @param beside what was saved with it */
  restored(saved: SavedState, beside: SavedBeside): void {
    this.#engine?.restored(saved);
    this.#restoring = false;
    this.resume(saved, beside);
  }

  /** All but the machine is what `saved` says; the machine holds that on disk, or more. */
  resume(saved: SavedState, { sessions, history }: SavedBeside): void {
    Object.assign(this, { sessions, history });
    this.beganAs(saved.origin);
    Object.assign(this.#at, saved.point, { timeMs: saved.timeMs });
    this.#entry.restore(saved.digest, saved.machineVersion);
    this.checks.restore(saved.checks, this.lastApplied);
  }

  /** The moment that a read sees. */
  view(): View {
    return { index: this.#at.index + this.#entry.shift, timeMs: this.#at.timeMs, version: this.#entry.version };
  }

  /** Running digest over (index, payload, emitted changes, answer), an unsigned 32-bit number. */
  get digest(): number {
    return this.#entry.digest >>> 0;
  }

  /** What replicas compare: the machine's own hash if it has one, else the running digest. */
  stateHash(): string {
    return this.#calls.stateHash();
  }

  /** Notes what the state comes to where the entry is a check point, and compares it where it is a verdict. */
  #check(head: EntryHead, bytes: Uint8Array, from: number): void {
    // The hash of a machine on disk that is ahead is that of a later state; the digest was noted at the entry.
    const digest = (): number | null => this.readableIndex === head.index || !this.#calls.hasHash ? this.#calls.checkDigest() : null;
    this.checks.applied(head, this.#at.timeMs, () => bytes.subarray(from, from + head.payloadBytes), digest);
  }

  /** The state began as `origin` says: the machine counts as follows from that. */
  beganAs(origin: Origin): void {
    this.beginning.is(origin);
    this.#entry.shift = this.beginning.shift;
    this.#engine?.began(origin);
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
    const { directory, log } = this.#options;
    const machine = createMachine(this.plugin, directory);
    this.#calls = new MachineCalls({ machine, name: this.plugin.name, operations: this.operations, entry: this.#entry, log });
    this.batch = machine.applyBatch === undefined ? null : new Batch(this.operations);
    this.#engine = machine.lastApplied === undefined ? null : new Engine(machine, this.plugin.name, directory);
  }

  /** Ends the machine; `done` is told how, once it has given back what it took. */
  close(done: Done<void>): void {
    endMachine(this.#calls.machine, done);
  }
}
