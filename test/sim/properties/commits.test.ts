import { test } from "uvu";
import kv from "../../../plugins/kv/kv.ts";
import { EntryKind } from "../../../src/base/entry.ts";
import type { Applier } from "../../../src/machine/applier.ts";
import { ChangeHistory } from "../../../src/machine/change_history.ts";
import type { LogEntry } from "../../../src/raft/types.ts";
import type { EqualStates } from "../../../src/sim/properties/equal_states.ts";
import { membersOf } from "../../raft/helpers.ts";
import { Hand, next, rejects } from "./hand.ts";

/** A leader of term 1 whose no-op is durable on it and member 2, and committed there. */
function settled(target: string): { hand: Hand; noop: LogEntry } {
  const hand = new Hand(target);
  const noop = hand.elect(1, 1, [2]);
  hand.stored(1);
  hand.durably(2, { entries: [noop] });
  hand.step(1, { commit: 1 });
  return { hand, noop };
}

test("commits as they should be, also of old entries below one of the leader's own term, and over restarts", () => {
  const { hand, noop } = settled("");
  hand.step(2, { commit: 1 });
  const own = next(noop, 1, 4);
  hand.durably(1, { entries: [own] });
  hand.durably(2, { entries: [own] });
  const second = hand.elect(2, 2, [3], [noop, own]);
  hand.stored(2);
  hand.durably(3, { entries: [noop, own, second] });
  hand.step(2, { commit: 3 });
  hand.crash(3);
  hand.open(3, { log: [noop, own, second], term: 2, vote: 2, commit: 2 });
  hand.step(3, { commit: 3 });
});

test("committed: on a quorum of durable logs: memory does not count, nor another log, nor one alone", () => {
  const memory = new Hand("committed");
  const noop = memory.elect(1, 1, [2]);
  memory.stored(1);
  memory.step(2, { entries: [noop] });
  rejects("committed", /n1 commits 1@1 .*, which is durable on \[1\] of \[1, 2, 3\]/, () => memory.step(1, { commit: 1 }));
  const own = new Hand("committed");
  const first = own.elect(1, 1, [2]);
  own.durably(2, { entries: [first] });
  rejects("committed", /durable on \[2\] of/, () => own.step(1, { commit: 1 }));
  const other = new Hand("committed");
  other.durably(2, { entries: [next(null, 0)] });
  other.durably(3, { entries: [next(null, 0)] });
  other.elect(1, 1, [2]);
  other.stored(1);
  rejects("committed", /durable on \[1\] of/, () => other.step(1, { commit: 1 }));
});

test("committed: those that crashed count by what their disks hold", () => {
  const hand = new Hand("committed");
  const noop = hand.elect(1, 1, [2]);
  hand.durably(2, { entries: [noop] });
  hand.durably(3, { term: 1, entries: [noop] });
  hand.crash(2);
  hand.crash(3);
  hand.step(1, { commit: 1 });
});

test("committed: learners do not count, witnesses do, and both halves of a joint step do", () => {
  const roles = new Hand("committed", { configuration: membersOf(["voter", "voter", "witness", "learner", "learner"]) });
  const noop = roles.elect(1, 1, [2]);
  roles.stored(1);
  for (const learner of [4, 5]) roles.durably(learner, { term: 1, entries: [noop] });
  rejects("committed", /durable on \[1\] of \[1, 2, 3\]/, () => roles.step(1, { commit: 1 }));
  roles.durably(3, { term: 1, entries: [noop] });
  roles.step(1, { commit: 1 });
  const three = membersOf(["voter", "voter", "voter", "learner", "learner"]);
  const joint = { ...three, joint: true, members: three.members.map((member) => ({ ...member, outgoingRole: member.number > 2 ? "voter" as const : null })) };
  const halves = new Hand("committed", { configuration: joint });
  const entry = halves.elect(1, 1, [2, 4, 5]);
  halves.stored(1);
  halves.durably(2, { entries: [entry] });
  rejects("committed", /durable on \[1, 2\] of/, () => halves.step(1, { commit: 1 }));
});

test("committed: an entry of an older term by counting (figure 3.7)", () => {
  const hand = new Hand("committed");
  const noop = hand.elect(1, 1, [2]);
  hand.stored(1);
  const second = hand.elect(2, 2, [3]);
  const third = hand.elect(1, 3, [3], [noop]);
  hand.stored(1);
  hand.durably(3, { entries: [noop] });
  rejects("committed", /n1 leads term 3 and commits 1@1 .* by counting: not of its own term/, () => hand.step(1, { commit: 1 }));
  hand.durably(3, { entries: [third] });
  hand.step(1, { commit: 2 });
  rejects("committed", /n2 commits 1@2 .*; 1@1 .* was committed/, () => hand.durably(2, { role: "follower", term: 3, commit: second.index }));
});

