/**
 * What a node says of itself and its groups, with the field names of the status API.
 */
import type { GroupRole, GroupStatus, MemberInfo, MemberList, PeerStatus, ReadyCheck } from "../net/client_answers.ts";
import { isSettled } from "../raft/configuration_change.ts";
import { currentMember } from "../raft/membership.ts";
import { isVoting } from "../raft/quorum.ts";
import { currentConfiguration } from "../raft/state.ts";
import type { Incarnation, MemberRole } from "../raft/types.ts";
import type { Group } from "./group.ts";
import type { Peers } from "./peers.ts";

/** An incarnation as people see it. */
export function incarnationText(incarnation: Incarnation): string {
  return incarnation.toString(16).padStart(14, "0");
}

/**
 * One group, as this node sees it.
 *
 * @param peers whether this node takes part
 */
export function groupStatus(group: Group, nowMs: number, peers: Pick<Peers, "removed" | "fallenBack"> | null): GroupStatus {
  const { state, applier } = group;
  const { trail } = state;
  const { witness } = state.config;
  const self = currentMember(state, state.config.self);
  const { shift } = applier.beginning;
  const isDead = (peers?.fallenBack ?? "") !== "";
  return {
    name: group.name,
    id: state.config.group,
    machine: witness ? null : applier.plugin.name,
    machineVersion: witness ? 0 : applier.view().version,
    machineVersionMax: witness ? 0 : applier.plugin.version,
    role: (peers?.removed ?? "") !== "" ? "removed" : isDead ? "waiting" : roleOf(group),
    term: state.term,
    leader: group.leader,
    leaderSinceMs: group.leaderSinceMs === null ? null : Math.round(nowMs - group.leaderSinceMs),
    firstIndex: Math.max(1, trail.base.index + 1 + shift),
    lastIndex: trail.lastIndex + shift,
    durableIndex: state.durableIndex + shift,
    commitIndex: state.commitIndex + shift,
    appliedIndex: witness ? state.lastApplied : applier.lastApplied.index + shift,
    snapshotIndex: witness || state.snapshotIndex === 0 ? 0 : state.snapshotIndex + shift,
    stateHash: witness || applier.readableIndex < 0 ? null : applier.stateHash(),
    stateHashIndex: witness ? 0 : applier.lastApplied.index + shift,
    members: {
      voters: idsOf(group, "voter"),
      learners: idsOf(group, "learner"),
      witnesses: idsOf(group, "witness"),
      outgoing: currentConfiguration(state).members.filter((member) => member.role === null).map((member) => member.id),
    },
    voting: self !== null && isVoting(state.voters, self.number) && state.editNumber === 0 && !isDead,
    condition: isDead ? "dead-incarnation" : group.edits.condition ?? (group.scrub.lacksEntries ? "damaged-payload" : null),
    quiesced: false,
    peers: peersOf(group, nowMs),
  };
}

function roleOf(group: Group): GroupRole {
  const { state } = group;
  const self = currentMember(state, state.config.self);
  // One that was told who it is, and has not seen it in its log.
  if (self === null) return "waiting";
  if (self.role === "witness" || self.role === "learner") return self.role;
  return state.role;
}

function idsOf(group: Group, role: MemberRole): string[] {
  return currentConfiguration(group.state).members.filter((member) => member.role === role).map((member) => member.id);
}

function peersOf(group: Group, nowMs: number): PeerStatus[] {
  const peers: PeerStatus[] = [];
  for (const progress of group.state.progress.values()) {
    const member = currentMember(group.state, progress.member);
    if (member === null) continue;
    const { state, lastHeardMs } = progress;
    const [matchIndex, nextIndex] = [progress.matchIndex, progress.nextIndex].map((index) => Math.max(0, group.applier.beginning.shown(index))) as [number, number];
    const lastContactMs = Number.isFinite(lastHeardMs) ? Math.max(0, Math.round(nowMs - lastHeardMs)) : null;
    peers.push({ id: member.id, address: group.addressOf(member), matchIndex, nextIndex, state, lastContactMs });
  }
  return peers;
}

/** What has to be so for the node to be of full use; `waitsFor`: of a node without a cluster, `ofDisk`: what is wrong with its disk. */
export function readyChecks(groups: readonly Group[], waitsFor: string, ofDisk: string): ReadyCheck[] {
  const checks = [check("cluster", groups.length > 0 ? "" : waitsFor || "this node has no cluster yet"), check("disk", ofDisk)];
  for (const { name, leader, applier, readiness, state } of groups) {
    const prefix = name === "main" ? "" : `${name} `;
    checks.push(check(`${prefix}leader`, leader === null ? "nobody is known to lead" : ""));
    if (!state.config.witness) checks.push(check(`${prefix}machine`, applier.readableIndex < 0 ? "it is being restored from a snapshot" : readiness.waitsFor));
  }
  return checks;
}

function check(name: string, message: string): ReadyCheck {
  return { name, ok: message === "", message };
}

/** The status of the main group of a node that belongs to no cluster yet. */
export function waitingStatus(machine: string, machineVersion: number): GroupStatus {
  return {
    name: "main", id: 1, machine, machineVersion: 0, machineVersionMax: machineVersion, role: "waiting", term: 0,
    leader: null, leaderSinceMs: null, firstIndex: 1, lastIndex: 0, durableIndex: 0, commitIndex: 0, appliedIndex: 0,
    snapshotIndex: 0, stateHash: null, stateHashIndex: 0,
    members: { voters: [], learners: [], witnesses: [], outgoing: [] },
    voting: false, condition: null, quiesced: false, peers: [],
  };
}

/** The members of a group; `isReachable` tells of the others. */
export function memberList(group: Group, isReachable: (number: number) => boolean): MemberList {
  const configuration = currentConfiguration(group.state);
  const members = configuration.members.map((member): MemberInfo => ({
    id: member.id,
    address: group.addressOf(member),
    role: member.role ?? "leaving",
    target: member.targetRole ?? "leaving",
    incarnation: incarnationText(member.incarnation),
    reachable: member.number === group.state.config.self || isReachable(member.number),
  }));
  const settled = isSettled(configuration) && configuration.index <= group.state.commitIndex;
  return { index: Math.max(0, group.applier.beginning.shown(configuration.index)), settled, members };
}
