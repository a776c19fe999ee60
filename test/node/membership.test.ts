/** Members come and go, on whole nodes over the simulated ports. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { MemberRehearsal } from "../../src/net/member_rehearsal.ts";
import type { MemberWish } from "../../src/net/member_wish.ts";
import type { Answer } from "../../src/node/node_api.ts";
import { currentConfiguration } from "../../src/raft/state.ts";
import { SIM_PORT } from "../../src/sim/sim_cluster.ts";
import { membersAt, roleOf, statusOf, votersAt } from "./asked.ts";
import { SimNodes } from "./sim_nodes.ts";
import { read, write } from "./workload.ts";

function addressOf(id: string): string {
  return `${id}:${SIM_PORT}`;
}

function adding(...ids: string[]): MemberWish[] {
  return ids.map((id) => ({ type: "add", id, address: addressOf(id), votes: true }));
}

function removing(...ids: string[]): MemberWish[] {
  return ids.map((id) => ({ type: "remove", id }));
}

/** One node that founded alone, and others that wait. */
function lone(seed: number, ids: readonly string[], flags: Readonly<Record<string, string>> = {}): SimNodes {
  const nodes = new SimNodes({ seed, ids, flags });
  nodes.start(ids[0]!, { bootstrap: "" });
  for (const id of ids.slice(1)) nodes.start(id, {});
  nodes.awaitLeader();
  return nodes;
}

function change(nodes: SimNodes, id: string, wishes: readonly MemberWish[], force: boolean = false): Answer | DraftError {
  let result: Answer | DraftError | null = null;
  nodes.node(id).server?.requests.changeMembers("main", { kind: "change", wishes, force, timeoutMs: 5000 }, (answer) => (result = answer));
  nodes.until("the change is answered", () => result !== null);
  return result as unknown as Answer | DraftError;
}

/** Carries a change through, asking whoever leads. */
function carry(nodes: SimNodes, wishes: readonly MemberWish[]): void {
  const answer = change(nodes, nodes.awaitLeader().id, wishes);
  if (answer instanceof DraftError) throw answer;
  nodes.until("the change is whole", () => {
    const leader = nodes.leader();
    return leader !== null && membersAt(nodes, leader.id).settled && votersAt(nodes, leader.id).includes(leader.id);
  });
}

function refused(result: Answer | DraftError, code: string, message: RegExp): void {
  assert.instance(result, DraftError);
  assert.is((result as DraftError).code, code);
  assert.match((result as DraftError).message, message);
}

test("the walk: one founds, two wait and are added in one change, the leader and another one are removed in one", () => {
  const nodes = lone(1, ["a", "b", "c"]);
  write(nodes, "a", ["set", "k", "1"]);
  assert.is(roleOf(nodes, "b"), "waiting");
  carry(nodes, adding("b", "c"));
  for (const id of ["a", "b", "c"]) {
    assert.equal(votersAt(nodes, id), ["a", "b", "c"]);
    assert.is((read(nodes, id, ["get", "k"]) as { value?: string } | string | null) !== null, true);
  }
  write(nodes, "a", ["set", "k", "2"]);
  carry(nodes, removing("a", "c"));
  assert.is(nodes.awaitLeader().id, "b");
  assert.equal(votersAt(nodes, "b"), ["b"]);
  write(nodes, "b", ["set", "k", "3"]);
  nodes.until("a and c know that they were removed", () => ["a", "c"].every((id) => roleOf(nodes, id) === "removed"));
  nodes.run(10_000);
  assert.is(nodes.awaitLeader().id, "b");
});

