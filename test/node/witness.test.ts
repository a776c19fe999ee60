/** D11, S18, M22: two data nodes and a witness, whole nodes over the simulated ports. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { bareRun } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { MemberWish } from "../../src/net/member_wish.ts";
import type { ReceivedAppend } from "../../src/net/message_codec.ts";
import type { Answer } from "../../src/node/node_api.ts";
import { SIM_PORT } from "../../src/sim/sim_cluster.ts";
import type { DiskCall } from "../../src/sim/sim_faults.ts";
import { APPEND_REQUEST, sampleRuns } from "../net/samples.ts";
import { membersAt, statusOf } from "./asked.ts";
import { SimNodes } from "./sim_nodes.ts";
import { read, Workload, write } from "./workload.ts";

const DATA = ["a", "b"];
const WITNESS = "w";
const ELECTION_MAX_MS = 600;

function addressOf(id: string): string {
  return `${id}:${SIM_PORT}`;
}

function change(nodes: SimNodes, wishes: readonly MemberWish[]): Answer | DraftError {
  let result: Answer | DraftError | null = null;
  nodes.awaitLeader().server?.requests.changeMembers("main", { kind: "change", wishes, force: false, timeoutMs: 5000 }, (answer) => (result = answer));
  nodes.until("the change is answered", () => result !== null);
  return result as unknown as Answer | DraftError;
}

/** Carries a change through. */
function carry(nodes: SimNodes, wishes: readonly MemberWish[]): void {
  const answer = change(nodes, wishes);
  if (answer instanceof DraftError) throw answer;
  nodes.until("the change is whole", () => nodes.leader() !== null && membersAt(nodes, nodes.leader()!.id).settled);
}

const ADD_WITNESS: MemberWish = { type: "add", id: WITNESS, address: addressOf(WITNESS), votes: true, witness: true };

/** Two data nodes that founded, and a witness that they took in. */
function withWitness(seed: number, flags: Readonly<Record<string, string>> = {}): SimNodes {
  const nodes = new SimNodes({ seed, ids: [...DATA, WITNESS], flags });
  for (const id of DATA) nodes.start(id, { initial: DATA.map((each) => `${each}@${addressOf(each)}`).join(",") });
  nodes.start(WITNESS, {});
  nodes.awaitLeader();
  carry(nodes, [ADD_WITNESS]);
  return nodes;
}

/** All that stands on the machine's disk. */
function bytesOn(nodes: SimNodes, id: string): string {
  const { disk } = nodes.node(id);
  return disk.names.files().map((path) => new TextDecoder("latin1").decode(disk.content(path) ?? new Uint8Array())).join("\n");
}

/** What of the workload stands on the machine's disk. */
function valuesOn(nodes: SimNodes, id: string): string[] {
  return [...bytesOn(nodes, id).matchAll(/.{0,8}(register|secret\d|w\d+.v\d+).{0,8}/gs)].map(([found]) => JSON.stringify(found));
}

function other(id: string): string {
  return DATA.find((each) => each !== id) as string;
}

/** Writes until one is acknowledged; how long that took. */
function gapMs(nodes: SimNodes): number {
  const beganMs = nodes.scheduler.nowMs;
  let acked = false;
  for (let tried = 0; !acked; tried++) {
    if (nodes.scheduler.nowMs - beganMs > 20_000) throw new Error(`no write within 20 s\n${nodes.story()}`);
    const leader = nodes.leader();
    const outcome = leader === null ? null : nodes.propose(leader.id, ["set", "gap", String(tried)], 100);
    for (let waited = 0; waited < 100 && !acked; waited += 5) {
      nodes.run(5);
      acked = outcome !== null && outcome.result !== null && !(outcome.result instanceof DraftError);
    }
  }
  return nodes.scheduler.nowMs - beganMs;
}

test("L05: a witness joins, votes, and says what it is: no machine, no hash, nothing to read", () => {
  const nodes = withWitness(1);
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  nodes.run(500);
  const [group] = statusOf(nodes, WITNESS).groups;
  assert.equal([group?.role, group?.machine, group?.stateHash, group?.voting, group?.leader?.id], ["witness", null, null, true, nodes.awaitLeader().id]);
  assert.equal(group?.members, { voters: DATA, learners: [], witnesses: [WITNESS], outgoing: [] });
  assert.equal(membersAt(nodes, "a").members.map(({ id, role }) => `${id} ${role}`), ["a voter", "b voter", "w witness"]);
  assert.is(statusOf(nodes, WITNESS).ready, true, JSON.stringify(statusOf(nodes, WITNESS).checks));
  for (const level of ["linearizable", "lease", "stale"] as const) {
    const { result } = nodes.read(WITNESS, ["get", "k"], { level });
    assert.instance(result, DraftError);
    assert.equal([(result as DraftError).code, (result as DraftError).leader?.id], ["NOT_LEADER", nodes.awaitLeader().id]);
  }
  assert.equal(nodes.node(WITNESS).disk.names.files().filter((path) => path.includes("/snapshots/") || path.includes("/machines/")), []);
});

