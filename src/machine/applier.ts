/**
 * Applies committed entries, in order, to one machine. This is where the log becomes state: whatever happens here must
 * happen alike on every replica, so it depends on nothing but the entries. A machine that throws is answered with a
 * fixed text and goes on; an entry that this draft does not understand stops the replica, since to skip it would fork
 * the state.
 */
import { assert } from "../base/assert.ts";
import { hexOf } from "../base/bytes.ts";
import { EntryKind } from "../base/entry.ts";
import type { EntryHead } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { GroupId, Index, Term } from "../raft/types.ts";
import { checkCommand, decodeEnvelope } from "./command.ts";
import type { CommandEnvelope } from "./command.ts";
import { createMachine } from "./create_machine.ts";
import { foldBits, foldText, foldValue } from "./digest.ts";
import { LiveEntry } from "./live_entry.ts";
import type { AnyPlugin, Base, Command, Reply, View } from "./machine.ts";
import { Operations } from "./operations.ts";
import { sendable } from "./sendable.ts";
import { decodeSessionChange } from "./session_entry.ts";
import { Sessions } from "./sessions.ts";

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

/** The last entry that was applied, and log time there. */
export interface Applied {
  readonly index: Index;
  readonly term: Term;
  readonly timeMs: number;
}

/** One machine and how far it has come. */
export class Applier {
  /** What the machine can be asked, by name. */
  readonly operations: Operations;
  readonly plugin: AnyPlugin;
  /** Which commands were run under which session, and what they answered. */
  readonly sessions: Sessions = new Sessions();
  /** Index of the entry that ran the command of the last entry: an earlier one if that was sent again. */
  answeredIndex: Index = 0;
  readonly #group: GroupId;
  readonly #machine: Base;
  readonly #log: (message: string, thrown: unknown) => void;
  readonly #entry: LiveEntry = new LiveEntry();
  #index: Index = 0;
  #term: Term = 0;
  #timeMs = 0;

  /** @throws DraftError BAD_PLUGIN if the plugin's operations cannot be used, or it makes no machine */
  constructor(options: ApplierOptions) {
    this.operations = new Operations(options.plugin);
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
   * @throws DraftError DAMAGED if the entry is of a kind that this draft does not know: the replica must stop
   */
  apply(head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): Reply | DraftError {
    assert(head.index === this.#index + 1, "entries are applied in order", head.index, this.#index);
    assert(head.group === this.#group, "the entry is of this group", head.group, this.#group);
    if (!isKnown(head.kind)) throw unknownKind(head);
    this.#timeMs = Math.max(this.#timeMs, head.timeMs);
    this.#index = head.index;
    this.#term = head.term;
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

  /**
   * How a command must be run. Ask before it is proposed: an unknown operation never enters the log.
   *
   * @throws DraftError UNKNOWN_OPERATION
   */
  checkOperation(command: Command): "read" | "write" {
    const operation = this.operations.find(command);
    if (operation === null) throw this.operations.unknown(command);
    return operation.row.kind;
  }

  /**
   * The command as it is to be proposed or queried: its operation's name as the plugin writes it, its arguments
   * checked and typed by the plugin. Runs on the node that received it, once; `checkOperation` of the result says how
   * to run it.
   *
   * @throws DraftError UNKNOWN_OPERATION; BAD_REQUEST with what the plugin's `prepare` said
   */
  prepare(command: Command): Command {
    const operation = this.operations.find(command);
    if (operation === null) throw this.operations.unknown(command);
    const named = Operations.named(command, operation);
    if (this.plugin.prepare === undefined) return named;
    try {
      return checkCommand(this.plugin.prepare(named));
    } catch (thrown) {
      throw new DraftError("BAD_REQUEST", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
    }
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

  /** The last entry applied; zeros before the first. */
  get lastApplied(): Applied {
    return { index: this.#index, term: this.#term, timeMs: this.#timeMs };
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
    if (hash === undefined || hash === null) return this.digest.toString(16).padStart(8, "0");
    if (typeof hash === "string") return hash;
    if (typeof hash !== "object") return hash.toString(16);
    return hexOf(hash);
  }

  /** Ends the machine. */
  close(): void | Promise<void> {
    return this.#machine.close?.();
  }

  #perform(head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): Reply | DraftError {
    if (head.kind === EntryKind.command) return this.#run(head, bytes, from, decoded);
    if (head.kind === EntryKind.session) return this.#changeSession(bytes.subarray(from, from + head.payloadBytes));
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
    if (machine.query === undefined) return new DraftError("BAD_REQUEST", `the machine '${this.plugin.name}' answers no reads`);
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

  /** Folds the answer; of our own errors only the code, since another release may word them otherwise. */
  #foldAnswer(answer: Reply | DraftError): Reply | DraftError {
    const entry = this.#entry;
    if (answer instanceof DraftError) {
      entry.digest = foldText(entry.digest, answer.code);
      if (entry.refused(answer)) entry.digest = foldText(entry.digest, answer.message);
      return answer;
    }
    try {
      entry.digest = foldValue(entry.digest, answer);
      return answer;
    } catch (thrown) {
      return this.#foldAnswer(this.#fault(`the answer at index ${entry.index}`, thrown));
    }
  }
}

/** What every replica answers to an entry that cannot be read. */
function refusalOf(error: unknown): DraftError {
  if (error instanceof DraftError) return error;
  throw error;
}

/** Versions, verdicts and groups are not known yet: their entries come with the features that write them. */
function isKnown(kind: number): boolean {
  return kind >= EntryKind.command && kind <= EntryKind.session;
}

function unknownKind(head: EntryHead): DraftError {
  const text = `entry ${head.index} of group ${head.group} is of kind ${head.kind}, which this draft does not know`;
  return new DraftError("DAMAGED", `${text}: run the release that wrote it`);
}