test("a new member that crashes before it was welcomed, or right behind it, is taken in all the same", () => {
  for (let at = 0; at < 60; at += 4) {
    const nodes = lone(10 + at, ["a", "b"]);
    nodes.node("a").server?.requests.changeMembers("main", { kind: "change", wishes: adding("b"), force: false, timeoutMs: 5000 }, () => {});
    nodes.run(at);
    nodes.crash("b");
    nodes.run(50);
    nodes.start("b", {});
    nodes.until("b votes, or nobody knows of it", () => {
      const list = membersAt(nodes, "a").members;
      return membersAt(nodes, "a").settled && (list.length === 1 || roleOf(nodes, "b") === "follower");
    });
    write(nodes, "a", ["set", "k", "1"]);
  }
});

test("D01: a node whose directory was lost is not welcomed as the one it was, and takes its place by replace", () => {
  const nodes = lone(3, ["a", "b", "c"]);
  carry(nodes, adding("b", "c"));
  const lost = nodes.awaitLeader().id === "b" ? "c" : "b";
  nodes.kill(lost);
  nodes.wipe(lost);
  nodes.start(lost, {});
  nodes.run(5000);
  assert.is(roleOf(nodes, lost), "waiting");
  refused(change(nodes, nodes.awaitLeader().id, [{ type: "replace", id: "z", newId: "y", address: addressOf(lost) }]), "NOT_FOUND", /no member is called 'z'/);
  const words = new RegExp(`${lost} is a member already, and the node at .* has another directory than it: draft admin replace ${lost} ${lost}@`);
  refused(change(nodes, nodes.awaitLeader().id, adding(lost)), "BAD_REQUEST", words);
  carry(nodes, [{ type: "replace", id: lost, newId: lost, address: addressOf(lost) }]);
  assert.equal(votersAt(nodes, "a").sort(), ["a", "b", "c"]);
  nodes.until("it follows", () => roleOf(nodes, lost) === "follower");
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
});

test("D01: a directory that is lost again before its node caught up is replaced by the next one, and nobody waits for the dead one", () => {
  const nodes = lone(4, ["a", "b", "c"]);
  carry(nodes, adding("b", "c"));
  const { id } = nodes.awaitLeader();
  const lost = id === "b" ? "c" : "b";
  const replacing: MemberWish[] = [{ type: "replace", id: lost, newId: lost, address: addressOf(lost) }];
  const loseDirectory = (): void => {
    nodes.kill(lost);
    nodes.wipe(lost);
    nodes.start(lost, {});
    nodes.until("it says who it is", () => roleOf(nodes, lost) === "waiting");
  };
  loseDirectory();
  nodes.node(id).server?.requests.changeMembers("main", { kind: "change", wishes: replacing, force: false, timeoutMs: 5000 }, () => {});
  nodes.until("it is a learner", () => membersAt(nodes, id).members.length === 4);
  loseDirectory();
  refused(change(nodes, nodes.awaitLeader().id, replacing), "CHANGE_PENDING", /draft admin cancel/);
  carry(nodes, [{ type: "cancel" }]);
  carry(nodes, replacing);
  const members = membersAt(nodes, nodes.awaitLeader().id).members.map((member) => `${member.id} ${member.role}`);
  assert.equal(members.sort(), ["a voter", "b voter", "c voter"]);
  nodes.until("it follows", () => roleOf(nodes, lost) === "follower");
  assert.equal((change(nodes, nodes.awaitLeader().id, replacing) as Answer).reply, { changed: false, before: votersAt(nodes, id), after: votersAt(nodes, id), lives: livesAt(nodes, id) }, "asked twice");
});

