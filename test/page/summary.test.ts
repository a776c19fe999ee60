import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { NodeState } from "../../src/gateway/survey.ts";
import type { GroupStatus, NodeStatus } from "../../src/net/client_answers.ts";
import { laneOf, laneScale } from "../../src/page/lanes.ts";
import { spareOf, summaryOf } from "../../src/page/summary.ts";

const test = suite("summary of a page");

function group(more: Partial<GroupStatus>): GroupStatus {
  return {
    name: "main", id: 1, machine: "kv", machineVersion: 1, machineVersionMax: 1, role: "follower", term: 3, leader: null, leaderSinceMs: null,
    firstIndex: 1, lastIndex: 10, durableIndex: 10, commitIndex: 10, appliedIndex: 10, snapshotIndex: 0, stateHash: null, stateHashIndex: 0,
    members: { voters: ["a", "b", "c"], learners: [], witnesses: [], outgoing: [] }, voting: true, condition: null, quiesced: false, peers: [], ...more,
  };
}

function state(nodeId: string, more: Partial<GroupStatus>, rest: Partial<NodeStatus> = {}): NodeState {
  return {
    version: "0", runtime: "", pid: 1, clusterId: "c1", nodeId, incarnation: "", address: `${nodeId}:1`, uptimeMs: 1, ready: true, checks: [], fenced: false,
    disk: { freeBytes: 1, state: "ok" }, scrub: null, loop: null, groups: [group(more)], alarms: [], ...rest,
  };
}

const AWAY = (nodeId: string): NodeState => ({ nodeId, address: `${nodeId}:1`, unreachable: true });

test("who leads, who decides, how far behind", () => {
  const peers = [{ id: "b", address: "b:1", matchIndex: 8, nextIndex: 9, state: "replicate" as const, lastContactMs: 5 }, { id: "c", address: "c:1", matchIndex: 2, nextIndex: 3, state: "probe" as const, lastContactMs: null }];
  const summary = summaryOf([state("a", { role: "leader", lastIndex: 12, leaderSinceMs: 7, peers }), state("b", { durableIndex: 9 }), AWAY("c")], "main");
  assert.equal([summary.leader?.id, summary.term, summary.leaderSinceMs, summary.commitIndex, summary.machine, summary.clusterId], ["a", 3, 7, 10, "kv", "c1"]);
  assert.equal(summary.rows.map(({ id, behind, membership, isLeader }) => [id, behind, membership, isLeader]), [["a", 0, "voter", true], ["b", 3, "voter", false], ["c", 10, "voter", false]]);
  assert.equal([summary.deciders, summary.answering, summary.quorum, spareOf(summary)], [3, 2, 2, 0]);
});

test("of two that say that they lead, the one of the newer term does", () => {
  const summary = summaryOf([state("a", { role: "leader", term: 3 }), state("b", { role: "leader", term: 4 })], "main");
  assert.equal(summary.rows.map(({ isLeader }) => isLeader), [false, true]);
});

test("without a leader the newest configuration counts, witnesses decide, and too few is told", () => {
  const members = { voters: ["a", "b"], learners: ["d"], witnesses: ["c"], outgoing: [] };
  const summary = summaryOf([state("a", { members, term: 9 }), AWAY("b"), AWAY("c"), state("d", { role: "learner", term: 8 })], "main");
  assert.equal([summary.leader, summary.deciders, summary.answering, spareOf(summary)], [null, 3, 1, -1]);
  assert.equal(summary.rows.map(({ membership, behind }) => [membership, behind]), [["voter", null], ["voter", null], ["witness", null], ["learner", null]]);
});

test("a node that waits decides nothing", () => {
  const summary = summaryOf([state("a", { role: "waiting", members: { voters: [], learners: [], witnesses: [], outgoing: [] } }, { clusterId: null })], "main");
  assert.equal([summary.clusterId, summary.commitIndex, summary.deciders, summary.rows[0]?.membership], [null, null, 0, "none"]);
});

test("lanes of one scale: the newest part of the log, and whoever is furthest behind in it", () => {
  const even = [group({ lastIndex: 5000, appliedIndex: 5000, durableIndex: 5000, commitIndex: 5000 })];
  assert.equal(laneScale(even), { from: 4900, to: 5000 });
  const scale = laneScale([...even, group({ lastIndex: 2000, appliedIndex: 1500, durableIndex: 2000, commitIndex: 1600 })]);
  assert.ok(scale.from < 1500 && scale.to === 5000);
  assert.equal(laneOf({ from: 0, to: 100 }, group({ firstIndex: 21, appliedIndex: 40, commitIndex: 60, durableIndex: 80, lastIndex: 120 })), { first: 0.2, applied: 0.4, committed: 0.6, durable: 0.8, last: 1 });
  assert.equal(laneScale([]), { from: 0, to: 1 });
});

test.run();
