/** Every order in which clusters of a few steps can live; `npm run explore` goes further. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { packAction, slowly } from "../../src/sim/explorer/actions.ts";
import { type Bounds, SMALLEST, UNLIMITED } from "../../src/sim/explorer/bounds.ts";
import { localText, messageText, renamingsOf } from "../../src/sim/explorer/canonical.ts";
import { cloneRaft } from "../../src/sim/explorer/clone_raft.ts";
import { Histories, whyWrong, withLeader } from "../../src/sim/explorer/cluster.ts";
import { explore, type Exploration } from "../../src/sim/explorer/explore.ts";
import { campaigned, delivered, firstStart, type Local, storeCompleted, timedOut } from "../../src/sim/explorer/local.ts";
import { whyTooEarly } from "../../src/sim/explorer/promises.ts";
import { storyOf } from "../../src/sim/explorer/story.ts";
import { Tables } from "../../src/sim/explorer/tables.ts";
import { StateQueue, Visited } from "../../src/sim/explorer/visited.ts";
import { message } from "../raft/helpers.ts";

const THREE = { members: 3, entriesPerAppend: 64 };

/** Explores to the end; a violation fails the test with its story. */
function all(bounds: Partial<Bounds>): Exploration {
  const found = explore({ ...SMALLEST, ...bounds }, { statesMax: 2_000_000, depthMax: 1000, enough: () => false });
  assert.is(found.violation, null, `${found.violation?.what}\n${found.violation?.way.join("\n")}`);
  assert.is(found.complete, true, "all within the bounds is seen");
  return found;
}

test("explore() sees every state of two members that elect one and commit one entry", () => {
  const found = all({});
  assert.equal(found.reached, { term: 1, committed: 2 });
  assert.equal([found.states, found.depth], [44, 16]);
});

test("explore() finds nothing wrong with two members, two terms, a crash, slow stores, reads and lost messages", () => {
  const found = all({ terms: 2, timeouts: 2, crashes: 1, slowStores: UNLIMITED });
  assert.equal(found.reached, { term: 2, committed: 3 });
  const short = { preVotes: false, terms: 2, timeouts: 2, slowStores: 0 };
  all({ ...short, crashes: 1, heartbeats: 1 });
  all({ ...short, crashes: 1, reads: 1 });
  all({ ...short, heartbeats: 1, duplicates: 1 });
  all({ ...short, duplicates: 1, drops: 1 });
});

test("explore() finds nothing wrong with three members and one term, every store and message in any order", () => {
  assert.equal(all({ members: 3, slowStores: UNLIMITED }).reached, { term: 1, committed: 2 });
});

test("explore() finds nothing wrong with three members that elect twice, and hand over", () => {
  assert.equal(all({ members: 3, preVotes: false, terms: 2, timeouts: 2, slowStores: 0 }).reached, { term: 2, committed: 3 });
  assert.equal(all({ members: 3, preVotes: false, terms: 2, transfers: 1, slowStores: 0 }).reached, { term: 2, committed: 3 });
});

test("explore() finds nothing wrong with three members, a crash, and a message that comes twice", () => {
  assert.equal(all({ members: 3, crashes: 1, duplicates: 1, slowStores: 0 }).reached, { term: 1, committed: 2 });
});

test("whyTooEarly() refuses to call an entry durable that the disk does not hold, though its chain fits nothing else", () => {
  const disk = { hardState: { term: 1, votedFor: 0 }, chainAt: (index: number) => index === 3 ? null : index < 3 ? 7 : undefined };
  const claim = (durableIndex: number): string | null => whyTooEarly(message("heartbeatReply", { from: 2, to: 1, term: 1, durableIndex, durableTerm: 1, durableChain: 7 }), disk);
  assert.equal([claim(2), claim(3)], [null, null]);
  assert.is(claim(5), "entry 5 is called durable and is not");
});

