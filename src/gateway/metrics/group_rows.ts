/** Metrics of each group. */
import type { GroupStatus } from "../../net/client_answers.ts";
import type { Counted } from "../../node/group_counts.ts";
import type { Group } from "../../node/group.ts";
import { currentConfiguration } from "../../raft/state.ts";
import { bytesAfter } from "../../raft/trail.ts";
import { byName, type Labels, oneOf, type Reading, type Row, type Values } from "./row.ts";

const ROLES: readonly string[] = ["leader", "follower", "candidate", "pre-candidate", "learner", "witness", "waiting", "removed"];
const PEER_STATES: readonly string[] = ["probe", "replicate", "snapshot"];

/** A number of each group, as its status has it. */
function told(read: (group: GroupStatus) => number): (reading: Reading) => Values<number> {
  return ({ status }) => status.groups.map((group) => [{ group: group.name }, read(group)]);
}

/** Numbers of each group that were counted. */
function counted<T>(read: (counted: Counted, labels: Labels) => Values<T>): (reading: Reading) => Values<T> {
  return ({ node, meters }) => [...node.groups.values()].flatMap((group) => {
    const counts = meters.groups.of(group.state.config.group);
    return counts === null ? [] : read(counts, { group: group.name });
  });
}

/** One number of each group that was counted. */
function count(read: (counted: Counted) => number): (reading: Reading) => Values<number> {
  return counted((counts, labels) => [[labels, read(counts)]]);
}

/** A number of each group, read from the group itself. */
function inGroup(read: (group: Group) => number): (reading: Reading) => Values<number> {
  return ({ node }) => [...node.groups.values()].map((group) => [{ group: group.name }, read(group)]);
}

/** Numbers of each peer, as the leader sees it; none elsewhere. */
function ofPeers(read: (peer: GroupStatus["peers"][number], group: GroupStatus, labels: Labels) => Values<number>): (reading: Reading) => Values<number> {
  return ({ status }) => status.groups.flatMap((group) => group.peers.flatMap((peer) => read(peer, group, { group: group.name, peer: peer.id })));
}

const STATE_ROWS: readonly Row[] = [
  { type: "gauge", name: "draft_role", help: "1 for the role that this node has in the group", read: ({ status }) => status.groups.flatMap(({ name, role }) => oneOf("role", ROLES, role, { group: name })) },
  { type: "gauge", name: "draft_has_leader", help: "1 if this node knows who leads the group", read: told(({ leader }) => Number(leader !== null)) },
  { type: "gauge", name: "draft_voting", help: "1 if this node's vote counts in the group", read: told(({ voting }) => Number(voting)) },
  { type: "gauge", name: "draft_term", help: "The newest term that this node knows", read: told(({ term }) => term) },
  { type: "gauge", name: "draft_log_first_index", help: "Index of the first entry that the log still holds", read: told(({ firstIndex }) => firstIndex) },
  { type: "gauge", name: "draft_log_last_index", help: "Index of the last entry", read: told(({ lastIndex }) => lastIndex) },
  { type: "gauge", name: "draft_log_durable_index", help: "Entries up to here are on this node's disk", read: told(({ durableIndex }) => durableIndex) },
  { type: "gauge", name: "draft_commit_index", help: "Entries up to here are known committed", read: told(({ commitIndex }) => commitIndex) },
  { type: "gauge", name: "draft_applied_index", help: "Entries up to here were applied to the machine", read: told(({ appliedIndex }) => appliedIndex) },
  { type: "gauge", name: "draft_snapshot_index", help: "Entries up to here are in the snapshot; 0 without one", read: told(({ snapshotIndex }) => snapshotIndex) },
  { type: "gauge", name: "draft_apply_lag_entries", help: "Committed entries that the machine was not given yet", read: told(({ commitIndex, appliedIndex }) => Math.max(0, commitIndex - appliedIndex)) },
  { type: "gauge", name: "draft_log_unsynced_entries", help: "Entries that are not on this node's disk yet", read: told(({ lastIndex, durableIndex }) => Math.max(0, lastIndex - durableIndex)) },
  { type: "gauge", name: "draft_log_uncommitted_bytes", help: "Bytes of entries that are not committed: beyond --queue-bytes-max, BUSY", read: inGroup(({ state }) => bytesAfter(state.trail, state.commitIndex)) },
  {
    type: "gauge", name: "draft_members", help: "Members of the group, by role, as this node knows them",
    read: ({ status }) => status.groups.flatMap(({ name, members: { voters, learners, witnesses, outgoing } }) =>
      byName("role", { voter: voters.length, learner: learners.length, witness: witnesses.length, leaving: outgoing.length }, { group: name })),
  },
  { type: "gauge", name: "draft_watches", help: "Watches that are open on this node, whichever door they came by", read: inGroup(({ watches }) => watches.size) },
  { type: "gauge", name: "draft_watch_history_changes", help: "Changes that are held for watchers", read: inGroup(({ applier }) => applier.history.size) },
  { type: "gauge", name: "draft_watch_history_bytes", help: "What they count", read: inGroup(({ applier }) => applier.history.bytes) },
];

