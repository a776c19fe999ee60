/**
 * The core's vocabulary: names of the Raft dissertation (Ongaro 2014), and draft's member numbers and incarnations.
 */
import type { EntryHead } from "../base/entry.ts";

/** The name of a node, as its operator gave it: 1–64 of `a-z 0-9 . _ -`. */
export type NodeId = string;

/** The number of a member in its group: given by the entry that adds it (genesis: 1…n), never reused. 0 is nobody. */
export type MemberNumber = number;

/** Which life of a node: drawn at random when a data directory is made, durable before its first hello. 0 is none. */
export type Incarnation = number;

/** Counts the starts of one incarnation: 1, 2, 3, … */
export type BootId = number;

/** One Raft log: the index of the entry in `main` that created it; `main` itself is 1. */
export type GroupId = number;

/** The group that every cluster has. */
export const MAIN_GROUP: GroupId = 1;

export type Term = number;

/** Position in a log, 1-based; 0 is before the first. */
export type Index = number;

/** What a member may do. A witness votes and keeps headers; a learner keeps all and does not vote. */
export type MemberRole = "voter" | "learner" | "witness";

/** One member of a configuration. */
export interface Member {
  readonly number: MemberNumber;
  readonly id: NodeId;
  /** `host:port`, a hint where to dial. */
  readonly address: string;
  readonly incarnation: Incarnation;
  /** Its role in the configuration that holds or is entered; null if it is being removed by a joint step. */
  readonly role: MemberRole | null;
  /** Its role in the configuration that is being left by a joint step; null if it had none, or if nothing is joint. */
  readonly outgoingRole: MemberRole | null;
  /** What it shall become once it caught up; equal to `role` if nothing is planned. */
  readonly targetRole: MemberRole | null;
  /** In log time: by when it must have caught up to become that; 0 if nothing is planned. */
  readonly promoteByMs: number;
}

/** Who takes part in a group, from the index of its entry on. */
export interface Configuration {
  /** Index of the entry that holds it; 0 for the genesis. */
  readonly index: Index;
  readonly members: readonly Member[];
  /** Both halves count (dissertation 4.3) until the entry that leaves the joint step. */
  readonly joint: boolean;
  /** The number that the next new member gets. */
  readonly nextMemberNumber: MemberNumber;
}

/** What must survive a crash besides the log (dissertation figure 3.1). Written as one record. */
export interface HardState {
  readonly term: Term;
  /** Who got this node's vote in `term`; 0 if nobody. */
  readonly votedFor: MemberNumber;
  /** Advisory: entries up to here were known committed when the record was written. */
  readonly commitIndex: Index;
}

/** An entry as the core sees it: its header, and the content if it is a configuration. Payload bytes never enter. */
export interface LogEntry extends EntryHead {
  configuration: Configuration | null;
}

/** A point of a log that says all about what lies before it. */
export interface LogPoint {
  readonly index: Index;
  readonly term: Term;
  readonly chain: number;
}

/** Where a log begins that does not reach back to its first entry: what stands in for all before. */
export interface LogStart {
  readonly point: LogPoint;
  /** In force at the point. */
  readonly configuration: Configuration;
  /** Log time at or behind the point. */
  readonly timeMs: number;
}

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

/** What the core is told once. Times in milliseconds. */
export interface RaftConfig {
  readonly group: GroupId;
  readonly self: MemberNumber;
  readonly incarnation: Incarnation;
  readonly bootId: BootId;
  /** This node keeps positions and no payloads, and has no machine: fixed for its number. */
  readonly witness: boolean;
  readonly heartbeatMs: number;
  /** The election timeout is drawn anew for each round from this range. */
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  /** The longest time for which an earlier process of this node may have promised to vote for nobody; 0: none has. */
  readonly promisedMs: number;
  /** Entries of one append message, at most, by count and by sealed bytes (one entry always goes). */
  readonly appendEntriesMax: number;
  readonly appendBytesMax: number;
  /** Unacknowledged append messages and bytes per follower, at most. */
  readonly inflightAppendsMax: number;
  readonly inflightBytesMax: number;
  /** Sealed bytes of entries that are not committed yet, at most: beyond, proposals are refused with BUSY. */
  readonly uncommittedBytesMax: number;
  /** Sealed bytes of entries that a snapshot holds and that stay in the log, for followers that are not far behind. */
  readonly retainBytes: number;
  /** Reads that wait for their confirmation, at most. */
  readonly pendingReadsMax: number;
  /** A leader lets the replicas' states be compared after so many entries, or so much log time in use. */
  readonly verdictEntries: number;
  readonly verdictMs: number;
  /** Seed of the election timeouts. */
  readonly seed: number;
}