test("explore() says that it did not see all when a limit ends it", () => {
  const bounds = { ...SMALLEST, members: 3 };
  for (const limits of [{ statesMax: 100, depthMax: 1000 }, { statesMax: 1e6, depthMax: 5 }]) {
    const found = explore(bounds, { ...limits, enough: () => false });
    assert.is(found.complete, false);
  }
});

test("explore() refuses bounds that a state cannot hold", () => {
  for (const wrong of [{ members: 4 }, { terms: 0 }, { timeouts: 8 }]) {
    assert.throws(() => explore({ ...SMALLEST, ...wrong }, { statesMax: 1, depthMax: 1, enough: () => false }), /want/);
  }
});

test("cloneRaft() shares nothing that a step changes", () => {
  const before = timedOut(firstStart(1, THREE)).local;
  const text = localText(before, [0, 1, 2, 3]);
  const copy = cloneRaft(before.state);
  assert.equal({ ...copy, effects: [], dropped: {} }, { ...before.state, effects: [], dropped: {} });
  leaderOfThree();
  assert.is(localText(before, [0, 1, 2, 3]), text, "stepping a copy leaves the original as it was");
});

test("clusters that differ by the names of their members have one text under some renaming", () => {
  const [first, second] = [1, 2].map((self) => timedOut(firstStart(self, THREE)));
  const swap = [0, 2, 1, 3];
  assert.is(localText(first!.local, swap), localText(second!.local, [0, 1, 2, 3]));
  assert.is.not(localText(first!.local, [0, 1, 2, 3]), localText(second!.local, [0, 1, 2, 3]));
  const asked = first!.sent.find((message) => message.to === 3)!;
  assert.is(messageText(asked, swap), messageText(second!.sent.find((message) => message.to === 3)!, [0, 1, 2, 3]));
  assert.is(renamingsOf(3).length, 6);
});

/** Member 1 as it leads term 1: everything durable. */
function leaderOfThree(): Local {
  let local = settled(campaigned(firstStart(1, THREE)).local);
  const grant = settled(delivered(firstStart(2, THREE), {
    type: "voteRequest", group: 1, from: 1, fromIncarnation: 101, to: 2, term: 1, preVote: false, lastLogIndex: 0, lastLogTerm: 0,
    forcedLeader: 0, forcedTerm: 0,
  }, false).local);
  assert.is(grant.durable.hardState.votedFor, 1);
  const reply = { type: "voteReply", group: 1, from: 2, fromIncarnation: 102, to: 1, term: 1, preVote: false, requestTerm: 1, granted: true, bootId: 1 } as const;
  local = settled(delivered(local, reply, false).local);
  assert.is(local.state.role, "leader");
  return local;
}

function settled(local: Local): Local {
  return local.stores.length === 0 ? local : settled(storeCompleted(local).local);
}

test("whyWrong() names two logs that do not match, a leader without what is committed, a commit that is not durable", () => {
  const tables = new Tables(3);
  const leader = leaderOfThree();
  const [first] = leader.log;
  const other = { ...firstStart(2, THREE), log: [{ ...first!, chain: 1 }] };
  const wrongOf = (locals: readonly Local[], committed: readonly { chain: number; by: number }[]): string | null => {
    const numbers = locals.map((local) => tables.member(local));
    return whyWrong(numbers.map((number) => tables.members[number]!), numbers, committed);
  };
  assert.is(wrongOf([leader, firstStart(2, THREE), firstStart(3, THREE)], []), null);
  assert.match(wrongOf([leader, other, firstStart(3, THREE)], []) ?? "", "log matching: entry 1 of term 1");
  assert.match(wrongOf([leader, firstStart(2, THREE), firstStart(3, THREE)], [{ chain: 5, by: 0 }]) ?? "", "leader completeness: member 1 leads term 1 without entry 1");
  assert.match(wrongOf([leader, firstStart(2, THREE), firstStart(3, THREE)], [{ chain: first!.chain, by: 1 }]) ?? "", "durable on 1 of 3");
});