test("what cannot be is refused before anything stands in the log", () => {
  const nodes = new SimNodes({ seed: 4, ids: ["a", "b", "c", "d"] });
  nodes.start("a", { bootstrap: "" });
  nodes.start("b", { bootstrap: "" });
  nodes.start("c", {});
  nodes.until("two clusters", () => ["a", "b"].every((id) => roleOf(nodes, id) === "leader"));
  const last = (): number => nodes.node("a").state!.trail.lastIndex;
  const before = last();
  refused(change(nodes, "a", adding("b")), "BAD_REQUEST", /its directory belongs to cluster/);
  refused(change(nodes, "a", [{ type: "add", id: "x", address: addressOf("c"), votes: true }]), "BAD_REQUEST", /the node at c:7100 is c/);
  refused(change(nodes, "a", adding("d")), "BAD_REQUEST", /nobody answers at d:7100/);
  refused(change(nodes, "a", [...adding("c"), ...removing("c")]), "BAD_REQUEST", /named twice/);
  refused(change(nodes, "a", removing("a")), "WOULD_LOSE_QUORUM", /too few voters/);
  refused(change(nodes, "a", [{ type: "promote", id: "c" }]), "NOT_FOUND", /no member is called 'c'/);
  assert.is(last(), before);
  carry(nodes, adding("c"));
  refused(change(nodes, "a", [{ type: "add", id: "c", address: "elsewhere:1", votes: true }]), "BAD_REQUEST", /draft admin move c elsewhere:1/);
  const again = change(nodes, nodes.awaitLeader().id, adding("c"));
  const { lives, ...reply } = (again as Answer).reply as { lives: readonly string[] };
  assert.equal([reply, lives.length], [{ changed: false, before: ["a", "c"], after: ["a", "c"] }, 2]);
  refused(change(nodes, nodes.awaitLeader().id === "a" ? "c" : "a", removing("a")), "NOT_LEADER", /./);
});

function rehearsed(nodes: SimNodes, wishes: readonly MemberWish[]): MemberRehearsal | DraftError {
  let result: Answer | DraftError | null = null;
  const { server } = nodes.awaitLeader();
  server?.requests.changeMembers("main", { kind: "rehearse", wishes, force: false, timeoutMs: 5000 }, (answer) => (result = answer));
  nodes.until("the rehearsal is answered", () => result !== null);
  const answer = result as unknown as Answer | DraftError;
  return answer instanceof DraftError ? answer : answer.reply as MemberRehearsal;
}

test("a dry run tells each step, its quorum and who may fail, and nothing comes of it", () => {
  const nodes = lone(11, ["a", "b", "c", "d"]);
  const last = (): number => nodes.node(nodes.awaitLeader().id).state!.trail.lastIndex;
  const before = last();
  const { now, steps, isWhole } = rehearsed(nodes, adding("b", "c")) as MemberRehearsal;
  const shown = [now, ...steps].map(({ voters, outgoing, rising, quorum, outgoingQuorum, spare }) => [voters, outgoing, rising, quorum, outgoingQuorum, spare]);
  assert.equal(shown, [
    [["a"], [], [], 1, 0, 0],
    [["a"], [], ["b", "c"], 1, 0, 0],
    [["a", "b", "c"], ["a"], [], 2, 1, 0],
    [["a", "b", "c"], [], [], 2, 0, 1],
  ]);
  assert.equal([isWhole, last(), membersAt(nodes, "a").members.length, roleOf(nodes, "b")], [true, before, 1, "waiting"]);
  carry(nodes, adding("b", "c"));
  nodes.kill(nodes.awaitLeader().id === "b" ? "c" : "b");
  nodes.run(2000);
  const less = rehearsed(nodes, adding("d")) as MemberRehearsal;
  assert.equal([less.now.spare, less.now.absent.length, less.steps.at(-1)?.spare], [0, 1, 0]);
  refused(rehearsed(nodes, removing(nodes.awaitLeader().id)) as unknown as DraftError, "WOULD_LOSE_QUORUM", /too few voters/);
  assert.is((rehearsed(nodes, removing("z")) as MemberRehearsal).changed, false);
});

