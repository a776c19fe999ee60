/**
 * `defineMachine`: a plugin from a table of operations with typed arguments. The table says once what else would be
 * said four times: the check of what users send, the types that `run` gets, the usage that prompts show, and the
 * commands that the simulator tries. What comes of it is a plain plugin.
 */
import type { AnyArgument, Values } from "./arguments.ts";
import { checkDefinition, MACHINE_METHODS } from "./define_check.ts";
import { performOn, pluginRows, tableOf } from "./define_rows.ts";
import type { DefinedOperation } from "./define_rows.ts";
import type { Command, Entry, Machine, OperationRow, Plugin, Reply, View } from "./machine.ts";

/** The arguments of operations, by the operations' names. */
export type ArgumentTable = Readonly<Record<string, readonly AnyArgument[]>>;

/** The operations that change the state. */
export type Writes<S, A extends ArgumentTable, R extends Record<keyof A, Reply>> =
  & { readonly [K in keyof A]: {
    /** Required ones, then optional ones, then a rest. */
    readonly args: A[K];
    /** One line of help. */
    readonly summary?: string;
    /** The version that it comes with; 1 if left out. */
    readonly since?: number;
    /** It leaves less than there was, as a delete does: it is taken even where the disk is full. */
    readonly frees?: boolean;
  } }
  & { readonly [K in keyof R]: {
    /** Changes `state`, returns the answer. Synchronous and deterministic; `throw entry.reject(…)` comes before changes. */
    run(state: S, entry: Entry, ...values: Values<A[K & keyof A]>): R[K];
  } };

/** The operations that only look. */
export type Reads<S, A extends ArgumentTable, R extends Record<keyof A, Reply>> =
  & { readonly [K in keyof A]: { readonly args: A[K]; readonly summary?: string; readonly since?: number } }
  & { readonly [K in keyof R]: {
    /** Returns the answer and changes nothing. An `Error` that it throws is BAD_REQUEST with its message. */
    run(state: S, view: View, ...values: Values<A[K & keyof A]>): R[K];
  } };

/** One of the commands that operations with these arguments take. */
export type CommandOf<A extends ArgumentTable> = { [K in keyof A & string]: readonly [operation: K, ...values: Values<A[K]>] }[keyof A & string];

/** What a client gets for a reply: nothing arrives as null, a big integer that fits a number as one. */
export type Answered<R> = R extends void | undefined ? null : R extends bigint ? bigint | number : R;

/** Operations as methods of a client. */
export type Methods<A extends ArgumentTable, R> = {
  readonly [K in keyof A]: (...values: Values<A[K]>) => Promise<K extends keyof R ? Answered<R[K]> : unknown>;
};

/**
 * What {@link defineMachine} makes: a plugin that knows its operations' types.
 *
 * @typeParam S what a snapshot of its machine is
 * @typeParam M its operations as methods
 */
export interface DefinedMachine<S, M> extends Plugin<S> {
  readonly operations: Readonly<Record<string, OperationRow>> & { readonly [K in keyof M]: OperationRow };
  /** Known to the compiler only, for `client.as(machine)`: no machine has it. */
  readonly methods?: M;
}

/** Any machine of {@link defineMachine}, as far as its clients are concerned. */
export interface AnyDefinedMachine {
  readonly operations: Readonly<Record<string, OperationRow>>;
  readonly methods?: unknown;
}

/** The operations of the machine `D` as methods, for whom a type is enough: `MethodsOf<typeof queue>`. */
export type MethodsOf<D extends AnyDefinedMachine> = NonNullable<D["methods"]>;

/**
 * What {@link defineMachine} is told.
 *
 * @typeParam S the state
 * @typeParam Saved what a snapshot is: a value of CBOR
 * @typeParam W the arguments of the writes, `R` of the reads
 * @typeParam WR the replies of the writes, `RR` of the reads
 */
export interface MachineDefinition<
  S, Saved, W extends ArgumentTable, WR extends Record<keyof W, Reply>, R extends ArgumentTable, RR extends Record<keyof R, Reply>,
