/**
 * Membership changes among bare cores: members come, go, rise and step back while messages are lost, members crash and
 * links are cut. After each step the rig checks that a term has one leader, that what is applied is the same everywhere
 * and durable on a quorum of the configuration in force.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange } from "../../src/base/random.ts";
import type { MemberChange } from "../../src/raft/configuration_change.ts";
import { currentConfiguration } from "../../src/raft/state.ts";
import type { Member, MemberRole } from "../../src/raft/types.ts";
import { type Core, Cores } from "./cores.ts";

function membersOf(core: Core): readonly Member[] {
  return currentConfiguration(core.state).members;
}

function votersOf(core: Core): number[] {
  return membersOf(core).filter(({ role }) => role === "voter").map(({ number }) => number);
}

function added(core: Core, becomes: MemberRole = "voter"): MemberChange {
  return { type: "add", id: `n${core.number}`, address: "", incarnation: 100 + core.number, becomes };
}

/** Runs until the change that was asked for is whole. */
function settled(cores: Cores, limitMs: number = 20_000): Core {
  for (let ms = 0; ms < limitMs; ms += 10) {
    cores.run(10);
    const leader = cores.leader();
    if (leader === null || leader.state.commitIndex < leader.state.ownTermIndex) continue;
    const { joint, members, index } = currentConfiguration(leader.state);
    if (!joint && index <= leader.state.commitIndex && members.every(({ role, targetRole }) => role === targetRole)) return leader;
  }
  throw new Error("the change is not carried through");
}

test("1 → 3 → 5 → 3 → 1 → 3, with entries all along", () => {
  const cores = new Cores({ members: 1, seed: 7 });
  let leader = cores.awaitLeader();
  const grow = (count: number): void => {
    const coming = Array.from({ length: count }, () => cores.join());
    cores.propose(leader, 5);
    assert.is(cores.change(leader, coming.map((core) => added(core))), null);
    leader = settled(cores);
  };
  const shrink = (going: readonly number[]): void => {
    cores.propose(leader, 5);
    assert.is(cores.change(leader, going.map((member) => ({ type: "remove", member }))), null);
    leader = settled(cores);
  };
  grow(2);
  assert.equal(votersOf(leader), [1, 2, 3]);
  grow(2);
  assert.equal(votersOf(leader), [1, 2, 3, 4, 5]);
  shrink([1, 2]);
  assert.equal(votersOf(leader), [3, 4, 5]);
  assert.ok(leader.number >= 3, "the first leader went, and another one leads");
  shrink([3, 5].map((number) => (number === leader.number ? 4 : number)));
  assert.is(votersOf(leader).length, 1);
  grow(2);
  assert.is(votersOf(leader).length, 3);
  cores.run(1000);
  for (const number of votersOf(leader)) assert.is(cores.core(number).state.commitIndex, leader.state.commitIndex);
});

test("C05: a learner's acknowledgement and vote count for nothing", () => {
  const cores = new Cores({ members: 3, seed: 3 });
  let leader = cores.awaitLeader();
  const learner = cores.join();
  assert.is(cores.change(leader, [added(learner, "learner")]), null);
  leader = settled(cores);
  cores.run(500);
  const others = [1, 2, 3].filter((number) => number !== leader.number);
  cores.partition([leader.number, learner.number], others);
  const [entry] = cores.propose(leader);
  cores.run(200);
  assert.is(learner.state.trail.lastIndex, entry!.index);
  assert.ok(leader.state.commitIndex < entry!.index);
  cores.run(3000);
  assert.is.not(leader.state.role, "leader");
  assert.is(learner.state.role, "follower");
});

/** One history: everything is drawn from the seed. How many changes were taken. */
function history(seed: number): number {
  const cores = new Cores({
    members: 1 + (seed % 4), seed, lossPercent: seed % 3 === 0 ? 10 : 0, duplicatePercent: seed % 5 === 0 ? 10 : 0,
    snapshotEntries: seed % 2 === 0 ? 12 : 0,
  });
  const draw = (max: number): number => nextInRange(cores.random, 0, max);
  cores.awaitLeader();
  let changes = 0;
  for (let i = 0; i < 120; i++) {
    cores.run(20 + draw(300));
    const leader = cores.leader();
    if (leader !== null && draw(2) > 0) cores.propose(leader, 1 + draw(3));
    if (leader !== null && draw(3) === 0) changes += cores.change(leader, drawChanges(cores, leader, draw)) === null ? 1 : 0;
    const number = 1 + draw(cores.cores.length - 1);
    if (draw(6) === 0) toggle(cores, number);
    if (draw(12) === 0) cores.partition([number], cores.cores.map((core) => core.number).filter((other) => other !== number));
    if (draw(4) === 0) cores.heal();
  }
  cores.heal();
  for (const core of cores.cores) if (!core.up) cores.start(core.number);
  cores.options.lossPercent = 0;
  const leader = settled(cores);
  cores.propose(leader);
  cores.run(5000);
  const last = cores.leader()!;
  for (const { number } of membersOf(last)) {
    assert.is(cores.core(number).state.lastApplied, last.state.commitIndex, `seed ${seed}: member ${number} has all`);
  }
  return changes;
}

function toggle(cores: Cores, number: number): void {
  if (cores.core(number).up) cores.crash(number);
  else cores.start(number);
}

function drawChanges(cores: Cores, leader: Core, draw: (max: number) => number): MemberChange[] {
  // A number that an entry gave which was cut again is given once more, here to the same node.
  let { nextMemberNumber: next } = currentConfiguration(leader.state);
  const newcomer = (): Core => {
    const core = next <= cores.cores.length ? cores.core(next) : cores.join();
    next += 1;
    return core;
  };
  return Array.from({ length: 1 + draw(1) }, (): MemberChange => {
    const members = membersOf(leader);
    const { number } = members[draw(members.length - 1)]!;
    switch (draw(4)) {
      case 0: return { type: "remove", member: number };
      case 1: return { type: "demote", member: number };
      case 2: return { type: "promote", member: number };
      default: return next < 14 ? added(newcomer(), draw(3) > 0 ? "voter" : "learner") : { type: "promote", member: number };
    }
  });
}

for (let from = 1; from <= 60; from += 20) {
  test(`histories of seeds ${from} to ${from + 19}`, () => {
    let changes = 0;
    for (let seed = from; seed < from + 20; seed++) changes += history(seed);
    assert.ok(changes > 60, `only ${changes} changes were taken`);
  });
}

test.run();
