/**
 * `defineMachineOn`: `defineMachine` for a machine whose state is in tables. Typed operations as there; snapshots,
 * restoring, expiry, the hash and the rollback of what throws as `machineOn` has them.
 */
import type { ArgumentTable, CommandOf, Methods, Reads, Writes } from "./define.ts";
import { checkDefinition, TABLE_MACHINE_METHODS } from "./define_check.ts";
import { performOn, pluginRows, tableOf } from "./define_rows.ts";
import type { Entry, OperationRow, Reply, StreamPlugin } from "./machine.ts";
import { machineOn } from "./table_machine.ts";
import type { TableMethods, Tables, TablesPiece } from "./table_machine.ts";

/**
 * What {@link defineMachineOn} makes: a plugin that knows its operations' types.
 *
 * @typeParam M its operations as methods
 */
export interface DefinedTableMachine<M> extends StreamPlugin<TablesPiece> {
  readonly operations: Readonly<Record<string, OperationRow>> & { readonly [K in keyof M]: OperationRow };
  /** Known to the compiler only, for `client.as(machine)`: no machine has it. */
  readonly methods?: M;
}

/**
 * What {@link defineMachineOn} is told.
 *
 * @typeParam T the tables, by name
 * @typeParam W the arguments of the writes, `R` of the reads
 * @typeParam WR the replies of the writes, `RR` of the reads
 */
export interface TableMachineDefinition<
  T extends Tables, W extends ArgumentTable, WR extends Record<keyof W, Reply>, R extends ArgumentTable, RR extends Record<keyof R, Reply>,
> {
  /** `[a-z][a-z0-9_.-]*`; stands in the log. */
  readonly name: string;
  /** Counts up from 1 whenever a write would do something else with the same entry. */
  readonly version: number;
  /** Tables without rows: the whole state. Their names stand in snapshots. */
  tables(): T;
  /** The operations that change the tables, by name. What one that throws has changed is undone. */
  readonly writes: Writes<T, W, WR>;
  /** The operations that only look, by name. */
  readonly reads?: Reads<T, R, RR>;
  /** The log time in Unix milliseconds at which something falls due next besides the tables' own rows, or null. */
  wakeAt?(tables: T): number | null;
  /** Does what is due at `entry.timeMs`, the tables' own expiry apart. */
  wake?(tables: T, entry: Entry): void;
  /** The version in force has risen to `entry.version`: brings the tables of version `from` up to it. */
  upgrade?(tables: T, from: number, entry: Entry): void;
  /** A command for the simulator to try, in place of one drawn by the arguments. `random` gives numbers in [0, 1). */
  generate?(random: () => number): NoInfer<CommandOf<W> | CommandOf<R>>;
}

/**
 * A plugin whose state is in tables and whose commands infer.
 *
 * @throws TypeError if the same name is a write and a read, or arguments stand in an order that cannot be told apart
 * @example
 * ```ts
 * import { defineMachineOn, Table, text } from "draft";
 *
 * export default defineMachineOn({
 *   name: "seats",
 *   version: 1,
 *   tables: () => ({ held: new Table<string>() }),
 *   writes: {
 *     hold: { args: [text("who"), text("seat")], summary: "holds a seat for a minute",
 *       run({ held }, entry, who, seat) {
 *         if (held.has(seat)) throw entry.reject(`seat ${seat} is taken`);
 *         held.set(seat, who, entry.timeMs + 60_000);
 *       } },
 *   },
 *   reads: { holder: { args: [text("seat")], run: ({ held }, _, seat) => held.get(seat) ?? null } },
 * });
 * ```
 */
export function defineMachineOn<
  T extends Tables, const W extends ArgumentTable, WR extends Record<keyof W, Reply>,
  const R extends ArgumentTable = Record<never, never>, RR extends Record<keyof R, Reply> = Record<keyof R, never>,
>(definition: TableMachineDefinition<T, W, WR, R, RR>): DefinedTableMachine<NoInfer<Methods<W, WR> & Methods<R, RR>>> {
  checkDefinition("defineMachineOn", TABLE_MACHINE_METHODS, definition as unknown as Readonly<Record<string, unknown>>);
  const operations = tableOf(definition);
  const { wakeAt, wake, upgrade } = definition;
  return {
    ...pluginRows<Methods<W, WR> & Methods<R, RR>>(definition, operations),
    create: () => {
      const tables = definition.tables();
      const methods: TableMethods = {
        apply: (command, entry) => performOn(operations, tables, command, entry),
        query: (command, view) => performOn(operations, tables, command, view),
        // A method that is there has a meaning, so only those that the author gave are.
        ...(wakeAt === undefined ? {} : { wakeAt: () => wakeAt.call(definition, tables) }),
        ...(wake === undefined ? {} : { wake: (entry: Entry) => wake.call(definition, tables, entry) }),
        ...(upgrade === undefined ? {} : { upgrade: (from: number, entry: Entry) => upgrade.call(definition, tables, from, entry) }),
      };
      return machineOn(tables, methods);
    },
  };
}
