/**
 * The contract between draft and the machines that people write. A machine is a plain object with plain methods: it
 * holds the state, `apply` changes it, `query` reads it. draft sees to it that every replica's machine is given the
 * same commands in the same order, so all that a machine must be is deterministic. The contract is structural: `import
 * type` is enough, and nothing of draft need be loaded to test a machine.
 */

/** An operation and its arguments: values of CBOR. Bytes in it are the machine's own, to keep or to change. */
export type Command = readonly [operation: string, ...args: unknown[]];

/** What an operation answers: any value of CBOR. A promise is none: it would end after the entry did. */
export type Reply = void | undefined | null | boolean | number | bigint | string | (object & { readonly then?: never });

/** The moment in the log at which a state is looked at. */
export interface View {
  /** Index of the last entry that the state holds. */
  readonly index: number;
  /** Log time in Unix milliseconds; never falls. Whatever is due at or before it counts as gone, swept or not. */
  readonly timeMs: number;
  /** The machine version in force. While it is 1, do what version 1 did. */
  readonly version: number;
}

/**
 * The entry that is being applied. It is valid until `apply`, `wake` or `upgrade` returns: the same object serves the
 * next entry, so copy the fields that you want to keep.
 */
export interface Entry extends View {
  /** The leadership under which the entry was made. */
  readonly term: number;
  /** The session that sent the command, 32 hexadecimal digits, or null. */
  readonly session: string | null;
  /** A number in [0, 1), the same on every replica. The only randomness that `apply` may use. */
  random(): number;
  /** Tells watchers that `key` has a new value; without a value, that it was deleted. */
  emit(key: string, value?: unknown): void;
  /**
   * The error to throw when the machine refuses a command: `throw entry.reject("…")`, before anything was changed.
   *
   * @param message what was wrong, for the caller; the same text on every replica
   * @param code CONFLICT if the caller's idea of the state was out of date, else REJECTED
   */
  reject(message: string, code?: "REJECTED" | "CONFLICT"): Error;
}

/** The end of some entries, for a machine that keeps its state on disk. */
export interface Commit {
  /** Index of the last entry that the state holds now. */
  readonly index: number;
  /** What draft has to know of these entries when they are not applied again: to be kept as it is. */
  readonly memo: Uint8Array;
  /** Memos of commits of a lower index may be forgotten. */
  readonly memosFrom: number;
}

/** What machines of both kinds have. */
export interface Base {
  /**
   * Runs one write: synchronous and deterministic. It may use its arguments and the state, no clock, no `Math.random`,
   * no I/O. What it throws, `entry.reject` apart, is a MACHINE_FAULT, and the entry counts as applied. A machine that
   * keeps its state on disk throws an error with the `code` STORAGE_FAILED if it could not: the node ends, and the entry
   * is applied again.
   */
  apply(command: Command, entry: Entry): Reply;
  /** Runs one read; changes nothing. An `Error` that it throws is BAD_REQUEST with its message. */
  query?(command: Command, view: View): Reply;
  /** The log time in Unix milliseconds at which something falls due next, or null. */
  wakeAt?(): number | null;
  /** Does what is due at `entry.timeMs`. Called once log time has reached `wakeAt()`. */
  wake?(entry: Entry): void;
  /**
   * The version in force has risen to `entry.version`: brings the state of version `from` up to it. Called once, at the
   * same entry on every replica. If it throws, the replica stops before anything else is applied.
   */
  upgrade?(from: number, entry: Entry): void;
  /**
   * Runs several writes at once, for machines to which each call is dear: state, answers and what is emitted must be
   * those of `apply`, one command after the other, for how many come together differs between replicas. The answers are
   * in the order of the commands, none of them live state; one that is refused or breaks is answered with the error that
   * `apply` would throw. What it throws itself stops the node.
   */
  applyBatch?(commands: readonly Command[], entries: readonly Entry[]): readonly Reply[];
  /**
   * For machines that keep their state on disk: the index of the last {@link commit}, as the engine has it now; 0 in a
   * new directory. Asked before anything else, so here is where an engine may be opened. Entries up to it are not
   * applied again. A machine that has no `commit` is made anew at each start instead, from snapshot and log.
   */
  lastApplied?(): number;
  /**
   * Makes all that was applied since the last commit, index and memo part of the state on disk, all of it or nothing,
   * whenever the process or the machine dies. It need not wait for the disk: what is lost is applied again. What it
   * throws stops the node.
   */
  commit?(commit: Commit): void;
  /** The memos of all commits of index `from` and higher that the state on disk holds, in their order. */
  memos?(from: number): Iterable<Uint8Array>;
  /** A digest of the state, equal on every replica; compared between them. */
  hash?(): string | number | bigint | Uint8Array;
  /** Gives back what `create` took. */
  close?(): void | Promise<void>;
}

