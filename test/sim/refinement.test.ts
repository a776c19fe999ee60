import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import type { Effect, Event, EventBody } from "../../src/raft/event.ts";
import type { RaftState } from "../../src/raft/state.ts";
import { cloneRaft } from "../../src/sim/explorer/clone_raft.ts";
import type { Property, SimMember } from "../../src/sim/property.ts";
import { refinementProperty } from "../../src/sim/refinement/refinement.ts";
import type { Core, Cores } from "../raft/cores.ts";
import { SimNodes } from "../node/sim_nodes.ts";
import { Workload } from "../node/workload.ts";
import { nodeObservers, troubledRun, watchedCores } from "./refinement_rig.ts";

const SEEDS = 40;

test("refinementProperty() allows every step of real cores under faults", () => {
  const sums = { events: 0, applied: 0, answered: 0, leaders: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      const run = troubledRun(refinementProperty(), seed);
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += run[name];
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  // Runs in which nothing happens would allow anything.
  assert.ok(sums.applied > 5000 && sums.answered > 1000 && sums.leaders > 200, JSON.stringify(sums));
});

test("refinementProperty() allows every step of whole nodes that crash, stall and are cut off", () => {
  const ids = ["a", "b", "c"];
  for (let seed = 1; seed <= 2; seed++) {
    const violations: Error[] = [];
    let steps = 0;
    const property = refinementProperty();
    const observers = nodeObservers({ ...property, stepped: (...step) => {
      steps += 1;
      property.stepped?.(...step);
    } }, violations);
    const nodes = new SimNodes({ seed, ids, observers });
    nodes.startAll();
    nodes.awaitLeader();
    const load = new Workload(nodes);
    load.start(3);
    const random = seedRandom(seed);
    for (let round = 0; round < 6; round++) {
      const [one, other] = [ids[nextInRange(random, 0, 2)]!, ids[nextInRange(random, 0, 2)]!];
      nodes.run(nextInRange(random, 50, 700));
      nodes.net.cut(one, other);
      nodes.crash(one);
      nodes.run(nextInRange(random, 1, 900));
      nodes.start(one);
      nodes.net.healAll();
    }
    nodes.run(1000);
    load.check();
    assert.is(violations[0]?.message, undefined, `seed ${seed}`);
    assert.ok(steps > 2000, `${steps} steps`);
  }
});

/** Three members at rest: entries of two terms are committed everywhere. */
function atRest(): { property: Property; cores: Cores; leader: Core; follower: Core } {
  const property = refinementProperty();
  const cores = watchedCores(property, { members: 3, seed: 7 });
  cores.propose(cores.awaitLeader(), 3);
  cores.run(500);
  const first = cores.awaitLeader();
  cores.crash(first.number);
  cores.run(2000);
  cores.start(first.number);
  cores.propose(cores.awaitLeader(), 2);
  cores.run(1000);
  assert.ok(cores.converged());
  const leader = cores.leader() as Core;
  return { property, cores, leader, follower: cores.cores.find((core) => core !== leader) as Core };
}

/** Shows a step that no core took: `forge` changes what the state became. */
function show(property: Property, core: Core, forged: { body: EventBody; forge?: (state: RaftState) => void; effects?: readonly Effect[] }): void {
  const state = cloneRaft(core.state);
  forged.forge?.(state);
  const event: Event = { ...forged.body, nowMs: 0, wallMs: 0 };
  property.stepped?.(memberOf(core, state), event, forged.effects ?? []);
}

function memberOf(core: Core, state: RaftState = core.state): SimMember {
  return { id: `n${core.number}`, number: core.number, boots: core.boot, state, applier: null, forgiven: false };
}

const DEADLINE: EventBody = { type: "deadline" };

test("refinementProperty() refuses a state that no step leads to", () => {
  const refused = (who: "leader" | "follower", forge: (state: RaftState) => void, why: RegExp): void => {
    const { property, [who]: core } = atRest();
    show(property, core, { body: DEADLINE });
    assert.throws(() => show(property, core, { body: DEADLINE, forge }), why);
  };
  refused("follower", (state) => (state.term -= 1), /the term falls/);
  refused("follower", (state) => (state.term += 1), /rises to \d+ without a message/);
  refused("follower", (state) => (state.votedFor = state.config.self === 1 ? 2 : 1), /vote/);
  refused("follower", (state) => Object.assign(state, { role: "leader", leaderId: state.config.self }), /without having been a candidate/);
  refused("follower", (state) => Object.assign(state, { leaderId: state.config.self }), /it follows/);
  refused("follower", (state) => (state.commitIndex -= 1), /commit index falls/);
  refused("follower", (state) => (state.commitIndex += 1), /commits \d+, its log ends/);
  refused("follower", (state) => (state.trail.lastIndex -= 1), /its log ends at/);
  refused("leader", (state) => (state.trail.lastChain += 1), /its log ends at/);
  refused("follower", (state) => Object.assign(state, { role: "candidate", term: state.term + 1, votedFor: state.config.self, leaderId: 0 }), /without asking for pre-votes/);
});

test("refinementProperty() names the step and what is different", () => {
  const { property, follower } = atRest();
  const { commitIndex } = follower.state;
  assert.throws(
    () => show(property, follower, { body: DEADLINE, forge: (state) => (state.commitIndex -= 1) }),
    `refinement: member ${follower.number} on deadline: the commit index falls from ${commitIndex} to ${commitIndex - 1}; commitIndex ${commitIndex} → ${commitIndex - 1}`,
  );
});

test("refinementProperty() refuses effects that tell what is not so", () => {
  const refused = (who: "leader" | "follower", make: (core: Core, other: Core) => Effect, why: RegExp): void => {
    const { property, leader, follower } = atRest();
    const [core, other] = who === "leader" ? [leader, follower] : [follower, leader];
    assert.throws(() => show(property, core, { body: DEADLINE, effects: [make(core, other)] }), why);
  };
  const envelope = (core: Core, other: Core): { group: number; from: number; fromIncarnation: number; to: number; term: number } =>
    ({ group: 1, from: core.number, fromIncarnation: 100 + core.number, to: other.number, term: core.state.term });
  refused("follower", (core) => ({ type: "apply", from: core.state.applyRequested + 1, to: core.state.applyRequested + 1 }), /applies through/);
  refused("follower", (core) => ({ type: "apply", from: core.state.applyRequested, to: core.state.applyRequested }), /next is/);
  refused("leader", (core) => ({ type: "answerRead", readId: 99, index: core.state.commitIndex, timeMs: 0 }), /not asked as a leader/);
  refused("follower", (core) => ({ type: "answerRead", readId: 99, index: core.state.commitIndex, timeMs: 0 }), /no leader told it/);
  refused("follower", (core, other) => ({ type: "send", message: { ...envelope(core, other), type: "timeoutNow" } }), /it is a follower/);
  refused("follower", (core, other) => ({
    type: "send", message: { ...envelope(core, other), type: "heartbeat", leaderCommit: 0, round: 1, heardQuorum: true },
  }), /a follower at commit/);
  refused("leader", (core, other) => ({
    type: "send",
    message: { ...envelope(core, other), type: "voteReply", preVote: false, requestTerm: core.state.term, granted: true, bootId: 1 },
  }), /nobody asked for it/);
  refused("leader", (core) => ({ type: "store", store: core.state.lastStore + 1, hardState: null, truncateFrom: 1, reset: null, entries: [], messages: [] }), /a leader cuts its log/);
  refused("follower", (core) => ({
    type: "store", store: core.state.lastStore + 1, hardState: null, truncateFrom: 0, reset: null, entries: [core.log[0]!], messages: [],
  }), /the log of a follower changes because of deadline/);
});

test("refinementProperty() refuses a read that is answered without a round, or behind what was committed", () => {
  const { property, leader } = atRest();
  show(property, leader, { body: { type: "read", readId: 50, lease: false } });
  const answer: Effect = { type: "answerRead", readId: 50, index: leader.state.commitIndex, timeMs: leader.state.trail.timeMs };
  assert.throws(() => show(property, leader, { body: DEADLINE, effects: [{ ...answer, index: answer.index - 1 }] }), /were committed when it was asked/);
  show(property, leader, { body: { type: "read", readId: 50, lease: false } });
  assert.throws(() => show(property, leader, { body: DEADLINE, effects: [{ ...answer, timeMs: answer.timeMs - 1 }] }), /its log is at/);
  show(property, leader, { body: { type: "read", readId: 50, lease: false } });
  assert.throws(() => show(property, leader, { body: DEADLINE, effects: [answer] }), /no majority has heard/);
});

test("refinementProperty() refuses a restart that lost what was durable, and a message that comes before its store", () => {
  const { property, follower, leader, cores } = atRest();
  const shorter = cloneRaft(follower.state);
  shorter.trail.lastIndex -= 1;
  assert.throws(() => property.opened?.(memberOf(follower, shorter)), /comes back with .* durable were/);
  const forgotten = cloneRaft(follower.state);
  forgotten.votedFor = forgotten.votedFor === 1 ? 2 : 1;
  assert.throws(() => property.opened?.(memberOf(follower, forgotten)), /comes back with/);
  property.opened?.({ ...memberOf(follower, shorter), forgiven: true });
  const { term } = leader.state;
  const early = { group: 1, from: leader.number, fromIncarnation: 100 + leader.number, to: follower.number, term: term + 1, type: "timeoutNow" } as const;
  assert.throws(() => property.sent?.(memberOf(leader), early), /tells of term/);
  cores.crash(leader.number);
});

test.run();
