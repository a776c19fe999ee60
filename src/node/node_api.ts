/**
 * What the doors ask of a node. Every call is answered once, through `done`, in the same turn or later, and never by a
 * throw. Names of groups come from clients unchecked: an unknown one is NOT_FOUND.
 */
import type { Index } from "../raft/types.ts";
import type { DraftError, LeaderHint } from "../base/errors.ts";
import type { Command, OperationRow } from "../machine/machine.ts";
import type { BackupAsk, RestoreAsk } from "../net/backup_request.ts";
import type { SessionAsk } from "../net/client_protocol.ts";
import type { MemberList, NodeStatus, OperationInfo } from "../net/client_answers.ts";
import type { WriteTiming } from "../net/write_timing.ts";
import type { MemberAsk } from "../net/member_wish.ts";
import type { Watch, WatchOptions } from "./watch.ts";

/** A result and the index of the entry (or, for a read, of the state) that it comes from. */
export interface Answer {
  readonly index: number;
  readonly reply: unknown;
  /** What a write took, where its asker wants to know. */
  readonly timing?: WriteTiming;
}

/** How a request ends. `leader` of a NOT_LEADER names where to go, if that is known. */
export type AnswerDone = (result: Answer | DraftError) => void;

/** How fresh a read must be. */
export type ReadLevel = "linearizable" | "lease" | "stale";

/** How a read is to be served. */
export interface ReadOptions {
  readonly level: ReadLevel;
  /** Answer from a state at or past this index; 0 for any. */
  readonly minIndex: number;
  readonly timeoutMs: number;
}

/** A change of the members that is asked for, or only to be rehearsed. */
export interface MembersRequest extends MemberAsk {
  readonly kind: "change" | "rehearse";
  readonly timeoutMs: number;
}

/** Who this node is. */
export interface NodeIdentity {
  readonly nodeId: string;
  /** Empty until the node belongs to a cluster. */
  readonly clusterId: string;
  /** `host:port` where others find it. */
  readonly address: string;
  readonly version: string;
}

/** What a client may send, at most. */
export interface NodeLimits {
  readonly frameBytesMax: number;
  readonly valueBytesMax: number;
  /** Bytes that may wait in one place. */
  readonly queueBytesMax: number;
  /** Requests of one connection that wait for their answers. */
  readonly inflightMax: number;
}

/** One node, as its doors see it. */
export interface NodeApi {
  identity(): NodeIdentity;
  limits(): NodeLimits;
  /** The leader of `group` as far as known, this node included; null if none is, or if there is no such group. */
  leaderOf(group: string): LeaderHint | null;
  /** Whether this node leads `group`: then it is asked itself. */
  leads(group: string): boolean;
  /** Whether reads of `group` can be answered here: a witness holds no state. */
  holdsState(group: string): boolean;
  /**
   * How a command is to be run, or why it would be refused in every state: what `propose` and `read` find out as well, before
   * anything is numbered or sent.
   */
  kindOf(group: string, command: Command): "read" | "write" | DraftError;
  /** Operations of the group's machine. */
  operations(group: string): readonly OperationInfo[] | DraftError;
  /** The operation of the group's machine that is called so, in whatever case; null if there is none. */
  operation(group: string, name: string): OperationRow | null;
  /**
   * Proposes a command, if this node leads; else NOT_LEADER or NO_LEADER.
   *
   * @param envelope the command envelope, unchecked; a view of the receive buffer, valid during this call only
   */
  propose(group: string, envelope: Uint8Array, timeoutMs: number, done: AnswerDone): void;
  /**
   * Opens a session, or closes one, if this node leads; else NOT_LEADER or NO_LEADER. What is opened is answered with its
   * id, 32 hexadecimal digits, what is closed with whether it was open.
   */
  changeSession(group: string, ask: SessionAsk, timeoutMs: number, done: AnswerDone): void;
  /**
   * Answers from this node's own state, which may mean to ask the leader for a read index first.
   *
   * @param command the operation's name and its arguments; byte strings within are views of the receive buffer
   */
  read(group: string, command: readonly [operation: string, ...args: unknown[]], options: ReadOptions, done: AnswerDone): void;
  /**
   * Watches `group` on this node: what its replica's machine emitted and emits, in order, each change once. Take at once,
   * for what was missed is there; and again whenever `ready` is called, until `take` gives null. A door keeps nothing of
   * it: it takes only what it can hand on, and so what its client does not read stays where it was.
   *
   * @param ready may be called within any event of the node, not within a call of the door's own
   * @returns DraftError NOT_LEADER or NO_LEADER if another node must be asked, BUSY, BAD_REQUEST
   */
  watch(group: string, options: WatchOptions, ready: () => void): Watch | DraftError;
  status(done: (status: NodeStatus | DraftError) => void): void;
  members(group: string, done: (members: MemberList | DraftError) => void): void;
  /** What the group's flight recorder holds, as the body of a recording (recording.ts); with `storyOnly` the words alone. */
  record(group: string, storyOnly: boolean, done: (recording: Uint8Array | DraftError) => void): void;
  /** Takes a snapshot of the group on this node; told, once it is durable, which index it holds. */
  snapshot(group: string, done: (index: Index | DraftError) => void): void;
  /** Of the file of a snapshot of `group` on this node, as one answers other members (snapshot_questions.ts). */
  backup(group: string, ask: BackupAsk, done: (reply: readonly unknown[] | DraftError) => void): void;
  /** Takes a piece of a backup into the log of `group`, if this node leads; the last is answered once the state is the backup's. */
  restore(group: string, ask: RestoreAsk, timeoutMs: number, done: AnswerDone): void;
  /**
   * Changes the members of `group`, all of `wishes` as one change; answered when the first entry of it is applied, with
   * `{ changed, before, after, lives }`: whether anything is still to be done, the ids of the voters before and at its end, and
   * the incarnations of those at its end.
   */
  changeMembers(group: string, request: MembersRequest, done: AnswerDone): void;
  /** How much the node says in its log from now on; tells what it was before, or BAD_REQUEST. */
  setLogLevel(level: string): string | DraftError;
  /** Hands leadership of `group` to the member `id`; answered when it leads. NOT_LEADER unless this node leads. */
  transfer(group: string, id: string, timeoutMs: number, done: AnswerDone): void;
}
