import { test } from "uvu";
import { message } from "../../raft/helpers.ts";
import { Hand, rejects } from "./hand.ts";

test("an election, and another in the next term", () => {
  const hand = new Hand("");
  hand.elect(1, 1, [2]);
  hand.elect(2, 2, [3]);
});

test("one-leader: two in a term; a message of a term that was never led", () => {
  const two = new Hand("one-leader");
  two.elect(1, 1, [2]);
  rejects("one-leader", /n3 \(member 3\) leads term 1, in which member 1 was leader/, () => two.step(3, { role: "leader", term: 1 }));
  const liar = new Hand("one-leader");
  liar.elect(1, 1, [2]);
  liar.sent(1, message("heartbeat", { from: 1, to: 2, term: 1 }));
  rejects("one-leader", /n3 sends a heartbeat of term 1/, () => liar.sent(3, message("heartbeat", { from: 3, to: 2, term: 1 })));
});

test("one-leader: a leader of an earlier term may go on beside one of a later term", () => {
  const hand = new Hand("one-leader");
  hand.elect(1, 1, [2]);
  hand.elect(3, 2, [2]);
  hand.step(1, {});
  hand.sent(1, message("heartbeat", { from: 1, to: 2, term: 1 }));
});

test("votes: one that changes within a term", () => {
  const hand = new Hand("votes");
  hand.step(1, { term: 4, vote: 2 });
  rejects("votes", /voted for 2 in term 4, then for 3/, () => hand.step(1, { vote: 3 }));
});

test("votes: one that is forgotten within a term", () => {
  const forgotten = new Hand("votes");
  forgotten.durably(1, { term: 4, vote: 2 });
  rejects("votes", /voted for 2 in term 4, then for 0/, () => forgotten.step(1, { vote: 0 }));
});

test("votes: a vote that was not durable may be given to another after a restart, one that left may not", () => {
  const lost = new Hand("votes");
  lost.step(1, { term: 4, vote: 2 });
  lost.crash(1);
  lost.open(1);
  lost.durably(1, { term: 4, vote: 3 });
  const left = new Hand("votes");
  left.step(1, { term: 4, vote: 2 });
  left.sent(1, message("voteReply", { from: 1, to: 2, term: 4, requestTerm: 4, granted: true }));
  left.crash(1);
  left.open(1);
  left.durably(1, { term: 4, vote: 3 });
  const grant = message("voteReply", { from: 1, to: 3, term: 4, requestTerm: 4, granted: true });
  rejects("votes", /grants its vote in term 4 to 3, and granted it to 2/, () => left.sent(1, grant));
});

test("votes: a disk that is not owed may have forgotten", () => {
  const hand = new Hand("votes");
  hand.durably(1, { term: 4, vote: 2 });
  hand.sent(1, message("voteReply", { from: 1, to: 2, term: 4, requestTerm: 4, granted: true }));
  hand.crash(1);
  hand.open(1, { forgiven: true });
  hand.durably(1, { term: 4, vote: 3 });
  hand.sent(1, message("voteReply", { from: 1, to: 3, term: 4, requestTerm: 4, granted: true }));
});

test("votes: a leader without a quorum of votes, or before its own is durable", () => {
  const alone = new Hand("votes");
  alone.durably(1, { role: "candidate", term: 1, vote: 1 });
  rejects("votes", /leads term 1 by the durable votes of \[1\] among \[1, 2, 3\]/, () => alone.step(1, { role: "leader" }));
  const early = new Hand("votes");
  early.step(1, { role: "candidate", term: 1, vote: 1 });
  early.durably(2, { term: 1, vote: 1 });
  rejects("votes", /by the durable votes of \[2\]/, () => early.step(1, { role: "leader" }));
  const others = new Hand("votes");
  others.durably(1, { role: "candidate", term: 1, vote: 1 });
  others.durably(2, { term: 1, vote: 3 });
  rejects("votes", /by the durable votes of \[1\]/, () => others.step(1, { role: "leader" }));
});