test("committed: another entry than everybody else's; what no leader committed; behind the end of the log", () => {
  const { hand } = settled("committed");
  hand.durably(3, { term: 1, entries: [next(null, 1, 9)] });
  rejects("committed", /n3 commits 1@1 .*; 1@1 .* was committed/, () => hand.step(3, { commit: 1 }));
  const ahead = settled("committed");
  ahead.hand.durably(2, { entries: [next(ahead.noop, 1)] });
  rejects("committed", /n2, follower of term 1, commits 2@1 .*, which no leader has committed/, () => ahead.hand.step(2, { commit: 2 }));
  const end = settled("committed");
  rejects("committed", /n2 commits 7, its log ends with 1@1/, () => end.hand.step(2, { commit: 7 }));
});

test("committed: a restart that calls more committed than anybody did", () => {
  const { hand, noop } = settled("committed");
  const tail = next(noop, 1);
  hand.durably(2, { entries: [tail] });
  hand.crash(2);
  rejects("committed", /n2 begins with commitIndex 2; nobody committed more than 1/, () => hand.open(2, { log: [noop, tail], term: 1, vote: 1, commit: 2 }));
});

test("leader-completeness: a leader without what was committed, unless its term is over", () => {
  const { hand } = settled("leader-completeness");
  rejects("leader-completeness", /n3 leads term 2 without 1@1 .*, which was committed: it has 1@2/, () => hand.elect(3, 2, [2]));
  const late = new Hand("leader-completeness");
  late.durably(3, { role: "candidate", term: 1, vote: 3 });
  const noop = late.elect(1, 2, [2]);
  late.stored(1);
  late.durably(2, { entries: [noop] });
  late.step(1, { commit: 1 });
  late.step(3, { role: "leader", entries: [next(null, 1)] });
});

test("leader-completeness: what damaged disks lost is owed while a quorum meets an intact one", () => {
  const { hand, noop } = settled("leader-completeness");
  hand.crash(2);
  hand.open(2, { forgiven: true });
  // Only member 1 holds it for certain, and 2 and 3 are a quorum without it.
  hand.elect(3, 2, [2]);
  const owed = settled("leader-completeness");
  owed.hand.durably(3, { term: 1, entries: [owed.noop] });
  owed.hand.crash(2);
  owed.hand.open(2, { forgiven: true });
  rejects("leader-completeness", /n2 leads term 2 without 1@1/, () => owed.hand.elect(2, 2, [3]));
  void noop;
});

test("monotonic: term, commitIndex, lastApplied; a durable commitIndex over a restart", () => {
  const term = new Hand("monotonic");
  term.step(1, { term: 3 });
  rejects("monotonic", /term of n1 falls from 3 to 2/, () => term.step(1, { term: 2 }));
  const { hand } = settled("monotonic");
  rejects("monotonic", /commitIndex of n1 falls from 1 to 0/, () => hand.step(1, { commit: 0 }));
  const applied = new Hand("monotonic");
  applied.state(1).lastApplied = 4;
  applied.step(1, {});
  applied.state(1).lastApplied = 3;
  rejects("monotonic", /lastApplied of n1 falls from 4 to 3/, () => applied.step(1, {}));
  const durable = new Hand("monotonic");
  const noop = next(null, 1);
  durable.crash(1);
  durable.open(1, { log: [noop], term: 1, commit: 1, forgiven: true });
  durable.crash(1);
  rejects("monotonic", /n1 begins with commitIndex 0; 1 was durable/, () => durable.open(1, { log: [noop], term: 1, commit: 0 }));
  const falls = settled("monotonic").hand;
  falls.durably(1, { role: "follower", term: 2 });
  rejects("monotonic", /the durable commitIndex of n1 falls from 1 to 0/, () => falls.durably(1, { term: 3, toldCommit: 0 }));
  // Whatever the last record said: the highest that was ever durable counts.
  rejects("monotonic", /n1 begins with commitIndex 0; 1 was durable/, () => {
    falls.crash(1);
    falls.open(1, { log: [next(null, 1, 0, 0, EntryKind.noop)], term: 3, commit: 0 });
  });
});

/** A machine that stands at this index. */
function machineAt(index: number, term: number, digest: number = 0, hash: string = "same", sessions: number = 0): Applier {
  return { lastApplied: { index, term, timeMs: 0 }, readableIndex: index, digest, stateHash: () => hash, sessions: { hash: () => sessions, limits: {} }, view: () => ({ version: 1 }), plugin: kv, history: new ChangeHistory() } as unknown as Applier;
}

