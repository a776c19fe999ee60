/** A change of the members that is only tried out: the same steps as the one that is done, and nothing of it stays. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { calledOffConfiguration, isSettled, type MemberChange, wantedConfiguration } from "../../src/raft/configuration_change.ts";
import type { EventBody } from "../../src/raft/event.ts";
import { imageOf } from "../../src/raft/image.ts";
import { voterSets } from "../../src/raft/quorum.ts";
import { type Rehearsal, rehearse } from "../../src/raft/rehearsal.ts";
import { currentConfiguration } from "../../src/raft/state.ts";
import type { Configuration } from "../../src/raft/types.ts";
import { type Core, Cores } from "./cores.ts";

function asked(core: Core, changes: readonly MemberChange[], force: boolean = false): EventBody & { type: "changeMembership" } {
  const configuration = wantedConfiguration(currentConfiguration(core.state), changes);
  if (configuration === null) throw new Error("no such member");
  return { type: "changeMembership", configuration, promoteWithinMs: 2000, force };
}

function tried(cores: Cores, core: Core, changes: readonly MemberChange[], away: readonly number[] = [], force: boolean = false): Rehearsal {
  const now = { nowMs: cores.scheduler.nowMs, wallMs: cores.scheduler.nowMs };
  return rehearse(core.state, asked(core, changes, force), (member) => !away.includes(member), now);
}

function shape({ joint, members }: Configuration): unknown {
  return [joint, members.map(({ number, role, outgoingRole, targetRole }) => [number, role, outgoingRole, targetRole])];
}

/** The configurations behind the first that the log of `core` came to have. */
function entered(core: Core, behind: number): Configuration[] {
  return core.log.flatMap(({ configuration }) => (configuration !== null && configuration.index > behind ? [configuration] : []));
}

function runUntilSettled(cores: Cores): void {
  for (let ms = 0; ms < 20_000; ms += 10) {
    cores.run(10);
    const leader = cores.leader();
    if (leader === null || leader.state.commitIndex < leader.state.ownTermIndex) continue;
    const current = currentConfiguration(leader.state);
    if (isSettled(current) && current.index <= leader.state.commitIndex) return;
  }
  throw new Error("the change is not carried through");
}

const ADDED = (core: Core): MemberChange => ({ type: "add", id: `n${core.number}`, address: "", incarnation: 100 + core.number, becomes: "voter" });

for (const [words, changes] of [
  ["one is added", (cores: Cores) => [ADDED(cores.join())]],
  ["two are added in one joint step", (cores: Cores) => [ADDED(cores.join()), ADDED(cores.join())]],
  ["one is replaced", (cores: Cores) => [ADDED(cores.join()), { type: "remove", member: cores.leader()?.number === 3 ? 2 : 3 }]],
  ["the leader goes", (cores: Cores) => [{ type: "remove", member: cores.leader()?.number ?? 0 }]],
  ["one is demoted", (cores: Cores) => [{ type: "demote", member: cores.leader()?.number === 3 ? 2 : 3 }]],
] as readonly (readonly [string, (cores: Cores) => MemberChange[]])[]) {
  test(`rehearse(): ${words}: the steps that the change itself takes then, and the state is as it was`, () => {
    const cores = new Cores({ members: 3, seed: 11 });
    const leader = cores.awaitLeader();
    cores.propose(leader, 7);
    cores.run(200);
    const wanted = changes(cores);
    const before = JSON.stringify(imageOf(leader.state));
    const rehearsal = tried(cores, leader, wanted);
    assert.is(JSON.stringify(imageOf(leader.state)), before);
    assert.equal([rehearsal.refusal, rehearsal.isWhole], [null, true]);
    const { index } = currentConfiguration(leader.state);
    assert.is(cores.change(leader, wanted), null);
    runUntilSettled(cores);
    assert.equal(rehearsal.steps.map(shape), entered(leader, index).map(shape));
  });
}

function withOneGone(cores: Cores): { leader: ReturnType<Cores["awaitLeader"]>; gone: number; other: number } {
  const leader = cores.awaitLeader();
  cores.run(200);
  const [gone, other] = [1, 2, 3].filter((number) => number !== leader.number) as [number, number];
  cores.crash(gone);
  cores.run(1000);
  return { leader, gone, other };
}

test("rehearse() says why the core would refuse, and what force would lead to", () => {
  const cores = new Cores({ members: 3, seed: 12 });
  const { leader, gone, other } = withOneGone(cores);
  assert.equal(tried(cores, leader, [{ type: "remove", member: other }], [gone]).refusal, "would-lose-quorum");
  const forced = tried(cores, leader, [{ type: "remove", member: other }], [gone], true);
  assert.equal([forced.refusal, forced.isWhole], [null, false], "it would not come to its end");
  assert.equal(tried(cores, leader, [{ type: "remove", member: leader.number }, { type: "remove", member: 1 }, { type: "remove", member: 2 }, { type: "remove", member: 3 }]).refusal, "would-lose-quorum");
});

test("force: the core enters what those who are there cannot decide, and only then", () => {
  const cores = new Cores({ members: 3, seed: 13 });
  const { leader, gone, other } = withOneGone(cores);
  const rejected = (force: boolean): boolean =>
    cores.event(leader, asked(leader, [{ type: "remove", member: other }], force)).some(({ type }) => type === "rejected");
  assert.equal([rejected(false), rejected(true)], [true, false]);
  assert.equal(voterSets(currentConfiguration(leader.state)).incoming.length, 2);
  // Who was thought lost comes back, and the change goes on.
  cores.start(gone);
  runUntilSettled(cores);
});

test("a change that waits for a newcomer which is dead is called off: nobody goes, and the next one begins", () => {
  const cores = new Cores({ members: 3, seed: 14 });
  const leader = cores.awaitLeader();
  cores.run(200);
  const coming = cores.join();
  cores.crash(coming.number);
  const old = [1, 2, 3].find((number) => number !== leader.number) as number;
  assert.is(cores.change(leader, [ADDED(coming), { type: "remove", member: old }], 600_000), null);
  cores.run(1000);
  assert.is(cores.change(leader, [{ type: "remove", member: old }]), "change-pending");
  const current = currentConfiguration(leader.state);
  const off = { type: "changeMembership", configuration: calledOffConfiguration(current), promoteWithinMs: 0, force: false } as const;
  // Nothing else slips in as if it called the change off.
  const other = { ...off, configuration: { ...off.configuration, members: off.configuration.members.filter(({ number }) => number !== old) } };
  assert.ok(cores.event(leader, other).some(({ type }) => type === "rejected"));
  assert.not.ok(cores.event(leader, off).some(({ type }) => type === "rejected"));
  runUntilSettled(cores);
  const { members } = currentConfiguration(leader.state);
  assert.equal(members.map(({ number, role, targetRole }) => [number, role, targetRole]), [
    [1, "voter", "voter"], [2, "voter", "voter"], [3, "voter", "voter"], [4, "learner", "learner"],
  ]);
  assert.is(cores.change(leader, [{ type: "remove", member: 4 }]), null);
  runUntilSettled(cores);
});

test.run();
