import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Storyteller } from "../../src/node/story.ts";
import type { EventBody } from "../../src/raft/event.ts";
import type { Message } from "../../src/raft/message.ts";
import { append, type CoreOptions, message, sealed, Single, unstamped, WALL_MS } from "../raft/helpers.ts";

const test = suite("story");

/** Member n1 of three, and what is told of it. */
class Told extends Single {
  readonly teller: Storyteller;
  readonly lines: string[] = [];

  constructor(options: CoreOptions = {}) {
    super(options);
    this.teller = new Storyteller();
    this.teller.opened(this.state);
  }

  override event(body: EventBody): ReturnType<Single["event"]> {
    const effects = super.event(body);
    // The first event comes from the base class's constructor.
    const text = (this.teller as Storyteller | undefined)?.tell({ ...body, nowMs: this.nowMs, wallMs: WALL_MS + this.nowMs }, effects, this.state) ?? null;
    if (text !== null) this.lines.push(text);
    return effects;
  }

  /** What was told since the last call. */
  told(): string[] {
    return this.lines.splice(0);
  }

  after(ms: number, received: Message): void {
    this.nowMs += ms;
    this.receive(received);
  }
}

test("an election that is won", () => {
  const core = new Told({ term: 6, log: sealed([6, 6]) });
  core.receive(message("heartbeat", { term: 6, heardQuorum: true }));
  assert.equal(core.told(), ["n1 follows n2 in term 6"]);
  core.deadline();
  assert.equal(core.told(), ["n1 heard nothing from n2 for 300 ms and asks who would vote for it in term 7"]);
  core.receive(message("voteReply", { from: 3, term: 7, preVote: true, requestTerm: 7, granted: true }));
  assert.equal(core.told(), ["n1 campaigns in term 7: n3 would vote for it"]);
  core.storeAll();
  core.receive(message("voteReply", { from: 3, term: 7, requestTerm: 7, granted: true }));
  assert.equal(core.told(), ["n1 leads term 7, elected by n3 and itself"]);
});

test("elections that are not won", () => {
  const core = new Told({ term: 1 });
  core.deadline();
  core.deadline();
  core.receive(message("voteReply", { from: 3, term: 1, preVote: true, requestTerm: 2, granted: false }));
  core.receive(message("voteReply", { from: 2, term: 1, preVote: true, requestTerm: 2, granted: false }));
  assert.equal(core.told(), [
    "n1 knows no leader and asks who would vote for it in term 2",
    "n1 got no majority and asks again who would vote for it in term 2",
    "n1 gives up: refused by n3 and n2",
  ]);
  core.deadline();
  core.receive(message("voteReply", { from: 3, term: 9, preVote: true, requestTerm: 2, granted: false }));
  assert.match(core.told().at(-1) ?? "", "n1 gives up: term 9 has begun, as n3 says");
});

test("votes, and why not", () => {
  const core = new Told({ term: 4, log: sealed([4, 4, 4]) });
  const asks = (term: number, fields: object = {}): Message => message("voteRequest", { term, lastLogIndex: 3, lastLogTerm: 4, ...fields });
  core.receive(asks(5, { preVote: true }));
  core.receive(asks(5));
  core.receive(asks(5, { from: 3 }));
  core.receive(asks(5, { from: 3, preVote: true, lastLogIndex: 2 }));
  core.receive(asks(3, { from: 3 }));
  core.receive(asks(6, { from: 3, lastLogIndex: 2 }));
  core.storeAll();
  core.receive(message("heartbeat", { from: 2, term: 6, heardQuorum: true }));
  core.after(20, asks(7, { from: 3, preVote: true }));
  assert.equal(core.told(), [
    "n1 would vote for n2 in term 5",
    "n1 votes for n2 in term 5",
    "n1 does not vote for n3 in term 5: its vote went to n2",
    "n1 would not vote for n3 in term 5: its own log reaches 3 of term 4, that of n3 2 of term 4",
    "n1 does not vote for n3 in term 3: term 5 has begun",
    "n1 does not vote for n3 in term 6: its own log reaches 3 of term 4, that of n3 2 of term 4",
    "n1 follows n2 in term 6",
    "n1 would not vote for n3 in term 7: it heard n2 20 ms ago",
  ]);
});

test("why leaders step down", () => {
  const leader = (): Told => {
    const core = new Told();
    core.lead();
    core.told();
    return core;
  };
  const silent = leader();
  for (let i = 0; i < 10 && silent.state.role === "leader"; i++) silent.deadline();
  assert.equal(silent.told(), ["n1 steps down: it heard no majority for 300 ms"]);
  const deposed = leader();
  deposed.receive(message("heartbeat", { from: 3, term: 5 }));
  assert.equal(deposed.told(), ["n1 steps down: term 5 has begun, as n3 says, and follows n3 in term 5"]);
  const stalled = leader();
  stalled.event({ type: "propose", entries: [unstamped()] });
  stalled.event({ type: "diskStalled" });
  stalled.storeAll();
  assert.equal(stalled.told(), ["n1 waits for its disk, which stands still; steps down; tells n2 to take over", "n1 sees its disk move again"]);
  const unreadable = leader();
  unreadable.event({ type: "readFailed", from: 4, to: 9 });
  assert.match(unreadable.told()[0] ?? "", "n1 cannot read entries 4–9 back from its log; steps down");
});

test("what is cut, refused and handed over", () => {
  const mine = sealed([1, 2, 2, 2]);
  const core = new Told({ term: 2, log: mine });
  const theirs = sealed([3], { previous: mine[0]! });
  core.receive(append({ term: 3 }, theirs, mine[0]));
  assert.equal(core.told(), ["n1 follows n2 in term 3; cuts 3 entries that were never committed (indexes 2–4): the log of n2 differs"]);
  core.receive(append({ term: 3 }, [], sealed([3, 3, 3], { previous: mine[0]! })[2]));
  assert.equal(core.told(), ["n1 cannot take what n2 sends behind index 4: its own log ends at 2"]);
  core.event({ type: "propose", entries: [unstamped()] });
  core.event({ type: "propose", entries: [unstamped()] });
  assert.equal(core.told(), ["n1 refuses a proposal: it does not lead"]);
  core.receive(message("timeoutNow", { term: 3 }));
  assert.equal(core.told(), ["n1 campaigns in term 4: n2 hands leadership over"]);
  const leader = new Told();
  leader.lead();
  leader.receive(message("heartbeatReply", { term: 1, from: 3 }));
  leader.event({ type: "transfer", to: 3 });
  leader.event({ type: "transfer", to: 7 });
  assert.equal(leader.told().slice(-2), ["n1 is asked to hand leadership to n3", "n1 gives up the transfer to member 7: there is no such member"]);
});

test("nothing is told of what goes well", () => {
  const core = new Told({ config: { uncommittedBytesMax: 1 << 30 } });
  core.lead();
  core.told();
  for (let i = 0; i < 200; i++) {
    core.event({ type: "propose", entries: [unstamped()] });
    core.storeAll();
    const { lastIndex, lastTerm, lastChain } = core.state.trail;
    core.after(5, message("appendReply", { term: 1, matchIndex: lastIndex, pointIndex: lastIndex, pointTerm: lastTerm, pointChain: lastChain, durableIndex: lastIndex, durableTerm: lastTerm, durableChain: lastChain }));
    core.event({ type: "applied", index: core.state.applyRequested, wakeAtMs: null });
    if (i % 10 === 0) core.deadline();
  }
  assert.is(core.state.commitIndex, core.state.trail.lastIndex);
  assert.equal(core.told(), []);
});

test.run();
