import { test } from "uvu";
import type { LogEntry } from "../../../src/raft/types.ts";
import { createProgress, type Progress } from "../../../src/raft/progress.ts";
import { message } from "../../raft/helpers.ts";
import { Hand, next, rejects } from "./hand.ts";

function entriesOf(terms: readonly number[], previous: LogEntry | null = null): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const [at, term] of terms.entries()) entries.push(next(entries.at(-1) ?? previous, term, 10 + at));
  return entries;
}

test("recovery: what was durable is found, with any beginning of what was asked for since", () => {
  const log = entriesOf([1, 1, 1, 1]);
  for (const there of [2, 3, 4]) {
    const hand = new Hand("recovery");
    hand.durably(1, { term: 1, vote: 2, entries: log.slice(0, 2) });
    hand.step(1, { entries: log.slice(2) });
    hand.crash(1);
    hand.open(1, { log: log.slice(0, there), term: 1, vote: 2 });
    hand.durably(1, { entries: log.slice(there) });
  }
});

test("recovery: each record counts: term and vote first, then the cut, then entries", () => {
  const old = entriesOf([1, 1]);
  const young = next(old[0]!, 2, 5);
  const founds = [
    { log: old, term: 1, vote: 2 }, { log: old, term: 2, vote: 3 }, { log: old.slice(0, 1), term: 2, vote: 3 },
    { log: [old[0]!, young], term: 2, vote: 3 },
  ];
  for (const found of founds) {
    const hand = new Hand("recovery");
    hand.durably(1, { term: 1, vote: 2, entries: old });
    hand.step(1, { term: 2, vote: 3, truncateFrom: 2, entries: [young] });
    hand.crash(1);
    hand.open(1, found);
  }
  const mixed = new Hand("recovery");
  mixed.durably(1, { term: 1, vote: 2, entries: old });
  mixed.step(1, { term: 2, vote: 3 });
  mixed.crash(1);
  rejects("recovery", /n1 finds 2@1 .*, term 2, vote 2; durable was 2@1 .*, term 1, vote 2/, () => mixed.open(1, { log: old, term: 2, vote: 2 }));
});

test("recovery: a lost entry, a lost term, a lost vote, an entry out of nowhere, a cut that came before its turn", () => {
  const log = entriesOf([1, 1]);
  const other = next(log[0]!, 1, 99);
  const cases = [
    { log: log.slice(0, 1), term: 1, vote: 2 }, { log, term: 0, vote: 0 }, { log, term: 1, vote: 0 }, { log, term: 1, vote: 3 },
    { log: [log[0]!, other], term: 1, vote: 2 }, { log: [...log, next(log[1]!, 1)], term: 1, vote: 2 },
  ];
  for (const found of cases) {
    const hand = new Hand("recovery");
    hand.durably(1, { term: 1, vote: 2, entries: log });
    hand.crash(1);
    rejects("recovery", /^recovery: n1 finds /, () => hand.open(1, found));
    const forgiven = new Hand("recovery");
    forgiven.durably(1, { term: 1, vote: 2, entries: log });
    forgiven.crash(1);
    forgiven.open(1, { ...found, forgiven: true });
  }
});

test("recovery: what a message that left had promised is owed, though the core had not heard of it yet", () => {
  const log = entriesOf([1]);
  const reply = message("appendReply", { from: 1, to: 2, term: 1, matchIndex: 1 });
  const hand = new Hand("recovery");
  hand.step(1, { term: 1, entries: log, messages: [reply] });
  hand.sent(1, reply);
  hand.crash(1);
  rejects("recovery", /durable was 1@1/, () => hand.open(1, { term: 0 }));
});

test("recovery: a log in memory that nobody asked to be stored", () => {
  const hand = new Hand("recovery");
  hand.step(1, { term: 1, entries: entriesOf([1]) });
  hand.state(1).trail.lastIndex = 2;
  rejects("recovery", /holds a log to 2@1, and asked to store one to 1@1/, () => hand.step(1, {}));
});

test("append-only: a leader that cuts, that adds of another term, that changes its term", () => {
  const cuts = new Hand("append-only");
  const noop = cuts.elect(1, 2, [2]);
  rejects("append-only", /leads term 2 and cuts its log from 1 on/, () => cuts.step(1, { truncateFrom: 1 }));
  const adds = new Hand("append-only");
  adds.elect(1, 2, [2]);
  rejects("append-only", /leads term 2 and appends 2@3/, () => adds.step(1, { entries: [next(noop, 3)] }));
  const jumps = new Hand("append-only");
  jumps.elect(1, 2, [2]);
  rejects("append-only", /leads term 2, and after one step term 3/, () => jumps.step(1, { term: 3 }));
  const good = new Hand("append-only");
  good.elect(1, 2, [2]);
  good.step(1, { entries: [next(noop, 2)] });
  good.step(1, { role: "follower", leaderId: 0, term: 3, truncateFrom: 1 });
});