/**
 * A machine whose state fits one value.
 *
 * @typeParam S what `snapshot` returns: a value of CBOR
 */
export interface Machine<S> extends Base {
  /** The whole state. It is encoded before the next apply, so live state may be returned. */
  snapshot(): S;
  /** Replaces the state. The restored machine must behave as one that never stopped, order of Maps included. */
  restore(saved: S, version: number): void;
}

/**
 * A machine whose snapshot is taken and restored piece by piece.
 *
 * @typeParam C one piece: a value of CBOR
 */
export interface StreamMachine<C> extends Base {
  /** The first piece is pulled before the next apply, the rest while applies go on: pieces must not show those. */
  snapshot(): Iterator<C, void> | AsyncIterator<C, void>;
  /** Replaces the state by what the pieces hold, in their order. */
  restore(pieces: AsyncIterable<C>, version: number): Promise<void>;
}

/** Describes one operation to clients: their prompts, their help, the check of what they send. */
export interface OperationRow {
  /** A write goes through the log to `apply`, a read to `query`. */
  readonly kind: "read" | "write";
  /** The arguments as a user would read them: `KEY VALUE [NX|XX]`. */
  readonly args?: string;
  /** One line of help. */
  readonly summary?: string;
  /** The version that it comes with; 1 if left out. While a lower one is in force it is an UNKNOWN_OPERATION. */
  readonly since?: number;
  /** A write that leaves less than there was, as a delete does: it is taken even where the disk is full. */
  readonly frees?: boolean;
  /**
   * Which keys such a command touches, so that whoever may use only some of them is told apart. Without it, and where it
   * gives null or throws, nobody can tell, and they are refused. The command is as it was sent, unchecked.
   */
  touches?(command: Command): Touches | null;
}

/** What a command looks at or changes: keys, and all keys that begin with a prefix. Texts or bytes. */
export interface Touches {
  readonly keys?: readonly unknown[];
  readonly prefixes?: readonly unknown[];
}

/** What `create` is told. */
export interface CreateOptions {
  /** A directory of this machine's own, for those that keep their state on disk. Made when first asked for. */
  readonly directory: string;
}

/** What plugins of both kinds have. */
export interface PluginBase {
  /** `[a-z][a-z0-9_.-]*`; stands in the log, so that another machine is not given this one's entries. */
  readonly name: string;
  /** Counts up from 1 whenever `apply` would do something else with the same entry. */
  readonly version: number;
  /** By name: `[a-z][a-z0-9_.-]*`, matched in any case; `apply` and `query` get the name as it is written here. */
  readonly operations: Readonly<Record<string, OperationRow>>;
  /**
   * Runs once on the node that received the command, before the log: checks arguments and turns text into types. What
   * it throws is BAD_REQUEST.
   */
  prepare?(command: Command): Command;
  /** A command for the simulator to try. `random` gives numbers in [0, 1). */
  generate?(random: () => number): Command;
}

/**
 * A plugin: what a file for `--machine` exports by default.
 *
 * @typeParam S what a snapshot of its machine is
 * @example
 * ```ts
 * const counter: Plugin<{ total: number }> = {
 *   name: "counter",
 *   version: 1,
 *   operations: { add: { kind: "write", args: "[n]" }, total: { kind: "read" } },
 *   create() {
 *     let total = 0;
 *     return {
 *       apply: ([, n = 1]) => (total += Number(n)),
 *       query: () => total,
 *       snapshot: () => ({ total }),
 *       restore: (saved) => { total = saved.total; },
 *     };
 *   },
 * };
 * export default counter;
 * ```
 */
export interface Plugin<S> extends PluginBase {
  /** A machine without entries. Called once a node and group. */
  create(options: CreateOptions): Machine<S>;
}

/** A plugin whose machine's snapshot is a stream. */
export interface StreamPlugin<C> extends PluginBase {
  /** A machine without entries. Called once a node and group. */
  create(options: CreateOptions): StreamMachine<C>;
}

/** Any plugin, whatever its snapshots are: what draft itself handles. */
// oxlint-disable-next-line typescript/no-explicit-any -- a plugin's state is its own business
export type AnyPlugin = Plugin<any> | StreamPlugin<any>;