const PEER_ROWS: readonly Row[] = [
  { type: "gauge", name: "draft_peer_lag_entries", help: "Entries of the log that the peer has not acknowledged; told by the leader", read: ofPeers(({ matchIndex }, { lastIndex }, labels) => [[labels, Math.max(0, lastIndex - matchIndex)]]) },
  {
    type: "gauge", name: "draft_peer_last_contact_seconds", help: "Since the peer was heard last; told by the leader, of peers that it has heard",
    read: ofPeers(({ lastContactMs }, _, labels) => (lastContactMs === null ? [] : [[labels, lastContactMs / 1000]])),
  },
  { type: "gauge", name: "draft_peer_state", help: "1 for how the peer is sent entries: probe, replicate, snapshot; told by the leader", read: ofPeers(({ state }, _, labels) => oneOf("state", PEER_STATES, state, labels)) },
  {
    type: "gauge", name: "draft_peer_connected", help: "1 if this node's connections to the peer are up",
    read: ({ node }) => otherMembers(node).map(({ labels, number }) => [labels, Number(node.isLinked(number))]),
  },
  {
    type: "gauge", name: "draft_peer_queue_bytes", help: "Bytes that wait to be sent to the peer, by lane",
    read: ({ node }) => otherMembers(node).flatMap(({ labels, number }) => node.transport.queuesTo(number).map(({ bytes }, at): [Labels, number] => [{ ...labels, lane: at === 0 ? "control" : "bulk" }, bytes])),
  },
];

const COUNT_ROWS: readonly Row[] = [
  { type: "counter", name: "draft_proposals_total", help: "Entries that were asked for and given an index here; not those that a leader adds itself", read: count(({ proposed }) => proposed) },
  { type: "counter", name: "draft_proposals_refused_total", help: "Steps in which the core refused what was asked for, by why", read: counted(({ refused }, labels) => byName("reason", refused, labels)) },
  { type: "counter", name: "draft_commits_total", help: "Entries that became known as committed", read: count(({ committed }) => committed) },
  { type: "counter", name: "draft_applies_total", help: "Entries that the machine was given", read: count(({ applied }) => applied) },
  { type: "counter", name: "draft_reads_total", help: "Batches of linearizable and lease reads that the core was asked for an index", read: count(({ reads }) => reads) },
  { type: "counter", name: "draft_pre_elections_total", help: "How often this node asked whether it would win an election", read: count(({ preElections }) => preElections) },
  { type: "counter", name: "draft_elections_total", help: "Terms in which this node campaigned", read: count(({ elections }) => elections) },
  { type: "counter", name: "draft_elections_won_total", help: "Terms in which this node led", read: count(({ wins }) => wins) },
  { type: "counter", name: "draft_leader_changes_total", help: "Leaders that this node heard of, each once a term", read: count(({ leaderChanges }) => leaderChanges) },
  { type: "counter", name: "draft_snapshots_taken_total", help: "Snapshots of the machine that this node took", read: count(({ snapshotsTaken }) => snapshotsTaken) },
  { type: "counter", name: "draft_snapshots_restored_total", help: "Snapshots of other members that took the place of this node's state", read: count(({ snapshotsRestored }) => snapshotsRestored) },
  { type: "counter", name: "draft_messages_sent_total", help: "Messages of the protocol that were sent, by type", read: counted(({ sent }, labels) => byName("type", sent, labels)) },
  { type: "counter", name: "draft_messages_received_total", help: "Messages of the protocol that were taken in, by type", read: counted(({ received }, labels) => byName("type", received, labels)) },
  { type: "histogram", name: "draft_commit_seconds", help: "From an entry's index until it was committed; of entries that were asked for here", read: counted(({ commitLatency }, labels) => [[labels, commitLatency]]) },
  { type: "histogram", name: "draft_apply_seconds", help: "From an entry's index until the machine was given it; of entries that were asked for here", read: counted(({ applyLatency }, labels) => [[labels, applyLatency]]) },
  { type: "histogram", name: "draft_store_seconds", help: "From when the core asked for it until records were durable on this node", read: counted(({ storeLatency }, labels) => [[labels, storeLatency]]) },
];

export const GROUP_ROWS: readonly Row[] = [...STATE_ROWS, ...PEER_ROWS, ...COUNT_ROWS];

/** The other members of each group, by number. */
function otherMembers(node: Reading["node"]): { labels: Labels; number: number }[] {
  return [...node.groups.values()].flatMap(({ name, state }) => {
    const { members } = currentConfiguration(state);
    return members.filter(({ number }) => number !== state.config.self).map(({ id, number }) => ({ labels: { group: name, peer: id }, number }));
  });
}
