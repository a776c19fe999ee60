import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Event, EventBody } from "../../src/raft/event.ts";
import { byNumber, effectsWords, eventWords, messageWords, namesIn, standingWords } from "../../src/raft/words.ts";
import { message, sealed, Single } from "./helpers.ts";

const test = suite("words");

function at(body: EventBody): Event {
  return { ...body, nowMs: 1, wallMs: 1 };
}

test("eventWords() and standingWords() name members by their configuration, or by number", () => {
  const { state } = new Single({ term: 2, votedFor: 3 });
  const asked: Event = at({ type: "receive", message: message("voteRequest", { term: 4, lastLogIndex: 3, lastLogTerm: 2 }) });
  assert.is(eventWords(asked, namesIn(state)), "n2 sends a request for a vote in term 4 (log ends at 3 of term 2)");
  assert.is(eventWords(at({ type: "linkDown", peer: 3 }), byNumber), "it lost its connection to member 3");
  assert.is(eventWords(at({ type: "transfer", to: 3 }), namesIn(state)), "it is asked to hand leadership to n3");
  assert.is(standingWords(state, namesIn(state)).join(", "), "follower of term 2, vote n3, log to 0@0, durable 0, commit 0");
  assert.is(standingWords(new Single().state, byNumber)[1], "vote nobody");
});

test("messageWords() tells the terms of entries whose heads are there", () => {
  const append = (terms: readonly number[]): string => messageWords(message("appendRequest", {
    term: 4, prevLogIndex: 0, prevLogTerm: 0, lastIndex: terms.length, entries: sealed(terms), leaderCommit: 1,
  }));
  assert.is(append([]), "no entries behind 0 of term 0 (commit 1, term 4)");
  assert.is(append([3]), "entry 1 of term 3 behind 0 of term 0 (commit 1, term 4)");
  assert.is(append([2, 3, 4]), "entries 1–3 of term 2 to 4 behind 0 of term 0 (commit 1, term 4)");
  assert.is(messageWords(message("voteReply", { term: 5, requestTerm: 4, granted: false })), "a no to the vote of term 4 in term 5");
  assert.is(messageWords(message("appendReply", { term: 5, success: true, matchIndex: 7 })), "an ack of 7 in term 5");
});

test("effectsWords() tells what a store holds and what waits for it", () => {
  const single = new Single();
  const effects = single.event({ type: "receive", message: message("voteRequest", { term: 1 }) });
  assert.match(effectsWords(effects, namesIn(single.state)), /stores term 1, vote n2, then sends a yes to the vote of term 1 to n2/);
  assert.is(effectsWords([], byNumber), "does nothing");
});

test.run();
