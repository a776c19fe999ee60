/**
 * The messages between members of a group, with the paper's field names. On the wire each is a tuple in the order of
 * docs/formats.md; fields that a later feature needs are there from the first version and 0 until then.
 */
import type { BootId, GroupId, Incarnation, Index, LogEntry, LogStart, MemberNumber, Term } from "./types.ts";

/** What every message bears. It counts only if number and incarnation fit the configuration. */
interface Envelope {
  readonly group: GroupId;
  readonly from: MemberNumber;
  readonly fromIncarnation: Incarnation;
  readonly to: MemberNumber;
  /** The sender's term; for a pre-vote the term that it would campaign in. */
  readonly term: Term;
}

/** Asks for a vote (dissertation 3.4), or whether it would be given (9.6). */
export interface VoteRequest extends Envelope {
  readonly type: "voteRequest";
  readonly preVote: boolean;
  readonly lastLogIndex: Index;
  readonly lastLogTerm: Term;
  /** A transfer made this candidate: the leader that sent TimeoutNow, and its term. 0 and 0 otherwise. */
  readonly forcedLeader: MemberNumber;
  readonly forcedTerm: Term;
}

/** Answers a {@link VoteRequest}. `term` is the voter's own; a pre-vote that is granted bears the term asked for. */
export interface VoteReply extends Envelope {
  readonly type: "voteReply";
  readonly preVote: boolean;
  /** The term of the request, so that a late answer is not counted for another round. */
  readonly requestTerm: Term;
  readonly granted: boolean;
  readonly bootId: BootId;
}

/** Replicates entries `prevLogIndex + 1`..`lastIndex` (dissertation 3.5). */
export interface AppendRequest extends Envelope {
  readonly type: "appendRequest";
  readonly prevLogIndex: Index;
  readonly prevLogTerm: Term;
  readonly prevLogChain: number;
  /** Index of the last entry carried; `prevLogIndex` if there is none. */
  readonly lastIndex: Index;
  /** The entries on arrival. Empty when the core sends: the group attaches the sealed bytes of the range. */
  readonly entries: readonly LogEntry[];
  readonly leaderCommit: Index;
  /** Counts the leader's rounds: an answer that bears it proves that the leader was heard after the round began. */
  readonly round: number;
  /** The leader heard a quorum within one election timeout; only then does it renew stickiness. */
  readonly heardQuorum: boolean;
}

/** What a follower says of itself with each answer. */
export interface AckStatus {
  readonly bootId: BootId;
  /** For how long from now the sender will refuse to vote for anybody, itself included, in milliseconds. */
  readonly promiseMs: number;
  readonly wallMs: number;
  /** The newest check point of its machine: index and digest. */
  readonly checkIndex: Index;
  readonly checkDigest: number;
  /** The last entry that is durable on the sender. */
  readonly durableIndex: Index;
  readonly durableTerm: Term;
  readonly durableChain: number;
}

/** Answers an {@link AppendRequest}; released once what it claims is durable. */
export interface AppendReply extends Envelope, AckStatus {
  readonly type: "appendReply";
  readonly success: boolean;
  /** With success: everything up to here is equal to the leader's log and durable. */
  readonly matchIndex: Index;
  /** Without: `prevLogIndex` of the request, so that a late refusal is known as such. */
  readonly rejectedIndex: Index;
  /** Without: term of the follower's entry at `rejectedIndex` (0: it has none), and the first index of that term. */
  readonly conflictTerm: Term;
  readonly conflictIndex: Index;
  /**
   * With success: the follower's term and chain at `matchIndex`, so that a leader that no longer knows them can go on
   * from there. Without: a point at or below which the follower knows the chain, for a leader to start from.
   */
  readonly pointIndex: Index;
  readonly pointTerm: Term;
  readonly pointChain: number;
  readonly round: number;
}

/** Keeps followers from campaigning, carries the commit index and confirms reads (dissertation 3.4, 6.4). */
export interface Heartbeat extends Envelope {
  readonly type: "heartbeat";
  /** Never beyond what the receiver is known to match. */
  readonly leaderCommit: Index;
  readonly round: number;
  readonly heardQuorum: boolean;
}

export interface HeartbeatReply extends Envelope, AckStatus {
  readonly type: "heartbeatReply";
  readonly round: number;
  /** The last entry of the sender's newest durable snapshot; 0 if it has none. */
  readonly snapshotIndex: Index;
}

/** Makes the receiver campaign at once (dissertation 3.10). It serves one candidacy, in the term after `term`. */
export interface TimeoutNow extends Envelope {
  readonly type: "timeoutNow";
}

/** A follower asks for a read index (dissertation 6.4). */
export interface ReadIndexRequest extends Envelope {
  readonly type: "readIndexRequest";
  /** Drawn by the asking node, never used again by it: a late answer to another try is not taken for this one's. */
  readonly readId: number;
  readonly bootId: BootId;
  /** The leader's lease will do: then it need not ask anybody. */
  readonly lease: boolean;
}

export interface ReadIndexReply extends Envelope {
  readonly type: "readIndexReply";
  readonly readId: number;
  readonly bootId: BootId;
  /**
   * The index to wait for; 0 if the sender cannot tell: it leads no more, or too much waits already. It need not be
   * committed yet: where something falls due it is that of a time entry just appended.
   */
  readonly index: Index;
  /** What the sender has committed; 0 with an index of 0. */
  readonly leaderCommit: Index;
  /** The sender's log time when the read was confirmed: what is due by then is not to be seen. 0 with an index of 0. */
  readonly timeMs: number;
}

/**
 * The leader's log no longer has what the receiver needs: it is to fetch a snapshot, over a connection of its own. The
 * position is the base of the leader's log; a snapshot of it or of any later entry will do.
 */
export interface InstallSnapshot extends Envelope {
  readonly type: "installSnapshot";
  readonly lastIncludedIndex: Index;
  readonly lastIncludedTerm: Term;
  readonly lastIncludedChain: number;
  /** The member to fetch it from: one that has such a snapshot and little else to do. 0 to a witness. */
  readonly source: MemberNumber;
  readonly round: number;
  /** To a witness, which fetches nothing: its log begins there. Null to others. */
  readonly start: LogStart | null;
}

export interface InstallSnapshotReply extends Envelope, AckStatus {
  readonly type: "installSnapshotReply";
  readonly success: boolean;
  /**
   * With success: everything up to here is committed, and durable on the sender. Without: the entry that the snapshot
   * which it fetches is of, 0 if it has none to fetch.
   */
  readonly lastIncludedIndex: Index;
  readonly round: number;
}

/** All that members say to one another. */
export type Message =
  | VoteRequest
  | VoteReply
  | AppendRequest
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexReply
  | InstallSnapshot
  | InstallSnapshotReply;

export type MessageType = Message["type"];