test("terms: a higher term that is not taken", () => {
  const hand = new Hand("terms");
  hand.elect(1, 1, [2]);
  rejects("terms", /n1 stays in term 1 though a appendReply of term 3 came/, () => {
    hand.step(1, { event: { type: "receive", message: message("appendReply", { from: 2, term: 3 }) } });
  });
  hand.step(1, { role: "follower", leaderId: 0, term: 3, event: { type: "receive", message: message("heartbeatReply", { from: 2, term: 3 }) } });
});

test("terms: a pre-vote that moves a term or a vote, and one that is asked for in a raised term", () => {
  const ask = message("voteRequest", { from: 2, term: 1, preVote: true });
  const raised = new Hand("terms");
  rejects("terms", /a pre-vote moves n1 from term 0/, () => raised.step(1, { term: 1, event: { type: "receive", message: ask } }));
  const asking = new Hand("terms");
  rejects("terms", /n1 asks for pre-votes and raised its term from 0 to 1/, () => asking.step(1, { role: "pre-candidate", term: 1 }));
  const quiet = new Hand("terms");
  quiet.step(1, { role: "pre-candidate" });
  quiet.step(2, { event: { type: "receive", message: message("voteRequest", { from: 1, to: 2, term: 1, preVote: true }) } });
  quiet.step(1, { event: { type: "receive", message: message("voteReply", { term: 1, preVote: true, granted: true, requestTerm: 1 }) } });
});

test("terms: a campaign that no quorum promised votes for, and one that a leader asked for", () => {
  const promise = (from: number, requestTerm: number) => message("voteReply", { from, to: 1, term: requestTerm, requestTerm, preVote: true, granted: true });
  const alone = new Hand("terms");
  rejects("terms", /n1 campaigns in term 1 by the promises of \[1\] among/, () => alone.step(1, { role: "candidate", term: 1, vote: 1 }));
  const late = new Hand("terms");
  late.sent(2, promise(2, 1));
  rejects("terms", /n1 campaigns in term 2 by the promises of \[1\]/, () => late.step(1, { role: "candidate", term: 2, vote: 1 }));
  const good = new Hand("terms");
  good.sent(2, promise(2, 1));
  good.step(1, { role: "candidate", term: 1, vote: 1 });
  good.step(3, { role: "candidate", term: 2, vote: 3, event: { type: "receive", message: message("timeoutNow", { from: 1, to: 3, term: 1 }) } });
});

test("terms: a vote for another while the leader was just heard", () => {
  for (const preVote of [true, false]) {
    const hand = new Hand("terms");
    hand.elect(1, 1, [2]);
    hand.step(2, { leaderId: 1, event: { type: "receive", message: message("heartbeat", { from: 1, to: 2, term: 1 }) } });
    hand.nowMs = 200;
    const ask = { type: "receive", message: message("voteRequest", { from: 3, to: 2, term: 2, preVote }) } as const;
    const grant = message("voteReply", { from: 2, to: 3, term: 2, requestTerm: 2, granted: true, preVote });
    hand.step(2, { event: ask });
    rejects("terms", /n2 heard its leader 200 ms ago and moves for the candidate 3/, () => {
      hand.step(2, { event: ask, ...(preVote ? { effects: [{ type: "send", message: grant }] } : { term: 2, vote: 3, messages: [grant] }) });
    });
    const later = new Hand("terms");
    later.elect(1, 1, [2]);
    later.step(2, { leaderId: 1, event: { type: "receive", message: message("heartbeat", { from: 1, to: 2, term: 1 }) } });
    later.nowMs = 300;
    later.step(2, { event: ask, ...(preVote ? { effects: [{ type: "send", message: grant }] } : { term: 2, vote: 3, messages: [grant] }) });
  }
});

test.run();