test("a change whose newcomer died is called off, and only then another one begins", () => {
  const nodes = lone(12, ["a", "b", "c", "d", "e"]);
  carry(nodes, adding("b", "c"));
  const { id } = nodes.awaitLeader();
  assert.equal((change(nodes, id, [{ type: "cancel" }]) as Answer).reply, { changed: false, before: ["a", "b", "c"], after: ["a", "b", "c"], lives: livesAt(nodes, id) });
  nodes.node(id).server?.requests.changeMembers("main", { kind: "change", wishes: [{ type: "replace", id: "c", newId: "d", address: addressOf("d") }], force: false, timeoutMs: 5000 }, () => {});
  nodes.until("d is a learner", () => membersAt(nodes, id).members.some((member) => member.id === "d"));
  nodes.crash("d");
  nodes.run(2000);
  refused(change(nodes, nodes.awaitLeader().id, adding("e")), "CHANGE_PENDING", /draft admin cancel/);
  carry(nodes, [{ type: "cancel" }]);
  const roles = membersAt(nodes, nodes.awaitLeader().id).members.map((member) => `${member.id} ${member.role}`);
  assert.equal(roles, ["a voter", "b voter", "c voter", "d learner"]);
  carry(nodes, [...adding("e"), ...removing("d")]);
  assert.equal(votersAt(nodes, nodes.awaitLeader().id), ["a", "b", "c", "e"]);
});

function livesAt(nodes: SimNodes, id: string): string[] {
  return membersAt(nodes, id).members.map(({ incarnation }) => incarnation);
}

test("M19: a member is asked at its new address before the cluster dials it there, and keeps its role", () => {
  const nodes = lone(13, ["a", "b", "c", "d"]);
  carry(nodes, adding("b", "c"));
  const { id } = nodes.awaitLeader();
  const moving = id === "b" ? "c" : "b";
  const to = (address: string): MemberWish[] => [{ type: "move", id: moving, address }];
  refused(change(nodes, id, to("nowhere:1")), "BAD_REQUEST", /cannot be moved: nobody answers at nowhere:1/);
  refused(change(nodes, id, to(addressOf("d"))), "BAD_REQUEST", /the node at d:7100 is d/);
  assert.equal(membersAt(nodes, id).members.map(({ address }) => address), ["a", "b", "c"].map(addressOf));
  nodes.kill(moving);
  nodes.start(moving, { listen: `${moving}:7200` });
  nodes.run(1000);
  carry(nodes, to(`${moving}:7200`));
  const moved = membersAt(nodes, nodes.awaitLeader().id).members.find((member) => member.id === moving);
  assert.equal([moved?.address, moved?.role, moved?.target], [`${moving}:7200`, "voter", "voter"]);
  nodes.kill(moving);
  nodes.wipe(moving);
  nodes.start(moving, {});
  nodes.run(100);
  refused(change(nodes, nodes.awaitLeader().id, to(addressOf(moving))), "BAD_REQUEST", /belongs to no cluster/);
  assert.is(membersAt(nodes, nodes.awaitLeader().id).members.find((member) => member.id === moving)?.role, "voter");
});

test("M17: a node that was away while it was removed hears of it, campaigns in vain and disturbs nobody", () => {
  const nodes = lone(5, ["a", "b", "c"]);
  carry(nodes, adding("b", "c"));
  const away = nodes.awaitLeader().id === "b" ? "c" : "b";
  nodes.kill(away);
  carry(nodes, removing(away));
  const { term } = nodes.awaitLeader().state!;
  nodes.start(away, {});
  nodes.until("it knows", () => roleOf(nodes, away) === "removed");
  assert.match(statusOf(nodes, away).alarms.map(({ code, message }) => `${code} ${message}`).join(), /REMOVED this node was removed from the cluster/);
  nodes.run(10_000);
  assert.is(nodes.awaitLeader().state!.term, term);
  nodes.kill(away);
  nodes.wipe(away);
  nodes.start(away, {});
  nodes.run(100);
  carry(nodes, adding(away));
  assert.is(votersAt(nodes, nodes.awaitLeader().id).length, 3);
});