test("a member that keeps payloads takes nothing in that was meant for a witness; a witness takes all", () => {
  const nodes = withWitness(3);
  const run = concatBytes(sampleRuns());
  const takes = (id: string, bytes: Uint8Array): boolean =>
    nodes.node(id).server!.node.groups.get("main")!.takes({ ...APPEND_REQUEST, run: bytes } as unknown as ReceivedAppend);
  assert.equal([...DATA, WITNESS].map((id) => takes(id, bareRun([run]))), [false, false, true]);
  assert.equal([...DATA, WITNESS].map((id) => takes(id, run)), [true, true, true]);
});

test("what would leave as many witnesses as data voters is refused, and what a member keeps is fixed", () => {
  const nodes = withWitness(2);
  const refused = (wish: MemberWish, code: string, message: RegExp): void => {
    const result = change(nodes, [wish]);
    assert.instance(result, DraftError);
    assert.is((result as DraftError).code, code);
    assert.match((result as DraftError).message, message);
  };
  refused({ type: "remove", id: "b" }, "WOULD_LOSE_QUORUM", /as many witnesses/);
  refused({ type: "demote", id: "b" }, "WOULD_LOSE_QUORUM", /as many witnesses/);
  refused({ type: "promote", id: WITNESS }, "BAD_REQUEST", /replace w w@w:7100 --voter/);
  refused({ type: "demote", id: WITNESS }, "BAD_REQUEST", /replace/);
  refused({ type: "add", id: WITNESS, address: addressOf(WITNESS), votes: true }, "BAD_REQUEST", /is a witness/);
  refused({ type: "add", id: "b", address: addressOf("b"), votes: true, witness: true }, "BAD_REQUEST", /keeps data/);
  assert.equal((change(nodes, [ADD_WITNESS]) as Answer).reply, { ...(change(nodes, [ADD_WITNESS]) as Answer).reply as object, changed: false });
  let ended: Answer | DraftError | null = null;
  nodes.awaitLeader().server?.requests.transfer("main", WITNESS, 1000, (result) => (ended = result));
  nodes.until("the transfer is answered", () => ended !== null);
  assert.match((ended as unknown as DraftError).message, /only a voter can lead/);
});

for (const [index, lost] of ["the leader", "the other data node", "the witness"].entries()) {
  test(`D11: ${lost} is lost under writes and comes back, again and again: writes go on, nothing is lost`, () => {
    // Nobody but the witness starts anew behind a snapshot: what restores one waits for promises.
    const nodes = withWitness(10 + index, lost === "the witness" ? { "snapshot-entries": "200" } : {});
    const load = new Workload(nodes);
    load.start(4);
    nodes.run(500);
    for (let round = 0; round < 4; round++) {
      const leader = nodes.awaitLeader().id;
      const victim = [leader, other(leader), WITNESS][index] as string;
      if (round % 2 === 0) nodes.crash(victim);
      else nodes.kill(victim);
      const ms = gapMs(nodes);
      assert.ok(ms <= 3 * ELECTION_MAX_MS, `${ms} ms without a write`);
      if (victim === leader) assert.is(nodes.awaitLeader().id, other(leader), "either data node may win");
      nodes.run(400);
      nodes.start(victim, {});
      nodes.run(1200);
    }
    load.check();
    assert.equal(valuesOn(nodes, WITNESS), []);
    assert.ok(valuesOn(nodes, "a").length > 100);
  });
}

test("D11, M22: while one data node is out, losing the other stops the group, without loss; either alone with its witness goes on", () => {
  const nodes = withWitness(20);
  const leader = nodes.awaitLeader().id;
  nodes.crash(other(leader));
  write(nodes, leader, ["set", "k", "only here"]);
  nodes.crash(leader);
  // It lacks what the witness knows of.
  nodes.start(other(leader), {});
  nodes.run(10_000);
  assert.is(nodes.leader(), null);
  nodes.start(leader, {});
  assert.is(nodes.awaitLeader().id, leader);
  assert.is(read(nodes, leader, ["get", "k"]), "only here");
  nodes.run(1000);
  nodes.crash(leader);
  assert.is(nodes.awaitLeader().id, other(leader));
  assert.is(read(nodes, other(leader), ["get", "k"]), "only here");
});

