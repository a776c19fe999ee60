/** What the states of all members come to: who leads, who decides, and one row for each. Pure. */
import type { NodeState } from "../gateway/survey.ts";
import type { GroupStatus, NodeStatus, PeerStatus } from "../net/client_answers.ts";
import { majorityOf } from "../raft/quorum.ts";

/** One member, or a node that waits. */
export interface NodeRow {
  readonly id: string;
  readonly address: string;
  /** Null if it does not answer. */
  readonly status: NodeStatus | null;
  readonly group: GroupStatus | null;
  /** What the leader knows of it. */
  readonly peer: PeerStatus | null;
  readonly isLeader: boolean;
  /** What it is in the configuration. */
  readonly membership: "voter" | "learner" | "witness" | "leaving" | "none";
  /** Entries that the leader has and this one has not, durably; null if nobody knows. */
  readonly behind: number | null;
}

/** The whole group. */
export interface Summary {
  readonly clusterId: string | null;
  readonly machine: string | null;
  readonly version: string;
  readonly leader: NodeRow | null;
  readonly term: number;
  /** For how long the leader leads, in milliseconds. */
  readonly leaderSinceMs: number | null;
  readonly commitIndex: number | null;
  readonly rows: readonly NodeRow[];
  /** Voters and witnesses, and how many of them answer. */
  readonly deciders: number;
  readonly answering: number;
  readonly quorum: number;
}

/** @param groupName the group that is shown */
export function summaryOf(states: readonly NodeState[], groupName: string): Summary {
  const known = states.map((state) => {
    const status = "unreachable" in state ? null : state;
    return { id: state.nodeId, address: state.address, status, group: status?.groups.find(({ name }) => name === groupName) ?? null };
  });
  const newest = newestFirst(known.flatMap(({ group }) => (group === null || group.role === "waiting" ? [] : [group])));
  const leading = newest.find(({ role }) => role === "leader") ?? null;
  const rows = known.map(({ id, address, status, group }): NodeRow => {
    const peer = leading?.peers.find((each) => each.id === id) ?? null;
    return { id, address, status, group, peer, isLeader: group !== null && group === leading, membership: membershipOf(id, leading ?? newest[0]), behind: behindOf(peer, group, leading) };
  });
  const deciders = rows.filter(({ membership }) => membership === "voter" || membership === "witness");
  const first = known.find(({ status }) => status !== null)?.status ?? null;
  return {
    clusterId: known.map(({ status }) => status?.clusterId ?? null).find((id) => id !== null) ?? null,
    machine: newest.map(({ machine }) => machine).find((name) => name !== null) ?? null,
    version: first?.version ?? "",
    leader: rows.find(({ isLeader }) => isLeader) ?? null,
    term: newest[0]?.term ?? 0,
    leaderSinceMs: leading?.leaderSinceMs ?? null,
    commitIndex: newest.length === 0 ? null : Math.max(...newest.map(({ commitIndex }) => commitIndex)),
    rows,
    deciders: deciders.length,
    answering: deciders.filter(({ status, group }) => status !== null && group !== null && group.role !== "waiting").length,
    quorum: majorityOf(deciders.length),
  };
}

/** By term; of one term the leader first, for it knows most. */
function newestFirst(groups: readonly GroupStatus[]): GroupStatus[] {
  const rank = ({ role }: GroupStatus): number => (role === "leader" ? 1 : 0);
  return [...groups].sort((a, b) => b.term - a.term || rank(b) - rank(a));
}

function membershipOf(id: string, group: GroupStatus | undefined): NodeRow["membership"] {
  if (group === undefined) return "none";
  const { voters, learners, witnesses, outgoing } = group.members;
  if (voters.includes(id)) return "voter";
  if (witnesses.includes(id)) return "witness";
  if (learners.includes(id)) return "learner";
  return outgoing.includes(id) ? "leaving" : "none";
}

function behindOf(peer: PeerStatus | null, group: GroupStatus | null, leading: GroupStatus | null): number | null {
  if (leading === null) return null;
  if (group === leading) return 0;
  // What it says itself may be newer than what the leader heard.
  const has = Math.max(peer?.matchIndex ?? -1, group?.durableIndex ?? -1);
  return has < 0 ? null : Math.max(0, leading.lastIndex - has);
}

/** How many more of those who decide may stop answering, and writes go on; below 0: they do not. */
export function spareOf({ answering, quorum }: Summary): number {
  return answering - quorum;
}