test("log-matching: the same entries on two members, and a tail that another leader replaces", () => {
  const hand = new Hand("log-matching");
  const noop = hand.elect(1, 1, [2]);
  hand.step(2, { entries: [noop] });
  const own = next(noop, 1, 7);
  hand.step(1, { entries: [own] });
  const second = hand.elect(2, 2, [3], [noop]);
  hand.step(1, { role: "follower", term: 2, leaderId: 2, truncateFrom: 2, entries: [second] });
  hand.step(3, { entries: [noop, second] });
});

test("log-matching: equal index and term with another content, or behind another entry", () => {
  const content = new Hand("log-matching");
  const noop = content.elect(1, 1, [2]);
  rejects("log-matching", /n2 holds 1@1 .*, another log 1@1/, () => content.step(2, { entries: [next(null, 1, 5)] }));
  const behind = new Hand("log-matching");
  behind.elect(1, 1, [2]);
  const own = next(noop, 1, 7);
  behind.step(1, { entries: [own] });
  const third = behind.elect(3, 2, [2]);
  rejects("log-matching", /n2 holds 2@1 .* behind 1@2 .*, another log behind 1@1/, () => {
    behind.step(2, { entries: [third] });
    // An edited entry whose header says what the real one says.
    behind.state(2).trail.lastTerm = 0;
    behind.step(2, { entries: [own] });
  });
});

test("log-matching: an entry of a term that its maker does not lead", () => {
  const hand = new Hand("log-matching");
  const noop = hand.elect(1, 1, [2]);
  hand.step(2, { entries: [noop] });
  rejects("log-matching", /n2 makes 2@1 .* and does not lead its term/, () => hand.step(2, { entries: [next(noop, 1)] }));
});

function believed(hand: Hand, matchIndex: number, bootId: number = 1): void {
  const progress = { ...createProgress(2, 0), matchIndex, bootId };
  hand.state(1).progress.set(2, progress);
  hand.step(1, { event: { type: "receive", message: message("appendReply", { from: 2, term: 1, matchIndex }) } });
}

test("matches: what a leader believes is durable there, and only rises", () => {
  const hand = new Hand("matches");
  const noop = hand.elect(1, 1, [2]);
  believed(hand, 0);
  hand.durably(2, { entries: [noop] });
  believed(hand, 1);
  hand.durably(1, { entries: [next(noop, 1, 3)] });
  rejects("matches", /n1 believes that member 2 holds 2@1 .*: durable there is nothing/, () => believed(hand, 2));
  const falls = new Hand("matches");
  const first = falls.elect(1, 1, [2]);
  falls.durably(2, { entries: [first] });
  believed(falls, 1);
  rejects("matches", /n1 lowers the match of member 2 from 1 to 0/, () => believed(falls, 0));
});

test("matches: another log there; an earlier boot's word; a follower that went on to a later term", () => {
  const other = new Hand("matches");
  other.durably(2, { term: 0, entries: [{ ...next(null, 0, 9) }] });
  other.elect(1, 1, [2]);
  rejects("matches", /believes that member 2 holds 1@1 .*: durable there is 1@0/, () => believed(other, 1));
  const rebooted = new Hand("matches");
  const noop = rebooted.elect(1, 1, [2]);
  rebooted.durably(2, { entries: [noop] });
  believed(rebooted, 1);
  rebooted.crash(2);
  rebooted.open(2, { term: 1, vote: 1, forgiven: true });
  believed(rebooted, 1);
  rejects("matches", /durable there is nothing/, () => believed(rebooted, 1, 2));
  const later = new Hand("matches");
  const first = later.elect(1, 1, [2]);
  later.durably(2, { entries: [first] });
  later.durably(2, { term: 2, truncateFrom: 1 });
  believed(later, 1);
});

/** What a leader of term 1 knows of member 2 after an answer of that boot. */
function heard(hand: Hand, bootId: number, known: Partial<Progress>): void {
  hand.state(1).progress.set(2, { ...createProgress(2, 0), bootId: 2, matchIndex: 1, ackedRound: 3, lastHeardMs: 50, ...known });
  for (const type of ["appendReply", "heartbeatReply"] as const) {
    hand.step(1, { event: { type: "receive", message: message(type, { from: 2, term: 1, bootId }) } });
  }
}

test("matches: once a later boot was heard, an answer of an earlier one counts for nothing", () => {
  const leader = (): Hand => {
    const hand = new Hand("matches");
    const noop = hand.elect(1, 1, [2]);
    hand.durably(2, { entries: [noop] });
    hand.durably(1, { entries: [next(noop, 1, 1)] });
    hand.crash(2);
    hand.open(2, { term: 1, vote: 1, log: [noop, next(noop, 1, 1)] });
    heard(hand, 2, {});
    return hand;
  };
  heard(leader(), 1, {});
  heard(leader(), 2, { ackedRound: 4, lastHeardMs: 60 });
  heard(leader(), 3, { bootId: 3, matchIndex: 0, ackedRound: 0, lastHeardMs: 60 });
  for (const counted of [{ matchIndex: 2 }, { ackedRound: 4 }, { lastHeardMs: 51 }, { bootId: 1 }]) {
    rejects("matches", /n1 counts an answer of boot 1 of member 2, and has heard boot 2/, () => heard(leader(), 1, counted));
  }
});

test.run();