for (const [index, [from, to]] of ([["leader", "follower"], ["follower", "leader"], ["leader", "witness"], ["witness", "leader"], ["follower", "witness"]] as const).entries()) {
  test(`D11: the line from ${from} to ${to} is cut one way: writes go on within two election timeouts of a leader`, () => {
    const nodes = withWitness(30 + index);
    const leader = nodes.awaitLeader().id;
    const named = { leader, follower: other(leader), witness: WITNESS };
    const load = new Workload(nodes);
    load.start(4);
    nodes.run(500);
    nodes.net.cut(named[from], named[to]);
    const ms = gapMs(nodes);
    assert.ok(ms <= 4 * ELECTION_MAX_MS, `${ms} ms without a write`);
    nodes.run(2000);
    load.check();
  });
}

for (const [index, role] of ["leader", "follower"].entries()) {
  test(`D11: the disk of the ${role} stands still: writes go on within two election timeouts, nothing is lost`, () => {
    const nodes = withWitness(40 + index);
    const leader = nodes.awaitLeader().id;
    const load = new Workload(nodes);
    load.start(4);
    nodes.run(500);
    const stuck = index === 0 ? leader : other(leader);
    nodes.node(stuck).disk.fault = (call: DiskCall) => call.path.includes("/wal/") ? { stall: true } : null;
    const ms = gapMs(nodes);
    // A leader first has to find that its disk stands still, and then another one is elected.
    assert.ok(ms <= (index === 0 ? 4 : 2) * ELECTION_MAX_MS, `${ms} ms without a write`);
    nodes.run(2000);
    load.check();
  });
}

test("S18: the log of a witness begins later, one that was away is told where; it fetches no snapshot and serves none", () => {
  const flags = { "snapshot-entries": "20", "retain-bytes": "0" };
  const nodes = withWitness(50, flags);
  const fill = (from: number): void => {
    for (let i = from; i < from + 60; i++) write(nodes, nodes.awaitLeader().id, ["set", "register", `secret${i}`]);
  };
  fill(0);
  nodes.run(1000);
  const base = (id: string): number => nodes.node(id).server?.node.groups.get("main")?.state.trail.base.index ?? 0;
  assert.ok(base(WITNESS) > 20, `its log begins behind ${base(WITNESS)}`);
  nodes.crash(WITNESS);
  fill(60);
  nodes.run(1000);
  const began = base(WITNESS);
  nodes.start(WITNESS, {});
  const leader = nodes.awaitLeader();
  const last = (id: string): number => nodes.node(id).server?.node.groups.get("main")?.state.trail.lastIndex ?? -1;
  nodes.until("the witness has caught up", () => last(WITNESS) === last(leader.id));
  assert.ok(base(WITNESS) > began + 20);
  // On its own disk the same, once more; and its vote counts.
  nodes.crash(WITNESS);
  nodes.start(WITNESS, {});
  nodes.run(200);
  nodes.crash(leader.id);
  assert.is(nodes.awaitLeader().id, other(leader.id));
  fill(120);
  assert.equal(valuesOn(nodes, WITNESS), []);
});

test("replace: a witness by another, a data node by a witness and back, under writes", () => {
  const nodes = withWitness(60);
  nodes.addMachine("x");
  nodes.addMachine("y");
  for (const id of ["x", "y"]) nodes.start(id, {});
  nodes.run(500);
  const load = new Workload(nodes);
  load.start(5);
  const roles = (): string => membersAt(nodes, nodes.awaitLeader().id).members.map(({ id, role }) => `${id} ${role}`).join(", ");
  carry(nodes, [{ type: "replace", id: WITNESS, newId: "x", address: addressOf("x") }]);
  assert.is(roles(), "a voter, b voter, x witness");
  carry(nodes, [{ type: "add", id: "y", address: addressOf("y"), votes: true }]);
  nodes.crash(WITNESS);
  nodes.wipe(WITNESS);
  nodes.start(WITNESS, {});
  nodes.run(500);
  carry(nodes, [{ type: "replace", id: "b", newId: WITNESS, address: addressOf(WITNESS), kind: "voter" }]);
  assert.is(roles(), "a voter, x witness, y voter, w voter");
  carry(nodes, [{ type: "remove", id: "x" }]);
  assert.is(roles(), "a voter, y voter, w voter");
  load.stop();
  nodes.run(1000);
  assert.equal(valuesOn(nodes, "x"), []);
});

test.run();
