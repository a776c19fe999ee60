/**
 * What a node tells its clients about itself, with the field names of the status API. Client, node and doors share
 * these shapes; they travel as CBOR maps, since they are rare and shown to people.
 */
import { DraftError, type LeaderHint } from "../base/errors.ts";

/** One operation of a group's machine. */
export interface OperationInfo {
  readonly name: string;
  readonly kind: "read" | "write";
  /** What follows the name, for people: `K V [EX s]`. Empty if nothing does. */
  readonly args: string;
  readonly summary: string;
}

/** What a leader knows of one other member. */
export interface PeerStatus {
  readonly id: string;
  readonly address: string;
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly state: "probe" | "replicate" | "snapshot";
  /** null if it was never heard from. */
  readonly lastContactMs: number | null;
}

/** What a node is in a group. */
export type GroupRole =
  | "leader" | "follower" | "candidate" | "pre-candidate" | "learner" | "witness" | "waiting" | "removed";

/** One group, as this node sees it. */
export interface GroupStatus {
  readonly name: string;
  readonly id: number;
  readonly machine: string | null;
  readonly machineVersion: number;
  readonly machineVersionMax: number;
  readonly role: GroupRole;
  readonly term: number;
  readonly leader: LeaderHint | null;
  readonly leaderSinceMs: number | null;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly durableIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly snapshotIndex: number;
  readonly stateHash: string | null;
  readonly stateHashIndex: number;
  readonly members: {
    readonly voters: readonly string[];
    readonly learners: readonly string[];
    readonly witnesses: readonly string[];
    readonly outgoing: readonly string[];
  };
  readonly voting: boolean;
  readonly condition: string | null;
  readonly quiesced: boolean;
  readonly peers: readonly PeerStatus[];
}

/** One node. */
export interface NodeStatus {
  readonly version: string;
  readonly runtime: string;
  readonly pid: number;
  readonly clusterId: string | null;
  readonly nodeId: string;
  readonly incarnation: string;
  readonly address: string;
  readonly uptimeMs: number;
  readonly fenced: boolean;
  readonly disk: { readonly freeBytes: number; readonly state: string };
  readonly groups: readonly GroupStatus[];
  readonly alarms: readonly { readonly code: string; readonly message: string }[];
}

/** One member of the newest configuration that the answering node has. */
export interface MemberInfo {
  readonly id: string;
  readonly address: string;
  readonly role: "voter" | "learner" | "witness" | "leaving";
  readonly incarnation: string;
  /** Whether the answering node is connected to it, or is it. */
  readonly reachable: boolean;
}

/** The members of a group. */
export interface MemberList {
  /** Index of the configuration's entry. */
  readonly index: number;
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
  const { index, members } = recordFrom(value, "list of members");
  if (typeof index !== "number" || !Array.isArray(members)) throw unreadable("list of members");
  for (const row of members as unknown[]) {
    const { id, address } = recordFrom(row, "list of members");
    if (typeof id !== "string" || typeof address !== "string") throw unreadable("list of members");
  }
  return { index, members: members as MemberInfo[] };
}

function recordFrom(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(what);
  return value as Record<string, unknown>;
}

function textOrEmpty(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function unreadable(what: string): DraftError {
  return new DraftError("BAD_REQUEST", `a node's ${what} cannot be read: use the version of draft that the node runs`);
}