test("M17: what a leader took that was removed while it was cut off ends as soon as it hears of that, not when its time is up", () => {
  const nodes = lone(13, ["a", "b", "c"]);
  carry(nodes, adding("b", "c"));
  nodes.run(1000);
  const { id: old } = nodes.awaitLeader();
  const others = ["a", "b", "c"].filter((id) => id !== old);
  for (const other of others) for (const [from, to] of [[old, other], [other, old]] as const) nodes.net.cut(from, to);
  const taken = nodes.propose(old, ["set", "k", "1"], 600_000);
  nodes.until("others lead", () => others.includes(nodes.leader()?.id ?? ""));
  carry(nodes, removing(old));
  assert.is(taken.result, null);
  for (const other of others) for (const [from, to] of [[old, other], [other, old]] as const) nodes.net.heal(from, to);
  nodes.until("it knows", () => roleOf(nodes, old) === "removed");
  nodes.until("so does who waits", () => taken.result !== null);
  assert.instance(taken.result, DraftError);
  const { code, outcome } = taken.result as unknown as DraftError;
  assert.equal([code, outcome], ["LOST", "unknown"]);
});

test("M17: a learner that is removed while it is linked, and has nothing to ask for, hears of it", () => {
  const nodes = lone(11, ["a", "b", "c"]);
  carry(nodes, adding("b"));
  carry(nodes, [{ type: "add", id: "c", address: addressOf("c"), votes: false }]);
  nodes.until("it is a learner", () => roleOf(nodes, "c") === "learner");
  nodes.run(2000);
  carry(nodes, removing("c"));
  nodes.until("it knows", () => roleOf(nodes, "c") === "removed");
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
});

test("M17: a newcomer whose entry was cut hears of it, though it is linked to members that did not know that yet", () => {
  const nodes = lone(12, ["a", "b", "c", "d"]);
  carry(nodes, adding("b", "c"));
  nodes.run(1000);
  const { id: old } = nodes.awaitLeader();
  const others = ["a", "b", "c"].filter((id) => id !== old);
  for (const other of others) for (const [from, to] of [[old, other], [other, old]] as const) nodes.net.cut(from, to);
  nodes.node(old).server?.requests.changeMembers("main", { kind: "change", wishes: adding("d"), force: false, timeoutMs: 5000 }, () => {});
  nodes.until("it is welcomed", () => nodes.node("d").state !== null);
  // It is let in by the others, too, who cannot know yet what becomes of the entry that took it in.
  nodes.until("they elect another leader", () => others.some((id) => nodes.node(id).state?.role === "leader"));
  const leader = nodes.node(others.find((id) => nodes.node(id).state?.role === "leader")!);
  for (let i = 0; i < 8; i++) write(nodes, leader.id, ["set", "k", String(i)]);
  assert.is(currentConfiguration(leader.state!).members.length, 3);
  nodes.until("it knows", () => roleOf(nodes, "d") === "removed");
});

test("a member that slept while all others were replaced is reached by those whom it never knew", () => {
  const ids = ["a", "b", "c", "d", "e", "f"];
  const nodes = lone(6, ids);
  carry(nodes, adding("b", "c"));
  nodes.kill("c");
  carry(nodes, adding("d"));
  for (const [old, id] of [["a", "e"], ["b", "f"]] as const) carry(nodes, [{ type: "replace", id: old, newId: id, address: addressOf(id) }]);
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
  for (const id of ["a", "b"]) nodes.kill(id);
  nodes.start("c", {});
  nodes.until("c has it all", () => {
    const leader = nodes.awaitLeader();
    return nodes.node("c").state?.commitIndex === leader.state!.commitIndex;
  });
  assert.equal(votersAt(nodes, "c").sort(), ["c", "d", "e", "f"]);
  assert.is(roleOf(nodes, "c") === "follower" || roleOf(nodes, "c") === "leader", true);
});

