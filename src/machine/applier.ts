/**
 * Applies committed entries, in order, to one machine. This is where the log becomes state: whatever happens here must
 * happen alike on every replica, so it depends on nothing but the entries. A machine that throws is answered with a
 * fixed text and goes on; an entry that this draft does not understand stops the replica, since to skip it would fork
 * the state.
 */
import { assert } from "../base/assert.ts";
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { GroupId, Index, Term } from "../raft/types.ts";
import { type CommandEnvelope, decodeEnvelope } from "./command.ts";
import { checkKind } from "./kinds.ts";
import { createMachine } from "./create_machine.ts";
import { foldBits, hashText } from "./digest.ts";
import { LiveEntry } from "./live_entry.ts";
import type { AnyPlugin, Base, Command, Reply, View } from "./machine.ts";
import { Operations } from "./operations.ts";
import { PieceSource } from "./piece_source.ts";
import { PieceTarget } from "./piece_target.ts";
import { raise } from "./raise.ts";
import { sendable } from "./sendable.ts";
import { decodeSessionChange } from "./session_entry.ts";
import type { Applied, BegunSnapshot, SavedState } from "./saved_state.ts";
import { Sessions } from "./sessions.ts";
import { SessionsSource } from "./sessions_saved.ts";

/** What a caller is told when `apply` broke: the stack, which differs between engines, goes to the log. */
export const FAULT_TEXT = "the machine failed on this command: its node's log says how";

/** What an applier is made of. */
export interface ApplierOptions {
  readonly plugin: AnyPlugin;
  readonly group: GroupId;
  /** The machine's own directory; see {@link CreateOptions}. */
  readonly directory: string;
  /** Hears of a machine that broke: where, and what it threw. */
  readonly log: (message: string, thrown: unknown) => void;
}

/** One machine and how far it has come. */
export class Applier {
  /** What the machine can be asked, by name. */
  readonly operations: Operations;
  readonly plugin: AnyPlugin;
  /** Which commands were run under which session, and what they answered. */
  sessions: Sessions = new Sessions();
  /** Index of the entry that ran the command of the last entry: an earlier one if that was sent again. */
  answeredIndex: Index = 0;
  readonly #group: GroupId;
  readonly #machine: Base;
  readonly #log: (message: string, thrown: unknown) => void;
  readonly #entry: LiveEntry = new LiveEntry();
  #index: Index = 0;
  #term: Term = 0;
  #chain = 0;
  #timeMs = 0;
  #restoring = false;

