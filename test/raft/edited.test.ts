/** A log that was edited while its node was stopped: no vote before it was compared with the leader's. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Effect } from "../../src/raft/event.ts";
import { append, held, message, sealed, sent, Single } from "./helpers.ts";

const LOG = sealed([1, 1, 2, 2, 2]);
const BOOT = { bootId: 4 };

/** A follower of member 2 in term 2, whose log ends at index 3. */
function edited(): Single {
  return new Single({ config: BOOT, log: LOG.slice(0, 3), commitIndex: 2, editNumber: 7 });
}

function asks(effects: readonly Effect[]): number {
  return sent(effects).filter(({ type, ...rest }) => type === "readIndexRequest" && "readId" in rest && rest.readId === 0).length;
}

function told(core: Single, index: number, bootId: number = BOOT.bootId): void {
  core.receive(message("readIndexReply", { from: 2, term: core.state.term, readId: 0, bootId, index, leaderCommit: index }));
}

/** The leader's entries behind `from`, and what it has committed. */
function fill(core: Single, from: number, leaderCommit: number): void {
  core.receive(append({ term: 2, leaderCommit }, LOG.slice(from), LOG[from - 1]!));
  core.storeAll();
}

test("one whose log was edited neither campaigns nor votes, pre-votes and transfers included", () => {
  const core = edited();
  assert.equal(sent(core.deadline()), []);
  assert.is(core.state.role, "follower");
  for (const preVote of [true, false]) {
    const effects = core.receive(message("voteRequest", { from: 2, term: 3, preVote, lastLogIndex: 9, lastLogTerm: 2 }));
    const [reply] = [...sent(effects), ...held(effects)];
    assert.ok(reply?.type === "voteReply" && !reply.granted);
  }
  core.receive(message("heartbeat", { from: 2, term: 3 }));
  core.receive(message("timeoutNow", { from: 2, term: 3 }));
  assert.is(core.state.role, "follower");
});

test("it asks each leader that it hears how far, until it is told, and again in another term", () => {
  const core = edited();
  assert.is(asks(core.receive(message("heartbeat", { from: 2, term: 2 }))), 1);
  told(core, 0);
  assert.is(asks(core.receive(message("heartbeat", { from: 2, term: 2 }))), 1, "index 0: it could not tell");
  told(core, 5);
  assert.is(asks(core.receive(message("heartbeat", { from: 2, term: 2 }))), 0);
  core.receive(message("heartbeat", { from: 3, term: 3 }));
  core.storeAll();
  assert.is(core.state.comparedIndex, 0);
  assert.is(asks(core.receive(message("heartbeat", { from: 3, term: 3 }))), 1);
});

test("the mark is lifted once all that the leader named is equal, committed and durable, and no sooner", () => {
  const core = edited();
  core.receive(message("heartbeat", { from: 2, term: 2 }));
  told(core, 5);
  core.receive(append({ term: 2, leaderCommit: 5 }, LOG.slice(3, 4), LOG[2]!));
  core.storeAll();
  assert.is(core.state.editNumber, 7, "it holds only a part");
  core.receive(append({ term: 2, leaderCommit: 4 }, LOG.slice(4), LOG[3]!));
  core.storeAll();
  assert.is(core.state.editNumber, 7, "the rest may be another leader's");
  core.receive(message("heartbeat", { from: 2, term: 2, leaderCommit: 5 }));
  assert.is(core.state.editNumber, 0);
  const before = edited();
  before.receive(message("heartbeat", { from: 2, term: 2 }));
  told(before, 5);
  before.receive(append({ term: 2, leaderCommit: 5 }, LOG.slice(3), LOG[2]!));
  assert.is(before.state.editNumber, 7, "it is not durable");
  before.storeAll();
  assert.is(before.state.editNumber, 0);
});

test("what an earlier boot was told, or asked, says nothing", () => {
  const core = edited();
  core.receive(message("heartbeat", { from: 2, term: 2 }));
  told(core, 3, 3);
  fill(core, 3, 5);
  assert.is(core.state.editNumber, 7);
  told(core, 5);
  assert.is(core.state.editNumber, 0);
});

test("a leader that is asked by a later boot counts nothing that the earlier one acknowledged", () => {
  const leader = new Single();
  leader.lead([2]);
  leader.storeAll();
  leader.receive(message("appendReply", { term: 1, matchIndex: 1, bootId: 1 }));
  assert.is(leader.state.commitIndex, 1);
  leader.event({ type: "propose", entries: [{ ...LOG[0]!, index: 0 }] });
  leader.receive(message("appendReply", { term: 1, matchIndex: 2, bootId: 1 }));
  leader.receive(message("readIndexRequest", { from: 2, term: 1, readId: 0, bootId: 2 }));
  leader.storeAll();
  assert.is(leader.state.commitIndex, 1, "index 2 is durable here, and was on a disk that was edited since");
  leader.receive(message("appendReply", { term: 1, matchIndex: 2, bootId: 1 }));
  assert.is(leader.state.commitIndex, 1);
  leader.receive(message("appendReply", { term: 1, matchIndex: 2, bootId: 2 }));
  assert.is(leader.state.commitIndex, 2);
});

test.run();