test("Histories and withLeader() name a second leader, a commit that no leader made, and one that changes", () => {
  const leader = leaderOfThree();
  assert.is(withLeader(0, leader), 1 << 2);
  assert.is(withLeader(1 << 2, leader), 1 << 2);
  assert.is(withLeader(2 << 2, leader), null);
  const histories = new Histories();
  const committing = (role: "leader" | "follower", log = leader.log): Local => ({ ...leader, log, state: { ...leader.state, role, commitIndex: 1 } });
  assert.match(String(histories.afterCommit(0, committing("follower"))), "which no leader has committed");
  const after = histories.afterCommit(0, committing("leader")) as number;
  assert.equal(histories.committed(after), [{ chain: leader.log[0]!.chain, by: 1 }]);
  assert.is(histories.afterCommit(after, committing("follower")), after);
  assert.match(String(histories.afterCommit(after, committing("leader", [{ ...leader.log[0]!, chain: 5 }]))), "another entry 1");
});

test("storyOf() tells a way in words", () => {
  const tables = new Tables(3);
  const { sent } = campaigned(firstStart(1, THREE));
  assert.equal(sent, [], "a vote is asked for once the own vote is durable");
  const asked = storeCompleted(campaigned(firstStart(1, THREE)).local).sent.map((message) => tables.message(message));
  const way = [packAction("campaign", 1), slowly(packAction("deliver", 2, asked[0])), packAction("crash", 2)];
  assert.equal(storyOf(tables, THREE, way), [
    "member 1's election timeout passes, and pre-votes are granted",
    "  says a request for a vote in term 1 (log ends at 0 of term 0) to member 2",
    "  says a request for a vote in term 1 (log ends at 0 of term 0) to member 3",
    "  member 1: candidate of term 1, vote member 1, log to 0@0, durable 0, commit 0; log []; on disk term 1, vote member 1, []",
    "a request for a vote in term 1 (log ends at 0 of term 0) from member 1 to member 2 arrives; its disk takes its time",
    "  member 2: follower of term 1, vote member 1, log to 0@0, durable 0, commit 0; log []; on disk term 0, vote nobody, []",
    "member 2 dies and starts again on what is durable",
    "  member 2: follower of term 0, vote nobody, log to 0@0, durable 0, commit 0; log []; on disk term 0, vote nobody, []",
  ]);
});

test("whyTooEarly() names a promise that is not durable", () => {
  const durable = { hardState: { term: 1, votedFor: 2, commitIndex: 0 }, chainAt: () => undefined };
  const vote = { type: "voteReply", group: 1, from: 1, fromIncarnation: 101, to: 3, term: 1, preVote: false, requestTerm: 1, granted: true, bootId: 1 } as const;
  assert.match(whyTooEarly(vote, durable) ?? "", "before it is durable");
  assert.is(whyTooEarly({ ...vote, to: 2 }, durable), null);
  assert.match(whyTooEarly({ ...vote, to: 2, term: 2, granted: false }, durable) ?? "", "tells of term 2");
});

test("Visited and StateQueue keep what they were given, over every growth", () => {
  const visited = new Visited();
  const queue = new StateQueue();
  const count = 200_000;
  for (let i = 1; i <= count; i++) {
    assert.ok(visited.add(i, i * 7, { parent: i - 2, action: i }) && !visited.add(i, i * 7, { parent: 0, action: 0 }));
    queue.push([i, ...Array.from({ length: i % 5 }, () => -1)]);
  }
  const state: number[] = [];
  for (let i = 1; i <= count; i++) {
    assert.ok(queue.shift(state) && state[0] === i && state.length === 1 + (i % 5));
  }
  assert.is(queue.shift(state), false);
  assert.equal(visited.wayTo(3), [2, 3, 4]);
});

test.run();
