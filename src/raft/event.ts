/**
 * Everything that can happen to a group, and everything that it can ask for. `step(state, event)` is the only way in,
 * the effects that it returns the only way out.
 */
import type { Message } from "./message.ts";
import type { Configuration, HardState, Index, LogEntry, LogPoint, LogStart, MemberNumber, Role, Term } from "./types.ts";

/** The two clocks as the node read them after it had taken in the turn's last request. */
export interface Now {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** What happened. */
export type Event = Now & EventBody;

export type EventBody =
  /** The node is ready: the first event of a state. */
  | { readonly type: "start" }
  /** The moment that `RaftState.deadlineMs` named has passed, and the sockets were polled since. */
  | { readonly type: "deadline" }
  | { readonly type: "receive"; readonly message: Message }
  /** The store of this number, and all before it, are durable. */
  | { readonly type: "stored"; readonly store: number }
  /** The machine has applied everything up to `index`; `wakeAtMs` is its next moment in log time, or null. */
  | { readonly type: "applied"; readonly index: Index; readonly wakeAtMs: number | null }
  /**
   * The machine's newest check point (verdict_entry.ts), index 0 if it has passed none, and the log time from which the
   * next verdict is counted; null if nothing is to be judged.
   */
  | { readonly type: "checked"; readonly index: Index; readonly digest: number; readonly unjudgedSinceMs: number | null }
  /** Unstamped entries, in order. The core stamps them in place; one that is refused keeps index 0. */
  | { readonly type: "propose"; readonly entries: readonly LogEntry[] }
  /** A linearizable read wants its index; with `lease` that of a leader that holds one will do, without a round. */
  | { readonly type: "read"; readonly readId: number; readonly lease: boolean }
  | { readonly type: "transfer"; readonly to: MemberNumber }
  /**
   * `configuration` is wanted in place of the one at its index; learners that are to vote have so much log time to catch
   * up. With `force` nobody asks whether those who decide afterwards are there now.
   */
  | { readonly type: "changeMembership"; readonly configuration: Configuration; readonly promoteWithinMs: number; readonly force: boolean }
  | { readonly type: "linkUp"; readonly peer: MemberNumber }
  | { readonly type: "linkDown"; readonly peer: MemberNumber }
  /** Entries for a follower could not be read back from this node's log. */
  | { readonly type: "readFailed"; readonly from: Index; readonly to: Index }
  /** The disk made no progress for one election timeout. */
  | { readonly type: "diskStalled" }
  | { readonly type: "diskFull"; readonly full: boolean }
  /** The node's loop stood still: what was due came so much later. */
  | { readonly type: "loopStalled"; readonly forMs: number }
  /** The data directory says durably that this node may have promised to vote for nobody for so long. */
  | { readonly type: "promiseReady"; readonly promiseMs: number }
  /** A snapshot of this node's machine is durable, and so is the mark in the log that says so. */
  | { readonly type: "snapshotStored"; readonly point: LogPoint; readonly timeMs: number }
  /** Entries that this log holds are nowhere to be had any more; the durable snapshot of `point` has all that they did. */
  | { readonly type: "entriesLost"; readonly point: LogPoint; readonly timeMs: number }
  /** The snapshot that is being fetched from another member is of `index`; 0: none is, or it came to nothing. */
  | { readonly type: "snapshotFetching"; readonly index: Index }
  /** A snapshot of another member is durable here as a file. `configuration` and `timeMs` hold at its point. */
  | { readonly type: "snapshotFetched"; readonly point: LogPoint; readonly timeMs: number; readonly configuration: Configuration }
  /** The machine holds what the snapshot of `index` held; `wakeAtMs` as with `applied`. */
  | { readonly type: "restored"; readonly index: Index; readonly wakeAtMs: number | null };

/** Why a proposal or a transfer was refused. Nothing was done. */
export type Refusal =
  | "not-leader"
  | "transferring"
  | "busy"
  | "unknown-member"
  | "not-a-voter"
  | "timed-out"
  /** A transfer whose target did not catch up in time: it was told nothing. */
  | "given-up"
  /** A transfer whose target was told to campaign, and may still do so. */
  | "in-doubt"
  | "replaced"
  /** Another change of the membership is under way, or was carried through meanwhile. */
  | "change-pending"
  /** No entry of the leader's own term is committed yet. */
  | "not-ready"
  /** Afterwards too few voters would be there to decide anything. */
  | "would-lose-quorum"
  /** Afterwards witnesses would not be fewer than the voters that keep payloads. */
  | "too-many-witnesses";

/** What the group asks its node to do. Effects are performed in their order. */
export type Effect =
  /** Send now: the message promises nothing that is not durable yet. */
  | { readonly type: "send"; readonly message: Message }
  | StoreEffect
  /** Committed entries to apply, behind those asked for before. */
  | { readonly type: "apply"; readonly from: Index; readonly to: Index }
  /** The read may be answered once `index` is applied, by a machine in which nothing is left that is due by `timeMs`. */
  | { readonly type: "answerRead"; readonly readId: number; readonly index: Index; readonly timeMs: number }
  /** These reads will not be answered; their callers may try again. */
  | { readonly type: "failPending"; readonly readIds: readonly number[]; readonly reason: Refusal }
  /** The proposal of this step was refused. */
  | { readonly type: "rejected"; readonly reason: Refusal }
  /** A transfer that was asked for ended: the target leads, or why not. */
  | { readonly type: "transferEnded"; readonly to: MemberNumber; readonly refusal: Refusal | null }
  | { readonly type: "roleChanged"; readonly role: Role; readonly term: Term; readonly leaderId: MemberNumber }
  | { readonly type: "configurationChanged"; readonly configuration: Configuration }
  /** This replica's committed log differs from the leader's: it must stop, naming index and both chains. */
  | { readonly type: "diverged"; readonly index: Index; readonly ownChain: number; readonly leaderChain: number }
  /** Get a snapshot of the leader's entry `point` or of a later one from this member; what is being fetched already goes on. */
  | { readonly type: "fetchSnapshot"; readonly from: MemberNumber; readonly point: LogPoint }
  /** Restore the machine from the snapshot that was fetched. Applications of before are void, later ones wait for it. */
  | { readonly type: "installSnapshot"; readonly point: LogPoint }
  /** Everything through `start` leaves the log; a durable snapshot has it. */
  | { readonly type: "compact"; readonly start: LogStart };

/**
 * Records to make durable, in this order: hard state, truncation, reset, entries. When that is done (and all earlier stores
 * are), the messages leave and the core is told `stored`.
 */
export interface StoreEffect {
  readonly type: "store";
  /** Counts up by one from 1. Completion is told by this number, never by an index: an index may be overwritten. */
  readonly store: number;
  readonly hardState: HardState | null;
  /** Remove this index and all after it; 0: nothing. */
  readonly truncateFrom: Index;
  /** The log is empty behind this point, whose snapshot is durable as a file; null: nothing. */
  readonly reset: LogStart | null;
  readonly entries: readonly LogEntry[];
  /** What becomes true once the records are durable. */
  readonly messages: readonly Message[];
}