test("a newcomer fetches its snapshot from a member that its log, which begins with the genesis, does not name", async () => {
  const nodes = lone(9, ["a", "b", "c", "d"], { "snapshot-entries": "20", "retain-bytes": "1", "segment-bytes": "1MiB" });
  carry(nodes, adding("b", "c"));
  carry(nodes, removing("a"));
  for (let i = 0; i < 60; i++) write(nodes, nodes.awaitLeader().id, ["set", `k${i}`, "x"]);
  nodes.until("the logs begin later", () => ["b", "c"].every((id) => nodes.node(id).state!.trail.base.index > 20));
  nodes.kill("a");
  assert.equal(change(nodes, nodes.awaitLeader().id, adding("d")) instanceof DraftError, false);
  for (let i = 0; i < 4000 && !votersAt(nodes, nodes.awaitLeader().id).includes("d"); i++) {
    nodes.run(5);
    await Promise.resolve();
  }
  assert.equal(votersAt(nodes, nodes.awaitLeader().id), ["b", "c", "d"]);
  assert.ok(nodes.node("d").state!.trail.base.index > 20, "it began with a snapshot");
});

test("behind the death of one nobody else is demoted, nor led by it; whether it died aloud or in silence", () => {
  for (const isSilent of [false, true]) {
    const nodes = lone(16, ["a", "b", "c"]);
    carry(nodes, adding("b", "c"));
    const { id } = nodes.awaitLeader();
    const [dead, other] = ["a", "b", "c"].filter((each) => each !== id) as [string, string];
    nodes.run(500);
    if (isSilent) nodes.crash(dead, true);
    else nodes.kill(dead);
    refused(change(nodes, id, [{ type: "demote", id: other }]), "WOULD_LOSE_QUORUM", /too few voters/);
    write(nodes, id, ["set", "k", "1"]);
    const told: (Answer | DraftError)[] = [];
    nodes.node(id).server?.requests.transfer("main", dead, 5000, (answer) => told.push(answer));
    assert.is(told.length, 1, "at once");
    refused(told[0]!, "TIMEOUT", /cannot take over, and was told nothing: it was not heard for \d+ ms: start it/);
    carry(nodes, removing(dead));
    assert.equal(votersAt(nodes, id), ["a", "b", "c"].filter((each) => each !== dead));
  }
});

test("M18, demotion: a leader that is demoted goes on as a learner, and a learner is promoted again", () => {
  const nodes = lone(7, ["a", "b", "c"]);
  carry(nodes, adding("b", "c"));
  const { id } = nodes.awaitLeader();
  carry(nodes, [{ type: "demote", id }]);
  assert.is.not(nodes.awaitLeader().id, id);
  nodes.until("it is a learner", () => roleOf(nodes, id) === "learner");
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
  carry(nodes, [{ type: "promote", id }]);
  assert.is(votersAt(nodes, nodes.awaitLeader().id).length, 3);
});

test("M04, M07: a start recovers the configuration in force, from the log and from behind a snapshot", async () => {
  const nodes = lone(8, ["a", "b", "c"], { "snapshot-entries": "20", "retain-bytes": "64KiB", "segment-bytes": "1MiB" });
  carry(nodes, adding("b", "c"));
  for (let i = 0; i < 60; i++) write(nodes, nodes.awaitLeader().id, ["set", `k${i}`, "x"]);
  carry(nodes, removing(nodes.awaitLeader().id === "b" ? "c" : "b"));
  const kept = votersAt(nodes, nodes.awaitLeader().id);
  for (const id of kept) nodes.crash(id);
  for (const id of kept) nodes.start(id, {});
  // A machine is restored by promises.
  for (let i = 0; i < 1000 && kept.some((id) => nodes.node(id).state === null); i++) {
    nodes.run(5);
    await Promise.resolve();
  }
  nodes.awaitLeader();
  assert.equal(votersAt(nodes, nodes.awaitLeader().id), kept);
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
});

test.run();