  /** @throws DraftError BAD_PLUGIN if the plugin's operations cannot be used, or it makes no machine */
  constructor(options: ApplierOptions) {
    this.operations = new Operations(options.plugin, () => this.#entry.version);
    this.plugin = options.plugin;
    this.#group = options.group;
    this.#log = options.log;
    this.#machine = createMachine(options.plugin, options.directory);
  }

  /**
   * Applies the entry behind the last one. An object that it returns may be the machine's live state: encode it before
   * the next call.
   *
   * @param head the entry's header; its index is one above the last
   * @param bytes its content, `payloadBytes` bytes from `from` on; not kept
   * @param decoded what `decodeEnvelope` made of this very payload, if the caller has it; null otherwise
   * @returns the answer, or the error to answer with; undefined for entries that nobody waits for
   * @throws DraftError the replica must stop: BAD_CONFIG if the entry is of a kind that this draft does not know; BAD_PLUGIN
   *   if it raises the version beyond the plugin's, or `upgrade` broke
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
    const performed = this.#perform(head, bytes, from, decoded);
    this.#entry.end();
    const answer = this.#foldAnswer(performed);
    if (this.sessions.isRunning) this.sessions.keep(head.index, answer);
    const changes = this.sessions.takeChanges();
    if (changes !== 0) this.#entry.digest = foldBits(this.#entry.digest, changes);
    return answer;
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
    const answer = this.#read(Operations.named(command, operation), this.view());
    return sendable(answer, (thrown) => this.#fault(`the answer of '${operation.name}'`, thrown));
  }

  /** The log time at which the machine has something to do next, or null. */
  wakeAt(): number | null {
    try {
      const atMs = this.#machine.wakeAt?.() ?? null;
      return Number.isFinite(atMs) ? atMs : null;
    } catch (thrown) {
      this.#log("wakeAt broke", thrown);
      return null;
    }
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

  /** The last entry whose state can be read; -1 while the machine is restored, when there is none. */
  get readableIndex(): Index {
    return this.#restoring ? -1 : this.#index;
  }

  /**
   * Begins a snapshot of the state as it is. Close its pieces and its sessions if they are not wanted to the last.
   *
   * @throws DraftError MACHINE_FAULT if the machine cannot say what it holds
   */
  snapshot(): BegunSnapshot {
    assert(!this.#restoring, "a machine that is restored has no state yet", this.#index);
    const pieces = new PieceSource(this.plugin, this.#machine);
    const { index, term, chain, timeMs } = this.lastApplied;
    const { version: machineVersion } = this.#entry;
    return { point: { index, term, chain }, timeMs, machineVersion, digest: this.digest, streamed: pieces.streamed, pieces, sessions: new SessionsSource(this.sessions) };
  }

  /**
   * Begins to replace the state by one that was saved. Until {@link restored} nothing is read or applied; a machine that
   * fails on the way holds nothing that may be used.
   *
   * @param promised see {@link RestoreOptions}
   */
  restore({ streamed, machineVersion: version }: SavedState, promised: () => void): PieceTarget {
    this.#restoring = true;
    return new PieceTarget({ plugin: this.plugin, machine: this.#machine, streamed, version, promised });
  }

  /**
   * The machine holds what `saved` says.
   *
   * @param sessions those that were saved with it
   */
  restored(saved: SavedState, sessions: Sessions): void {
    this.sessions = sessions;
    this.#restoring = false;
    ({ index: this.#index, term: this.#term, chain: this.#chain } = saved.point);
    this.#timeMs = saved.timeMs;
    this.#entry.restore(saved.digest, saved.machineVersion);
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
    let hash: ReturnType<NonNullable<Base["hash"]>> | undefined;
    try {
      hash = this.#machine.hash?.();
    } catch (thrown) {
      this.#log("hash broke", thrown);
    }
    return hash === undefined || hash === null ? this.digest.toString(16).padStart(8, "0") : hashText(hash);
  }

  /** Ends the machine. */
  close(): void | Promise<void> {
    return this.#machine.close?.();
  }

  #perform(head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): Reply | DraftError {
    if (head.kind === EntryKind.command) return this.#run(head, bytes, from, decoded);
    const payload = bytes.subarray(from, from + head.payloadBytes);
    if (head.kind === EntryKind.session) return this.#changeSession(payload);
    if (head.kind === EntryKind.version) return raise(this.plugin, this.#machine, this.#entry, payload);
    if (head.kind !== EntryKind.time) return undefined;
    const wakeAt = this.wakeAt();
    if (wakeAt === null || wakeAt > this.#timeMs || this.#machine.wake === undefined) return undefined;
    try {
      return this.#settle(this.#machine.wake(this.#entry) as Reply, "wake");
    } catch (thrown) {
      return this.#fault("wake", thrown);
    }
  }

  #changeSession(payload: Uint8Array): Reply | DraftError {
    try {
      return this.sessions.change(decodeSessionChange(payload), this.#index, this.#timeMs);
    } catch (error) {
      return refusalOf(error);
    }
  }

  #run(head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): Reply | DraftError {
    let envelope: CommandEnvelope;
    try {
      envelope = decoded ?? decodeEnvelope(bytes, from, from + head.payloadBytes);
    } catch (error) {
      return refusalOf(error);
    }
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
    if (operation.row.kind === "read") return this.#read(command, this.#entry);
    try {
      return this.#settle(this.#machine.apply(command, this.#entry), operation.name);
    } catch (thrown) {
      return this.#entry.refused(thrown) ? thrown : this.#fault(`apply of '${operation.name}' at index ${this.#index}`, thrown);
    }
  }

  #read(command: Command, view: View): Reply | DraftError {
    const machine = this.#machine;
    assert(machine.query !== undefined, "a machine whose plugin has reads has a query");
    try {
      return this.#settle(machine.query(command, view), command[0]);
    } catch (thrown) {
      // `new Error(text)` is written on purpose, for the caller; TypeError and its kin are the engine's.
      if (thrown instanceof Error && thrown.name === "Error") return new DraftError("BAD_REQUEST", thrown.message);
      this.#log(`query of '${command[0]}' broke`, thrown);
      return new DraftError("MACHINE_FAULT", FAULT_TEXT, { outcome: "not-done" });
    }
  }

  /** The answer, unless it is none: a promise would end at another moment on each replica. */
  #settle(answer: Reply, operation: string): Reply | DraftError {
    if (typeof answer !== "object" || answer === null) return answer;
    if (answer instanceof Error) return this.#entry.refused(answer) ? answer : this.#fault(`'${operation}' returned`, answer);
    if (typeof answer.then !== "function") return answer;
    const promise = answer as PromiseLike<unknown>;
    promise.then(undefined, (reason) => this.#log(`the promise of '${operation}' failed`, reason));
    const text = `'${operation}' of the machine '${this.plugin.name}' returned a promise: must return its answer`;
    this.#log(text, null);
    return new DraftError("MACHINE_FAULT", text);
  }

  #fault(where: string, thrown: unknown): DraftError {
    this.#log(`${where} broke`, thrown);
    return new DraftError("MACHINE_FAULT", FAULT_TEXT);
  }

  #foldAnswer(answer: Reply | DraftError): Reply | DraftError {
    try {
      this.#entry.foldAnswer(answer);
      return answer;
    } catch (thrown) {
      return this.#foldAnswer(this.#fault(`the answer at index ${this.#index}`, thrown));
    }
  }
}

/** What every replica answers to an entry that cannot be read. */
function refusalOf(error: unknown): DraftError {
  if (error instanceof DraftError) return error;
  throw error;
}
