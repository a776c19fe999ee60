/** `draft admin why`: from what nodes say to what is wrong. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { diagnose, type Evidence } from "../../src/gateway/diagnosis.ts";
import type { NodeState } from "../../src/gateway/survey.ts";
import type { GroupStatus, NodeStatus, PeerStatus } from "../../src/net/client_answers.ts";

const test = suite("diagnosis");

const VOTERS = { voters: ["a", "b", "c"], learners: [], witnesses: [], outgoing: [] };

function node(nodeId: string, main: Partial<GroupStatus>, rest: Partial<NodeStatus> = {}): NodeStatus {
  const group: GroupStatus = {
    name: "main", id: 1, machine: "kv", machineVersion: 1, machineVersionMax: 1, role: "follower", term: 4, leader: null, leaderSinceMs: null,
    firstIndex: 1, lastIndex: 1000, durableIndex: 1000, commitIndex: 1000, appliedIndex: 1000, snapshotIndex: 0, stateHash: null, stateHashIndex: 0,
    members: VOTERS, voting: true, condition: null, quiesced: false, peers: [], ...main,
  };
  return {
    version: "0", runtime: "test", pid: 1, clusterId: "c", nodeId, incarnation: "1", address: `${nodeId}:1`, uptimeMs: 1, ready: true, checks: [],
    fenced: false, disk: { freeBytes: 9, state: "ok" }, scrub: null, loop: null, groups: [group], alarms: [], ...rest,
  };
}

function away(nodeId: string): NodeState {
  return { nodeId, address: `${nodeId}:1`, unreachable: true };
}

function peer(id: string, rest: Partial<PeerStatus> = {}): PeerStatus {
  return { id, address: `${id}:1`, matchIndex: 1000, nextIndex: 1001, state: "replicate", lastContactMs: 10, ...rest };
}

function found(states: readonly NodeState[], rest: Partial<Evidence> = {}): Record<string, string> {
  const findings = diagnose({ group: "main", states, members: null, story: [], ...rest });
  return Object.fromEntries(findings.map(({ about, says }) => [about, says]));
}

test("all is well: who leads, for how long, by whose votes, and nothing else", () => {
  const leader = node("a", { role: "leader", leaderSinceMs: 12_000, peers: [peer("b"), peer("c")] });
  const story = [{ wallMs: 0, text: "a leads term 4, elected by b and itself" }, { wallMs: 5, text: "b leads term 3, elected by c and itself" }];
  assert.equal(found([leader, node("b", {}), node("c", {})], { story }), { leader: "a leads term 4 for 12 s; 00:00:00.000 a leads term 4, elected by b and itself" });
});

test("nobody leads: too few voters are there, and why each is not", () => {
  const waiting = node("c", { role: "waiting" });
  const { leader, b } = found([node("a", { role: "pre-candidate" }), away("b"), waiting]);
  assert.is(leader, "nobody leads: 1 of 3 voters are there, 2 needed: b does not answer, c waits: its directory was lost; start b; " +
    "if too few ever come back with their directories, draft admin recover goes on with the survivor whose draft log last tells the most");
  assert.is(b, "does not answer at b:1: start it", "nobody could take it out of the group");
});

test("nobody leads in a joint step: the half that lacks a majority is named", () => {
  const members = { voters: ["c", "d", "e"], learners: [], witnesses: [], outgoing: ["a", "b", "c"] };
  const states = [node("c", { members }), node("d", { members }), away("a"), away("b")];
  assert.match(found(states)["leader"] ?? "", /1 of 3 voters are there, 2 needed: a does not answer, b does not answer/);
});

test("nobody leads though enough are there: what they decided last is quoted", () => {
  const story = [{ wallMs: 1, text: "a is fine" }, { wallMs: 2, text: "b would not vote for a in term 5: its own log reaches 9 of term 4, that of a 8 of term 4" }];
  const { leader } = found([node("a", {}), node("b", {}), away("c")], { story });
  assert.match(leader ?? "", /nobody leads term 4, and enough voters are there; if none of them can win, they lack entries that c may hold: start c: what they decided last:\n {2}00:00:00\.002 b would not vote/);
});

test("why a member is behind: a snapshot, a way that is not open, a slow disk, a slow machine", () => {
  const leading = (...peers: PeerStatus[]): NodeStatus => node("a", { role: "leader", firstIndex: 500, peers });
  const b = (at: PeerStatus, main: Partial<GroupStatus> = {}, rest: Partial<NodeStatus> = {}): string => found([leading(at), node("b", main, rest)])["b"] ?? "";
  assert.match(b(peer("b", { state: "snapshot", matchIndex: 0 })), /1000 of 1000 entries behind: the log of a begins at 500, so it fetches a snapshot/);
  assert.match(b(peer("b", { state: "probe", matchIndex: 0, lastContactMs: null })), /it answered never: is the way from a to b:1 open\?/);
  assert.match(b(peer("b", { matchIndex: 100 })), /900 of 1000 entries behind, and takes them in/);
  assert.is(b(peer("b", { matchIndex: 990 })), "", "what is under way is not behind");
  assert.match(b(peer("b"), { appliedIndex: 10 }), /applied 10 of 1000 committed entries/);
  assert.match(b(peer("b"), {}, { alarms: [{ code: "DISK_FULL", message: "its disk counts as full" }] }), /DISK_FULL: its disk counts as full/);
  assert.match(b(peer("b"), {}, { alarms: [{ code: "REMOVED", message: "this node was removed" }] }), /REMOVED: this node was removed/);
  assert.match(found([leading(peer("b", { lastContactMs: 31_000 })), away("b")])["b"] ?? "", /a heard it last 31 s ago/);
});

test("why something was refused, and how far a change is", () => {
  const leader = node("a", { role: "leader", peers: [peer("d", { matchIndex: 7, state: "probe" })] });
  const info = { address: "d:1", incarnation: "1", reachable: false } as const;
  const members = { index: 8, settled: false, members: [{ ...info, id: "d", role: "learner" as const, target: "voter" as const }] };
  const story = [{ wallMs: 0, text: "a refuses to change the members: another change of the members is under way" }];
  const { change, refused } = found([leader], { members, story });
  assert.is(change, "a change of the members is under way since index 8 (d learner → voter): it waits for d, which has 7 of 1000 entries; draft admin cancel calls it off");
  assert.is(refused, "00:00:00.000 a refuses to change the members: another change of the members is under way");
});

test("while nobody leads nobody knows whether the last change is committed, and none is invented", () => {
  const info = { address: "a:1", incarnation: "1", reachable: true, role: "voter", target: "voter" } as const;
  const members = { index: 5, settled: false, members: [{ ...info, id: "a" }] };
  assert.is(found([node("a", {})], { members })["change"], "the members are as of index 5: whether that is committed nobody knows while nobody leads");
  assert.match(found([node("a", { role: "leader" })], { members })["change"] ?? "", /under way since index 5: its entry is not committed yet$/);
});

test.run();
