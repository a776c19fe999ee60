/**
 * draft runs a state machine written in TypeScript as a fault-tolerant, linearizable cluster.
 *
 * A **plugin** describes the machine; a **node** keeps its log on disk and agrees with the other nodes on it; a
 * **client** sends commands and reads. The same on Bun, Deno and Node 24.
 *
 * @example
 * ```ts
 * import { type Plugin, startNode } from "@draft-raft/draft";
 *
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
 *
 * await using node = await startNode({
 *   id: "a", listen: "127.0.0.1:0", data: "./data/a", bootstrap: true, machine: counter,
 * });
 * await node.client.run(["add", 2]);
 * const { result } = await node.client.run(["total"]);
 * console.log(result); // 2
 * ```
 *
 * @module
 */
export { default as kv, type Kv } from "./plugins/kv/kv.ts";
export type { KvComparison, KvMethods, KvStep, KvText, KvTxnReply, KvValue } from "./plugins/kv/methods.ts";
export { DraftError, type DraftErrorOptions, type ErrorCode, type LeaderHint, type Outcome } from "./src/base/errors.ts";
export { version } from "./src/base/version.ts";
export { type Client, connect } from "./src/client/client.ts";
export type { ClientAnswer, ClientOptions, ReadRequestOptions, RequestOptions } from "./src/client/client_options.ts";
export { type NodeOptions, type RunningNode, startNode } from "./src/gateway/start_node.ts";
export type { LogLevel } from "./src/host/host.ts";
export {
  type AnyArgument, type Argument, bool, bytes, float, int, json, optional, type OptionalArgument, type RequiredArgument,
  rest, type RestArgument, text, type Values,
} from "./src/machine/arguments.ts";
export {
  type AnyDefinedMachine, type Answered, type ArgumentTable, type CommandOf, type DefinedMachine, defineMachine,
  type MachineDefinition, type Methods, type MethodsOf, type Reads, type Writes,
} from "./src/machine/define.ts";
export type { Json } from "./src/machine/json_argument.ts";
export type {
  AnyPlugin, Base, Command, CreateOptions, Entry, Machine, OperationRow, Plugin, PluginBase, Reply, StreamMachine,
  StreamPlugin, View,
} from "./src/machine/machine.ts";
export { Table } from "./src/machine/table.ts";
export type { TableLoader } from "./src/machine/table_loader.ts";
export { machineOn, type TableMethods, type Tables, type TablesPiece } from "./src/machine/table_machine.ts";
export type { TableOptions, TableScan } from "./src/machine/table_options.ts";
export type { TableVersion } from "./src/machine/table_version.ts";
export type { KeyRange } from "./src/machine/key_order.ts";
export type { Row, SavedRow } from "./src/machine/table_rows.ts";
export type { SnapshotEnd, TablePiece } from "./src/machine/table_snapshot.ts";
export type { WalkOptions } from "./src/machine/table_walk.ts";
export type {
  GroupRole, GroupStatus, MemberInfo, MemberList, NodeStatus, OperationInfo, PeerStatus,
} from "./src/net/client_answers.ts";
export type { Level } from "./src/net/client_protocol.ts";