test("applying: every committed entry once, in order, after each start anew", () => {
  const { hand, noop } = settled("applying");
  const apply = (from: number, to: number) => ({ effects: [{ type: "apply", from, to }] } as const);
  hand.step(1, apply(1, 1));
  rejects("applying", /n1 is to apply 1..1; 2 is next/, () => hand.step(1, apply(1, 1)));
  rejects("applying", /n1 is to apply 3..3; 2 is next/, () => hand.step(1, apply(3, 3)));
  rejects("applying", /n1 is to apply 2..2; 1 is committed/, () => hand.step(1, apply(2, 2)));
  hand.stored(2);
  hand.crash(2);
  hand.open(2, { log: [noop], term: 1, vote: 1, commit: 1 });
  hand.step(2, apply(1, 1));
});

test("applying: what the core says was applied is what the machine did", () => {
  const { hand } = settled("applying");
  hand.step(1, { effects: [{ type: "apply", from: 1, to: 1 }] });
  rejects("applying", /n1 applied 1..2; asked for was 1/, () => hand.step(1, { event: { type: "applied", index: 2, wakeAtMs: null } }));
  hand.member(1).applier = machineAt(0, 0);
  rejects("applying", /says that it applied 1, its machine is at 0/, () => hand.step(1, { event: { type: "applied", index: 1, wakeAtMs: null } }));
  hand.member(1).applier = machineAt(1, 4);
  rejects("applying", /applied an entry 1@4; 1@1 is committed/, () => hand.step(1, { event: { type: "applied", index: 1, wakeAtMs: null } }));
  hand.member(1).applier = machineAt(1, 1);
  hand.state(1).applyRequested = 1;
  hand.state(1).lastApplied = 1;
  hand.step(1, { event: { type: "applied", index: 1, wakeAtMs: null } });
  hand.state(1).lastApplied = 2;
  rejects("applying", /lastApplied 2 of 1, commitIndex 1/, () => hand.step(1, {}));
  hand.state(1).lastApplied = 1;
  hand.state(1).snapshotIndex = 2;
  rejects("applying", /snapshot 2, lastApplied 1 of 1/, () => hand.step(1, {}));
});

test("equal-states: digests at one index, hashes at some and in the end", () => {
  const hand = new Hand("equal-states");
  const applied = (number: number, index: number, digest: number, hash: string): void => {
    hand.member(number).applier = machineAt(index, 1, digest, hash);
    hand.step(number, { event: { type: "applied", index, wakeAtMs: null } });
  };
  applied(1, 5, 100, "a");
  applied(2, 5, 100, "b");
  rejects("equal-states", /at index 5 n3 has the digest 65, n1 had 64/, () => applied(3, 5, 101, "a"));
  applied(1, 61, 100, "a");
  rejects("equal-states", /at index 61 n2 has the state hash b with sessions 0, n1 had a with/, () => applied(2, 61, 100, "b"));
  applied(3, 61, 100, "a");
  applied(1, 70, 1, "a");
  applied(2, 70, 1, "a");
  applied(3, 69, 7, "c");
  hand.tell((property) => property.finished?.(hand.members));
  hand.member(2).applier = machineAt(70, 1, 1, "b");
  rejects("equal-states", /at index 70 n2 has the state hash b/, () => hand.tell((property) => property.finished?.(hand.members)));
  hand.member(2).applier = machineAt(70, 1, 1, "a", 5);
  rejects("equal-states", /at index 70 n2 has the state hash a with sessions 5/, () => hand.tell((property) => property.finished?.(hand.members)));
});

test("equal-states: what a snapshot left, and what the log makes from its beginning", () => {
  const hand = new Hand("equal-states");
  const equal = hand.properties.find(({ name }) => name === "equal-states") as EqualStates;
  hand.member(1).applier = machineAt(7, 1, 1, "a");
  hand.step(1, { event: { type: "restored", index: 7, wakeAtMs: null } });
  hand.member(2).applier = machineAt(7, 1, 1, "b");
  rejects("equal-states", /at index 7 n2 has the state hash b/, () => equal.opened(hand.member(2)));
  hand.member(3).applier = machineAt(9, 1, 1, "c");
  equal.opened(hand.member(3));
  equal.compareReplay(machineAt(7, 1, 1, "a")!);
  equal.compareReplay(machineAt(8, 1, 1, "x")!);
  rejects("equal-states", /at index 9 n3, restored from a snapshot, had the digest 1, the log makes 2/, () => equal.compareReplay(machineAt(9, 1, 2, "c")!));
  rejects("equal-states", /at index 9 n3, .* had the state hash c with sessions 0, the log makes d/, () => equal.compareReplay(machineAt(9, 1, 1, "d")!));
});

test.run();