> {
  /** `[a-z][a-z0-9_.-]*`; stands in the log. */
  readonly name: string;
  /** Counts up from 1 whenever a write would do something else with the same entry. */
  readonly version: number;
  /** A state without entries. It is changed in place. */
  state(): S;
  /** The operations that change the state, by name. */
  readonly writes: Writes<S, W, WR>;
  /** The operations that only look, by name. */
  readonly reads?: Reads<S, R, RR>;
  /** The whole state as a value. It is encoded before the next write, so live state may be returned. */
  snapshot(state: S): Saved;
  /** The state that `snapshot` saved, order of Maps included. */
  restore(saved: NoInfer<Saved>, version: number): NoInfer<S>;
  /** The log time in Unix milliseconds at which something falls due next, or null. */
  wakeAt?(state: S): number | null;
  /** Does what is due at `entry.timeMs`. */
  wake?(state: S, entry: Entry): void;
  /** The version in force has risen to `entry.version`: brings the state of version `from` up to it. */
  upgrade?(state: S, from: number, entry: Entry): void;
  /** A digest of the state, equal on every replica. */
  hash?(state: S): string | number | bigint | Uint8Array;
  /** A command for the simulator to try, in place of one drawn by the arguments. `random` gives numbers in [0, 1). */
  generate?(random: () => number): NoInfer<CommandOf<W> | CommandOf<R>>;
}

/**
 * A plugin whose state, commands and snapshot infer.
 *
 * @throws TypeError if something is missing, the same name is a write and a read, or arguments stand in an order that
 *   cannot be told apart
 * @example
 * ```ts
 * import { defineMachine, int, optional } from "draft";
 *
 * export default defineMachine({
 *   name: "counter",
 *   version: 1,
 *   state: () => ({ total: 0 }),
 *   writes: {
 *     add: { args: [optional(int("n"))], summary: "adds n (1 if left out), returns the total",
 *       run: (state, entry, n = 1) => (state.total += n) },
 *   },
 *   reads: { total: { args: [], run: (state) => state.total } },
 *   snapshot: (state) => state,
 *   restore: (saved) => saved,
 * });
 * ```
 */
export function defineMachine<
  S, Saved, const W extends ArgumentTable, WR extends Record<keyof W, Reply>,
  const R extends ArgumentTable = Record<never, never>, RR extends Record<keyof R, Reply> = Record<keyof R, never>,
>(definition: MachineDefinition<S, Saved, W, WR, R, RR>): DefinedMachine<Saved, Methods<W, WR> & Methods<R, RR>> {
  checkDefinition("defineMachine", MACHINE_METHODS, definition as unknown as Readonly<Record<string, unknown>>);
  const table = tableOf(definition);
  return {
    ...pluginRows<Methods<W, WR> & Methods<R, RR>>(definition, table),
    create: () => machineOf(definition as unknown as AnyDefinition<S, Saved>, table),
  };
}

/** A definition whose operations are in a table already. */
type AnyDefinition<S, Saved> = Pick<
  MachineDefinition<S, Saved, ArgumentTable, Record<string, Reply>, ArgumentTable, Record<string, Reply>>,
  "state" | "snapshot" | "restore" | "wakeAt" | "wake" | "upgrade" | "hash"
>;

function machineOf<S, Saved>(definition: AnyDefinition<S, Saved>, table: ReadonlyMap<string, DefinedOperation>): Machine<Saved> {
  let state = definition.state();
  const perform = (command: Command, entry: Entry | View): Reply => performOn(table, state, command, entry);
  const { wakeAt, wake, upgrade, hash } = definition;
  return {
    apply: perform,
    query: perform,
    snapshot: () => definition.snapshot(state),
    restore: (saved, version) => {
      state = definition.restore(saved, version);
    },
    // A method that is there has a meaning, so only those that the author gave are.
    ...(wakeAt === undefined ? {} : { wakeAt: () => wakeAt.call(definition, state) }),
    ...(wake === undefined ? {} : { wake: (entry: Entry) => wake.call(definition, state, entry) }),
    ...(upgrade === undefined ? {} : { upgrade: (from: number, entry: Entry) => upgrade.call(definition, state, from, entry) }),
    ...(hash === undefined ? {} : { hash: () => hash.call(definition, state) }),
  };
}
