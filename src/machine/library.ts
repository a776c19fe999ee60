/**
 * What `"draft"` is to a plugin: all that its author may import. The whole library has it too; the loader gives it to
 * plugins, and `draft.d.ts`, which stands beside a new plugin, tells editors of it.
 */
export { DraftError, type DraftErrorOptions, type ErrorCode, type LeaderHint, type Outcome } from "../base/errors.ts";
export { version } from "../base/version.ts";
export {
  type AnyArgument, type Argument, bool, bytes, float, int, json, optional, type OptionalArgument, type RequiredArgument,
  rest, type RestArgument, text, type Values, where,
} from "./arguments.ts";
export {
  type AnyDefinedMachine, type Answered, type ArgumentTable, type CommandOf, type DefinedMachine, defineMachine,
  type MachineDefinition, type Methods, type MethodsOf, type Reads, type Writes,
} from "./define.ts";
export { earlier } from "./earlier.ts";
export { type DefinedTableMachine, defineMachineOn, type TableMachineDefinition } from "./define_tables.ts";
export type { Json } from "./json_argument.ts";
export type { KeyRange } from "./key_order.ts";
export type {
  AnyPlugin, Base, Command, CreateOptions, Entry, Machine, OperationRow, Plugin, PluginBase, Reply, StreamMachine, Touches,
  StreamPlugin, View,
} from "./machine.ts";
export { Table } from "./table.ts";
export type { TableLoader } from "./table_loader.ts";
export { machineOn, type TableMethods, type Tables, type TablesPiece } from "./table_machine.ts";
export type { TableOptions, TableScan } from "./table_options.ts";
export type { Row, SavedRow } from "./table_rows.ts";
export type { SnapshotEnd, TablePiece } from "./table_snapshot.ts";
export type { TableVersion } from "./table_version.ts";
export type { WalkOptions } from "./table_walk.ts";
