/**
 * From what nodes say of themselves and what they decided of late to what is wrong, in plain words. Pure.
 */
import { clockText } from "../base/clock_text.ts";
import type { GroupStatus, MemberList, NodeStatus, PeerStatus } from "../net/client_answers.ts";
import type { Told } from "../node/flight_recorder.ts";
import { majorityOf } from "../raft/quorum.ts";
import type { NodeState } from "./survey.ts";

/** What is known. */
export interface Evidence {
  readonly group: string;
  readonly states: readonly NodeState[];
  /** The newest that any node has; null if none has any. */
  readonly members: MemberList | null;
  /** Of all nodes that answer, the oldest first. */
  readonly story: readonly Told[];
}

/** One thing that is worth knowing. */
export interface Finding {
  /** `leader`, `change`, `refused`, or the name of a node. */
  readonly about: string;
  readonly says: string;
}

/** Sentences of the story that are quoted to one finding. */
const QUOTED_MAX = 5;

/** A follower that lacks no more than this is not behind: it is being written to. */
const LAG_ENTRIES = 256;

const ELECTION = /asks who would vote|campaigns in term|would not vote|does not vote|gives up: |got no majority|steps down|refused by/;
const REFUSAL = /refuses a proposal|refuses to change the members|gives up the transfer|rounds? of reads/;

interface Node {
  readonly status: NodeStatus;
  readonly main: GroupStatus;
}

/** The findings, the leader first. */
export function diagnose(evidence: Evidence): Finding[] {
  const { group, states, members, story } = evidence;
  const nodes = states.flatMap((state): Node[] => {
    const main = "unreachable" in state ? undefined : state.groups.find(({ name }) => name === group);
    return "unreachable" in state || main === undefined ? [] : [{ status: state, main }];
  });
  const leader = nodes.filter(({ main }) => main.role === "leader").sort((a, b) => b.main.term - a.main.term)[0] ?? null;
  return [
    { about: "leader", says: leader === null ? whyNoLeader(nodes, evidence) : leaderText(leader, story) },
    ...states.flatMap((state) => ofNode(state, group, leader)),
    ...ofChange(members, leader),
    ...quoted(story, REFUSAL).map((says) => ({ about: "refused", says })),
  ];
}

function leaderText({ status, main }: Node, story: readonly Told[]): string {
  const since = main.leaderSinceMs === null ? "" : ` for ${lengthText(main.leaderSinceMs)}`;
  const elected = story.findLast(({ text }) => text.startsWith(`${status.nodeId} `) && text.includes(`leads term ${main.term}`));
  const how = elected === undefined ? "" : `; ${clockText(elected.wallMs)} ${elected.text}`;
  return `${status.nodeId} leads term ${main.term}${since}${how}`;
}

/** By the configuration of whoever knows the newest term. */
function whyNoLeader(nodes: readonly Node[], { states, story }: Evidence): string {
  const newest = nodes.filter(({ main }) => main.role !== "waiting").sort((a, b) => b.main.term - a.main.term)[0];
  if (newest === undefined) return "nobody leads: no node that answers belongs to a cluster; found one with --initial or --bootstrap, or name its nodes with -c";
  const { voters, witnesses, outgoing } = newest.main.members;
  const halves = outgoing.length > 0 ? [[...voters, ...witnesses], outgoing] : [[...voters, ...witnesses]];
  const isThere = (id: string): boolean => nodes.some(({ status, main }) => status.nodeId === id && main.role !== "waiting" && main.role !== "removed");
  for (const half of halves) {
    const needed = majorityOf(half.length);
    const there = half.filter(isThere);
    if (there.length >= needed) continue;
    const away = half.filter((id) => !isThere(id));
    const texts = away.map((id) => `${id} ${awayText(states.find(({ nodeId }) => nodeId === id))}`);
    const silent = away.filter((id) => isSilent(states, id));
    const start = silent.length === 0 ? "" : `; start ${silent.join(" and ")}`;
    return `nobody leads: ${there.length} of ${half.length} voters are there, ${needed} needed: ${texts.join(", ")}${start}; if too few ever come back with their directories, draft admin recover goes on with the survivor whose draft log last tells the most`;
  }
  const missing = [...new Set(halves.flat())].filter((id) => isSilent(states, id));
  const start = missing.length === 0 ? "" : `; if none of them can win, they lack entries that ${missing.join(" or ")} may hold: start ${missing.join(" and ")}`;
  const last = quoted(story, ELECTION);
  const tried = last.length === 0 ? "an election is about to begin" : `what they decided last:\n  ${last.join("\n  ")}`;
  return `nobody leads term ${newest.main.term}, and enough voters are there${start}: ${tried}`;
}

