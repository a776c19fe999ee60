/**
 * What a node tells its clients about itself, with the field names of the status API. Client, node and doors share
 * these shapes; they travel as CBOR maps, since they are rare and shown to people.
 */
import { DraftError, type LeaderHint } from "../base/errors.ts";

/** One operation of a group's machine. */
export interface OperationInfo {
  /** As the plugin writes it. */
  readonly name: string;
  /** A write goes through the log, a read does not. */
  readonly kind: "read" | "write";
  /** What follows the name, for people: `K V [EX s]`. Empty if nothing does. */
  readonly args: string;
  /** One line of help; empty if there is none. */
  readonly summary: string;
}

/** What a leader knows of one other member. */
export interface PeerStatus {
  /** Name of the node. */
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  /** Its log is known to equal the leader's, durably, up to here. */
  readonly matchIndex: number;
  /** The next entry that is sent to it. */
  readonly nextIndex: number;
  /** Looking for where the logs agree, sending in a stream, or sending a snapshot. */
  readonly state: "probe" | "replicate" | "snapshot";
  /** null if it was never heard from. */
  readonly lastContactMs: number | null;
}

/** What a node is in a group. */
export type GroupRole =
  | "leader" | "follower" | "candidate" | "pre-candidate" | "learner" | "witness" | "waiting" | "removed";

/** One group, as this node sees it. */
export interface GroupStatus {
  /** `main` is the one that every cluster has. */
  readonly name: string;
  /** Number of the group; `main` is 1. */
  readonly id: number;
  /** Name of its machine; null on a witness. */
  readonly machine: string | null;
  /** The version in force; 0 while the node waits, and on a witness. */
  readonly machineVersion: number;
  /** The version that this node's plugin has; 0 on a witness. */
  readonly machineVersionMax: number;
  /** What this node is in it. */
  readonly role: GroupRole;
  /** The newest term that this node knows. */
  readonly term: number;
  /** Who leads, as far as this node knows. */
  readonly leader: LeaderHint | null;
  /** For how long, in milliseconds. */
  readonly leaderSinceMs: number | null;
  /** Index of the first entry that the log still holds. */
  readonly firstIndex: number;
  /** Index of the last entry. */
  readonly lastIndex: number;
  /** Entries up to here are on this node's disk. */
  readonly durableIndex: number;
  /** Entries up to here are known committed. */
  readonly commitIndex: number;
  /** Entries up to here were applied to the machine; a witness has none, and counts as applied what is committed. */
  readonly appliedIndex: number;
  /** Entries up to here are in the snapshot; 0 without one. */
  readonly snapshotIndex: number;
  /** Digest of the state: nodes with an equal `stateHashIndex` must have equal ones. */
  readonly stateHash: string | null;
  /** The index at which `stateHash` was taken. */
  readonly stateHashIndex: number;
  /** Names of the members, by role; `outgoing` are being removed. */
  readonly members: {
    readonly voters: readonly string[];
    readonly learners: readonly string[];
    readonly witnesses: readonly string[];
    readonly outgoing: readonly string[];
  };
  /** Whether this node's vote counts. */
  readonly voting: boolean;
  /** What is wrong with its log; null if nothing. */
  readonly condition: string | null;
  /** Whether the group is asleep for want of work. */
  readonly quiesced: boolean;
  /** The other members; empty off the leader. */
  readonly peers: readonly PeerStatus[];
}

/** Gaps between two looks at an event loop. */
export interface LoopStatus {
  /** Upper bounds in milliseconds, rising. */
  readonly boundsMs: readonly number[];
  /** Gaps up to each bound and above the one before it; one more: those above the last. */
  readonly counts: readonly number[];
  /** Of all gaps, in milliseconds. */
  readonly sumMs: number;
  /** The longest gap, in milliseconds. */
  readonly longestMs: number;
}

/** One thing that has to be so before a node is of full use. */
export interface ReadyCheck {
  /** `cluster`, `disk`; `leader` and `machine` of a group, with its name in front unless it is main. */
  readonly name: string;
  readonly ok: boolean;
  /** What it waits for, or how far that is; empty if it is so. */
  readonly message: string;
}

/** How far the files of a node were read again since its start, so that what rots is found. */
export interface ScrubStatus {
  /** Of all closed files. */
  readonly passes: number;
  /** How long the last one took, in milliseconds; null before the first. */
  readonly lastPassMs: number | null;
  readonly bytes: number;
  /** Files that were rotten, found by a pass or by a read; and those that are whole again. */
  readonly found: number;
  readonly mended: number;
}

