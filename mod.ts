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
export { default as lock, type Lock } from "./plugins/lock/lock.ts";
export type { HeldLock, LockGranted, LockMethods, LockRefused, LockWaiter } from "./plugins/lock/methods.ts";
export type { JobState, NamedQueue, QueuedJob, QueueMethods, QueueStats, TakenJob } from "./plugins/queue/methods.ts";
export { default as queue, type Queue } from "./plugins/queue/queue.ts";
export { type Client, connect } from "./src/client/client.ts";
export type { ClientAnswer, ClientOptions, ReadRequestOptions, RequestOptions } from "./src/client/client_options.ts";
export type { Change, WatchRequestOptions } from "./src/client/watch.ts";
export { type NodeOptions, type RunningNode, startNode } from "./src/gateway/start_node.ts";
export type { LogLevel } from "./src/host/host.ts";
export type { ChangeCursor } from "./src/machine/change.ts";
export * from "./src/machine/library.ts";
export type {
  GroupRole, GroupStatus, MemberInfo, MemberList, NodeStatus, OperationInfo, PeerStatus,
} from "./src/net/client_answers.ts";
export type { Level } from "./src/net/client_protocol.ts";