function isSilent(states: readonly NodeState[], id: string): boolean {
  const state = states.find(({ nodeId }) => nodeId === id);
  return state === undefined || "unreachable" in state;
}

function awayText(state: NodeState | undefined): string {
  if (state === undefined || "unreachable" in state) return "does not answer";
  return state.groups[0]?.role === "waiting" ? "waits: its directory was lost" : "is not in the group";
}

function ofNode(state: NodeState, group: string, leader: Node | null): Finding[] {
  const about = state.nodeId;
  const peer = leader?.main.peers.find(({ id }) => id === about) ?? null;
  const finding = (says: string): Finding => ({ about, says });
  if ("unreachable" in state) {
    const heard = peer === null || peer.lastContactMs === null ? "" : `; ${leader?.status.nodeId} heard it last ${lengthText(peer.lastContactMs)} ago`;
    // Only whoever leads can change the members.
    const lost = leader === null ? "" : `; if it is lost for good, draft admin del ${about} or replace`;
    return [finding(`does not answer at ${state.address}${heard}: start it${lost}`)];
  }
  const findings = state.alarms.map(({ code, message }) => finding(`${code}: ${message}`));
  const main = state.groups.find(({ name }) => name === group);
  if (state.fenced) findings.push(finding("its log failed: it votes and acknowledges no more; see its own log, check its disk"));
  if (main === undefined || main.role === "waiting") return findings;
  if (main.condition !== null) findings.push(finding(`its log is in the condition ${main.condition}`));
  if (peer !== null && leader !== null) findings.push(...behind(peer, leader, main).map(finding));
  if (main.commitIndex - main.appliedIndex > LAG_ENTRIES) {
    findings.push(finding(`its machine has applied ${main.appliedIndex} of ${main.commitIndex} committed entries: it is slow, or was just started`));
  }
  return findings;
}

/** Why a member lacks entries of the leader. */
function behind(peer: PeerStatus, { status, main: { lastIndex, firstIndex } }: Node, own: GroupStatus): string[] {
  const lag = lastIndex - peer.matchIndex;
  if (lag <= LAG_ENTRIES && peer.state === "replicate") return [];
  const heard = peer.lastContactMs === null ? "never" : `${lengthText(peer.lastContactMs)} ago`;
  const much = `${lag} of ${lastIndex} entries behind`;
  switch (peer.state) {
    case "snapshot": return [`${much}: the log of ${status.nodeId} begins at ${firstIndex}, so it fetches a snapshot (its own log reaches ${own.lastIndex})`];
    case "probe": return lag === 0 ? [] : [`${much}: ${status.nodeId} looks for where their logs agree; it answered ${heard}: is the way from ${status.nodeId} to ${peer.address} open?`];
    case "replicate": return [`${much}, and takes them in: its disk or the network is slower than what is written (durable up to ${own.durableIndex})`];
  }
}

function ofChange(members: MemberList | null, leader: Node | null): Finding[] {
  if (members === null || members.settled) return [];
  const planned = members.members.filter(({ role, target }) => role !== target).map(({ id, role, target }) => `${id} ${role} → ${target}`);
  const rising = members.members.filter(({ role, target }) => role === "learner" && target === "voter").map(({ id }) => {
    const peer = leader?.main.peers.find((each) => each.id === id);
    return peer === undefined ? id : `${id}, which has ${peer.matchIndex} of ${leader?.main.lastIndex} entries`;
  });
  if (planned.length === 0 && leader === null) return [{ about: "change", says: `the members are as of index ${members.index}: whether that is committed nobody knows while nobody leads` }];
  const what = planned.length === 0 ? "" : ` (${planned.join(", ")})`;
  const waits = rising.length === 0 ? "its entry is not committed yet" : `it waits for ${rising.join("; ")}; draft admin cancel calls it off`;
  return [{ about: "change", says: `a change of the members is under way since index ${members.index}${what}: ${waits}` }];
}

function quoted(story: readonly Told[], pattern: RegExp): string[] {
  return story.filter(({ text }) => pattern.test(text)).slice(-QUOTED_MAX).map(({ wallMs, text }) => `${clockText(wallMs)} ${text}`);
}

function lengthText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}