/** One node. */
export interface NodeStatus {
  /** Of draft. */
  readonly version: string;
  /** `bun 1.4.5`, or another. */
  readonly runtime: string;
  /** Of its process. */
  readonly pid: number;
  /** null while the node is in no cluster. */
  readonly clusterId: string | null;
  /** Its name. */
  readonly nodeId: string;
  /** Which life of its directory, in hexadecimal. */
  readonly incarnation: string;
  /** `host:port` where others find it. */
  readonly address: string;
  /** Since its start, in milliseconds. */
  readonly uptimeMs: number;
  /** Whether all of `checks` are so: a node that has not caught up yet takes part, and answers old reads or late ones. */
  readonly ready: boolean;
  readonly checks: readonly ReadyCheck[];
  /** Its disk failed: it votes and acknowledges no more. */
  readonly fenced: boolean;
  /** Room on its disk, in bytes; `ok`, `full` or `stuck`. */
  readonly disk: { readonly freeBytes: number; readonly state: string };
  /** Null while it takes part in nothing. */
  readonly scrub: ScrubStatus | null;
  /** How long its event loop stayed away, since the start: see node/loop_gaps.ts; null if nobody looks. */
  readonly loop: LoopStatus | null;
  /** The groups that it takes part in. */
  readonly groups: readonly GroupStatus[];
  /** What a person should look at. */
  readonly alarms: readonly { readonly code: string; readonly message: string }[];
}

/** One member of the newest configuration that the answering node has. */
export interface MemberInfo {
  /** Name of the node. */
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  /** `leaving` while a change removes it. */
  readonly role: "voter" | "learner" | "witness" | "leaving";
  /** What it is to become once it has caught up, or the joint step is over; the same where nothing is planned. */
  readonly target: "voter" | "learner" | "witness" | "leaving";
  /** Which life of its directory, in hexadecimal. */
  readonly incarnation: string;
  /** Whether the answering node is connected to it, or is it. */
  readonly reachable: boolean;
}

/** The members of a group. */
export interface MemberList {
  /** Index of the configuration's entry. */
  readonly index: number;
  /** Whether that is committed, and no change is under way. */
  readonly settled: boolean;
  /** In the order in which they were added. */
  readonly members: readonly MemberInfo[];
}

/** Checks a list of operations that a node sent. */
export function operationsFrom(value: unknown): OperationInfo[] {
  if (!Array.isArray(value)) throw unreadable("list of operations");
  return value.map((row: unknown) => {
    const { name, kind, args, summary } = recordFrom(row, "list of operations");
    if (typeof name !== "string" || (kind !== "read" && kind !== "write")) throw unreadable("list of operations");
    return { name, kind, args: textOrEmpty(args), summary: textOrEmpty(summary) };
  });
}

/** Checks that a node sent bytes; what they hold is read by node/recording.ts. A copy: they are a view of the frame. */
export function recordingFrom(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw unreadable("recording");
  return new Uint8Array(value);
}

/** @throws DraftError BAD_REQUEST if it is no index */
export function indexFrom(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw unreadable("index");
  return value;
}

/** Checks as much of a status as its readers rely on; what a newer node adds stays. */
export function statusFrom(value: unknown): NodeStatus {
  const status = recordFrom(value, "status");
  const sound = typeof status["nodeId"] === "string" && typeof status["address"] === "string" &&
    Array.isArray(status["groups"]) && status["groups"].every(isGroupStatus);
  if (!sound) throw unreadable("status");
  return status as unknown as NodeStatus;
}

function isGroupStatus(value: unknown): boolean {
  const { name, role, term, members, peers } = recordFrom(value, "status");
  if (typeof name !== "string" || typeof role !== "string" || typeof term !== "number" || !Array.isArray(peers)) {
    return false;
  }
  const { voters, learners, witnesses, outgoing } = recordFrom(members, "status");
  return [voters, learners, witnesses, outgoing].every(Array.isArray);
}

/** Checks a list of members that a node sent. */
export function membersFrom(value: unknown): MemberList {
  const { index, settled, members } = recordFrom(value, "list of members");
  if (typeof index !== "number" || typeof settled !== "boolean" || !Array.isArray(members)) throw unreadable("list of members");
  for (const row of members as unknown[]) {
    const { id, address } = recordFrom(row, "list of members");
    if (typeof id !== "string" || typeof address !== "string") throw unreadable("list of members");
  }
  return { index, settled, members: members as MemberInfo[] };
}

/** A map of `what` that a node sent. @throws DraftError BAD_REQUEST */
export function recordFrom(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(what);
  return value as Record<string, unknown>;
}

function textOrEmpty(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** A node sent something else than `what` is. */
export function unreadable(what: string): DraftError {
  return new DraftError("BAD_REQUEST", `a node's ${what} cannot be read: use the version of draft that the node runs`);
}
