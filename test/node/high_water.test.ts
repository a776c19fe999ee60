/** What is remembered of members, and who falls short of it (D18). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { GroupFlags, Hello } from "../../src/net/hello.ts";
import { fallenBack, HighWater, mayHaveForgotten } from "../../src/node/high_water.ts";
import type { Event } from "../../src/raft/event.ts";
import { genesisConfiguration } from "../../src/raft/configuration.ts";
import type { RaftState } from "../../src/raft/state.ts";

const FLAGS: GroupFlags = { group: 1, empty: false, welcomeIndex: 0, edited: 0, damage: 0, term: 5, durableIndex: 9 };
const MARK = { bootId: 3, term: 5, index: 9 };

function words(flags: Partial<GroupFlags>, bootId?: number): string {
  return fallenBack(helloOf(flags, bootId), MARK) ?? "";
}

function helloOf(flags: Partial<GroupFlags>, bootId: number = 4, incarnation: number = 102): Hello {
  return { bootId, incarnation, groups: [{ ...FLAGS, ...flags }] } as unknown as Hello;
}

test("D18: fallenBack() names what a member says less of than it showed: starts, term, entries", () => {
  assert.is(fallenBack(helloOf({}), MARK), null);
  assert.is(fallenBack(helloOf({ term: 7, durableIndex: 20 }, 9), MARK), null);
  assert.match(words({}, 2), /started 3 times, and says that it was 2 times/);
  assert.match(words({ term: 4 }), /in term 5, and says that it is in term 4/);
  assert.match(words({ durableIndex: 8 }), /entries up to 9, and holds those up to 8/);
});

test("D18: mayHaveForgotten() is true of who says fewer starts or an earlier term, and of nobody for entries alone", () => {
  const { bootId, term } = MARK;
  assert.ok(mayHaveForgotten(helloOf({}, bootId - 1), MARK));
  assert.ok(mayHaveForgotten(helloOf({ term: term - 1 }, bootId), MARK));
  assert.not(mayHaveForgotten(helloOf({ term, durableIndex: 1 }, bootId), MARK));
  assert.not(mayHaveForgotten(helloOf({ term: 0 }, bootId), MARK), "it has not read its log yet");
  assert.not(mayHaveForgotten(helloOf({ damage: 2, term: 1 }, bootId), MARK), "it names a loss itself");
});

test("fallenBack() tells nothing of who cannot say yet, was edited offline, or names a loss itself", () => {
  assert.is(fallenBack(helloOf({ term: 0, durableIndex: 0 }), MARK), null);
  assert.is(fallenBack(helloOf({ edited: 1, durableIndex: 8 }), MARK), null);
  assert.match(words({ edited: 1, term: 4 }), /term/, "an edit leaves the term as it is");
  assert.is(fallenBack(helloOf({ damage: 2, durableIndex: 8 }), MARK), null);
  assert.is(fallenBack({ ...helloOf({}), groups: [] }, MARK), null);
});

test("HighWater remembers terms but those of pre-votes, and of answers what matched and is committed", () => {
  const configurations = [genesisConfiguration(["a", "b"].map((id, at) => ({ id, address: `${id}:1`, incarnation: 101 + at })))];
  const members = { configurations, commitIndex: 0 };
  const highWater = new HighWater();
  const hears = (message: object, state: object): void => {
    highWater.stepped({ role: "follower", ...state } as RaftState, { type: "receive", message: { from: 2, fromIncarnation: 102, ...message } } as unknown as Event);
  };
  hears({ type: "heartbeat", term: 3 }, {});
  assert.equal(highWater.markOf(102), { bootId: 0, term: 0, index: 0 }, "who was never let in is nobody");
  highWater.met(helloOf({}, 4), members);
  hears({ type: "heartbeat", term: 3 }, {});
  hears({ type: "voteRequest", preVote: true, term: 9 }, {});
  hears({ type: "voteRequest", preVote: false, term: 4 }, {});
  hears({ type: "voteReply", preVote: true, term: 9 }, {});
  assert.equal(highWater.markOf(102), { bootId: 4, term: 4, index: 0 });
  const ack = { type: "heartbeatReply", term: 4, durableIndex: 50, bootId: 4 };
  const leading = (matchIndex: number, commitIndex: number, bootId: number = 4): object => ({ role: "leader", commitIndex, progress: new Map([[2, { matchIndex, bootId }]]) });
  hears(ack, leading(30, 20));
  assert.is(highWater.markOf(102).index, 20);
  hears(ack, leading(25, 40));
  assert.is(highWater.markOf(102).index, 25);
  hears(ack, leading(90, 90, 5));
  assert.is(highWater.markOf(102).index, 25, "an answer of an earlier start does not speak for a later one");
  highWater.met(helloOf({}, 3), members);
  assert.is(highWater.markOf(102).bootId, 4);
  highWater.met(helloOf({}, 1, 999), { configurations: [{ ...configurations[0]!, members: [] }], commitIndex: 0 });
  assert.is(highWater.markOf(102).bootId, 0, "of who is no member nothing is kept");
});

test.run();
