/**
 * The calls into a machine. Whatever it throws or returns becomes an answer: a refusal as it is, all else one fixed text,
 * with the stack in the log.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { foldBits, foldText, hashText } from "./digest.ts";
import type { CommandEnvelope } from "./command.ts";
import type { LiveEntry } from "./live_entry.ts";
import type { Base, Command, Reply, View } from "./machine.ts";
import { Operations } from "./operations.ts";
import { sendable } from "./sendable.ts";

/** What a caller is told when `apply` broke: the stack, which differs between engines, goes to the log. */
export const FAULT_TEXT = "the machine failed on this command: its node's log says how";

/** Folded where time entries woke the machine: a replica whose `wakeAt` alone broke did not wake. */
const WOKE = 1;

/** Hears of a machine that broke: where, and what it threw. */
export type FaultLog = (message: string, thrown: unknown) => void;

/** What every replica answers to an entry that cannot be read. A disk that failed is this node's alone, and no answer. */
export function refusalOf(error: unknown): DraftError {
  if (error instanceof DraftError && error.code !== "STORAGE_FAILED") return error;
  throw error;
}

export interface MachineCallsOptions {
  readonly machine: Base;
  /** Of the plugin. */
  readonly name: string;
  readonly operations: Operations;
  /** What `apply` and `wake` are given. */
  readonly entry: LiveEntry;
  readonly log: FaultLog;
}

/** One machine, behind calls that do not throw. */
export class MachineCalls {
  readonly machine: Base;
  readonly #name: string;
  readonly #operations: Operations;
  readonly #entry: LiveEntry;
  readonly #log: FaultLog;

  constructor(options: MachineCallsOptions) {
    ({ machine: this.machine, name: this.#name, operations: this.#operations, entry: this.#entry, log: this.#log } = options);
  }

  /** Runs what an entry of the log holds. */
  run(envelope: CommandEnvelope): Reply | DraftError {
    const operation = this.#operations.find(envelope.command);
    if (operation === null) return this.#operations.unknown(envelope.command);
    const command = Operations.named(envelope.command, operation);
    this.#entry.session = envelope.sequence === 0 ? null : envelope.session;
    this.#entry.holds(command);
    // A read that somebody put into the log is a read of the state at its place there.
    return operation.row.kind === "read" ? this.read(command, this.#entry) : this.apply(command);
  }

  /** Runs a read outside of the log. */
  query(command: Command, view: View): Reply | DraftError {
    const operation = this.#operations.find(command);
    if (operation === null) return this.#operations.unknown(command);
    if (operation.row.kind !== "read") {
      return new DraftError("BAD_REQUEST", `operation '${operation.name}' is a write: must go through the log`);
    }
    const answer = this.read(Operations.named(command, operation), view);
    return sendable(answer, (thrown) => this.fault(`the answer of '${operation.name}'`, thrown));
  }

  /** @throws DraftError STORAGE_FAILED if the machine keeps its state on disk and says that it could not */
  apply(command: Command): Reply | DraftError {
    const entry = this.#entry;
    try {
      return this.settle(this.machine.apply(command, entry), command[0]);
    } catch (thrown) {
      if (entry.refused(thrown)) return thrown;
      this.#checkStorage(thrown);
      return this.fault(`apply of '${command[0]}' at index ${entry.index}`, thrown);
    }
  }

  /** Does what is due at the entry's log time, if anything is. */
  wake(): Reply | DraftError {
    const wakeAt = this.wakeAt();
    if (wakeAt === null || wakeAt > this.#entry.timeMs || this.machine.wake === undefined) return undefined;
    this.#entry.digest = foldBits(this.#entry.digest, WOKE);
    try {
      return this.settle(this.machine.wake(this.#entry) as Reply, "wake");
    } catch (thrown) {
      this.#checkStorage(thrown);
      return this.fault("wake", thrown);
    }
  }

  read(command: Command, view: View): Reply | DraftError {
    const { machine } = this;
    assert(machine.query !== undefined, "a machine whose plugin has reads has a query");
    try {
      return this.settle(machine.query(command, view), command[0]);
    } catch (thrown) {
      // `new Error(text)` is written on purpose, for the caller; TypeError and its kin are the engine's.
      if (thrown instanceof Error && thrown.name === "Error") return new DraftError("BAD_REQUEST", thrown.message);
      this.#log(`query of '${command[0]}' broke`, thrown);
      return new DraftError("MACHINE_FAULT", FAULT_TEXT, { outcome: "not-done" });
    }
  }

  wakeAt(): number | null {
    try {
      const atMs = this.machine.wakeAt?.() ?? null;
      return Number.isFinite(atMs) ? atMs : null;
    } catch (thrown) {
      this.#log("wakeAt broke", thrown);
      return null;
    }
  }

  get hasHash(): boolean {
    return this.machine.hash !== undefined;
  }

  /** The machine's own digest of its state; null if it has none. */
  hash(broken: string | null = null): string | null {
    try {
      const hash = this.machine.hash?.();
      return hash === undefined || hash === null ? null : hashText(hash);
    } catch (thrown) {
      this.#log("hash broke", thrown);
      return broken;
    }
  }

  /** The state in short, for people to compare: the machine's own hash if it has one, else the running digest. */
  stateHash(): string {
    return this.hash() ?? (this.#entry.digest >>> 0).toString(16).padStart(8, "0");
  }

  /** What replicas compare: the running digest and, if the machine has one, its hash; an unsigned 32-bit number. */
  checkDigest(): number {
    const { digest } = this.#entry;
    // One that breaks here alone must differ from all that do not.
    const hash = this.hash("broken");
    return (hash === null ? digest : foldText(digest, hash)) >>> 0;
  }

  /** As a fault it would count as applied, and a verdict would then find a replica that differs in place of a disk that failed. */
  #checkStorage(thrown: unknown): void {
    if (this.machine.lastApplied === undefined || !(thrown instanceof Error) || !("code" in thrown) || thrown.code !== "STORAGE_FAILED") return;
    throw new DraftError("STORAGE_FAILED", `the machine '${this.#name}' could not apply index ${this.#entry.index}: ${thrown.message}: ` +
      "check the disk, then start the node again: what was not committed is applied again", { cause: thrown });
  }

  fault(where: string, thrown: unknown): DraftError {
    this.#log(`${where} broke`, thrown);
    return new DraftError("MACHINE_FAULT", FAULT_TEXT);
  }

  /** Folds the answer of the entry; one that cannot be sent is none. */
  foldAnswer(answer: Reply | DraftError): Reply | DraftError {
    try {
      this.#entry.foldAnswer(answer);
      return answer;
    } catch (thrown) {
      return this.foldAnswer(this.fault(`the answer at index ${this.#entry.index}`, thrown));
    }
  }

  /** What was answered, unless that is none: a promise would end at another moment on each replica. */
  settle(answer: Reply, operation: string): Reply | DraftError {
    if (typeof answer !== "object" || answer === null) return answer;
    if (answer instanceof Error) return this.#entry.refused(answer) ? answer : this.fault(`'${operation}' returned`, answer);
    if (typeof answer.then !== "function") return answer;
    const promise = answer as PromiseLike<unknown>;
    promise.then(undefined, (reason) => this.#log(`the promise of '${operation}' failed`, reason));
    const text = `'${operation}' of the machine '${this.#name}' returned a promise: must return its answer`;
    this.#log(text, null);
    return new DraftError("MACHINE_FAULT", text);
  }
}
