/**
 * What must hold in every simulated history. Each property is a file of its own in `properties/`; it hears of every
 * event of every node and throws a {@link Violation} as soon as the history breaks it.
 */
import type { DraftError } from "../base/errors.ts";
import type { Change } from "../client/watch.ts";
import type { Applier } from "../machine/applier.ts";
import type { AnyPlugin, Command } from "../machine/machine.ts";
import type { MemberWish } from "../net/member_wish.ts";
import type { OutboundQueue } from "../net/outbound.ts";
import type { Identity } from "../node/identity.ts";
import type { Answer, ReadOptions } from "../node/node_api.ts";
import type { Effect, Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { Incarnation, LogEntry, MemberNumber } from "../raft/types.ts";
import type { DurableLog } from "./durable_log.ts";

/** One machine of the simulated cluster and the process on it, if one runs. It lasts while processes come and go. */
export interface SimMember {
  readonly id: string;
  /** Its number in the configuration; 0 until it belongs to the cluster. */
  readonly number: MemberNumber;
  /** Which life of the node its directory is, once it belongs to the cluster; undefined where nobody asks. */
  readonly incarnation?: Incarnation;
  /** Directories that were lost or emptied on it: the next one is another node's. */
  readonly directories?: number;
  /** Processes that were started on it. */
  readonly boots: number;
  /** The core of group `main`; null while no process has read its log. */
  readonly state: RaftState | null;
  /** The machine of group `main`; null as `state`, and of a witness. */
  readonly applier: Applier | null;
  /** Its disk lied, was damaged or lost: what it held durable is not owed any more. */
  readonly forgiven: boolean;
  /** Its machine is not deterministic, so that its state differs. */
  readonly isAstray?: boolean;
  /** Its disk lost something and does not show it, or lost all: not even a sum can tell. */
  readonly isSilentlyLost?: boolean;
  /** Who the process says that it is; null while it says nothing, undefined where nobody asks. */
  readonly identity?: Identity | null;
  /** Its clocks, where they may be wrong. */
  readonly clocks?: MemberClocks;
  /** What its disk would give back after a power cut now, whether a process runs or not. */
  durableLog?(): DurableLog;
  /** What waits before its connections to another member. */
  queuesTo?(member: MemberNumber): readonly OutboundQueue[];
}

/** What a machine's clocks show. */
export interface MemberClocks {
  /** Time that passes alike for all. */
  readonly trueMs: () => number;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

/** One request of a simulated client, from its call to its answer. */
export interface ClientOperation {
  /** Counts up over all clients. */
  readonly id: number;
  readonly client: number;
  readonly member: string;
  readonly command: Command;
  /** Null for a write. */
  readonly read: ReadOptions | null;
  /** Of a write: the envelopes that were sent, one for each try; it grows while the operation lasts. */
  readonly sent?: readonly Uint8Array[];
  /** Whether it is a write under an ordered session. */
  readonly ordered?: boolean;
  readonly calledAtMs: number;
  /** Infinity while there is no answer; a request without answer may still take effect. */
  readonly answeredAtMs: number;
  readonly answer: Answer | DraftError | null;
}

/** One rule. What is not implemented is not heard. Called after each event, so incremental: no work but for what changed. */
export interface Property {
  readonly name: string;
  /** A process has started, and says who it is. */
  began?(member: SimMember): void;
  /** The plugin whose machines the nodes run, to look on at them. */
  watched?(plugin: AnyPlugin): AnyPlugin;
  /** A process read its log back: `member.state` is what it found. */
  opened?(member: SimMember): void;
  /** The core of a member took a step; what it asks for was not performed yet. */
  stepped?(member: SimMember, event: Event, effects: readonly Effect[]): void;
  /** The core of a leader put entries behind its log: `bytes` are all of them, sealed, for the call. */
  entriesSealed?(member: SimMember, entries: readonly LogEntry[], bytes: Uint8Array): void;
  /** The log of a member says that a store is durable: the messages that waited for it leave next. */
  durable?(member: SimMember, store: number): void;
  /** A message left a member. */
  sent?(member: SimMember, message: Message): void;
  /** The member's process is gone: killed, failed, or its machine lost power. */
  ended?(member: SimMember): void;
  /** A client called, or was answered. */
  called?(operation: ClientOperation): void;
  answered?(operation: ClientOperation): void;
  /** A watcher of keys with this prefix heard the next change. */
  heard?(watcher: number, prefix: string, change: Change): void;
  /** A watcher goes on from this index, since nobody holds what was before. */
  watchLost?(watcher: number, oldestIndex: number): void;
  /** An operator was told that a change of the members has begun, or that all is so already. */
  changeAnswered?(wishes: readonly MemberWish[], answer: Answer): void;
  /** The run is over: everybody was healed and converged. */
  finished?(members: readonly SimMember[]): void;
}

/** A property does not hold. */
export class Violation extends Error {
  override readonly name: string = "Violation";
  readonly property: string;

  constructor(property: string, message: string) {
    super(`${property}: ${message}`);
    this.property = property;
  }
}
