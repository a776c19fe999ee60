/** The rules of witnesses (D11), each broken on purpose. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createProgress } from "../../../src/raft/progress.ts";
import type { Message } from "../../../src/raft/message.ts";
import type { RaftState } from "../../../src/raft/state.ts";
import { membersOf, message } from "../../raft/helpers.ts";
import { Hand, rejects } from "./hand.ts";

const WITNESS = 3;

/** 1 leads, 2 is the other one that keeps data, 3 the witness; one entry, which is durable on the leader. */
function led(durable: boolean = true): Hand {
  const hand = new Hand("witnesses", { configuration: membersOf(["voter", "voter", "witness"]) });
  Object.assign(hand.state(WITNESS).config, { witness: true });
  const leader = hand.state(1);
  leader.progress.set(2, { ...createProgress(2, 0), lastHeardMs: 0 });
  leader.progress.set(WITNESS, { ...createProgress(WITNESS, 0, true), lastHeardMs: 0 });
  // It has just begun: who keeps up is not known yet, so all are held to.
  leader.ownTermIndex = 1;
  hand.elect(1, 1, [2]);
  if (durable) leader.durableIndex = 1;
  return hand;
}

function telling(lastIndex: number): Message {
  return message("appendRequest", { from: 1, to: WITNESS, term: 1, prevLogIndex: lastIndex - 1, lastIndex });
}

function tell(hand: Hand, lastIndex: number = 1): void {
  hand.step(1, { effects: [{ type: "send", message: telling(lastIndex) }] });
}

test("witnesses: none is told of what the leader's own disk does not hold", () => {
  const hand = led(false);
  hand.state(1).progress.get(2)!.matchIndex = 1;
  rejects("witnesses", /n1 tells the witness [a-z0-9]+ of 1, its own disk holds 0/, () => tell(hand));
});

test("witnesses: none is told of what a data voter that keeps up does not hold, be it in a store", () => {
  rejects("witnesses", /keeps up, and is known to hold 0/, () => tell(led()));
  const hand = led();
  rejects("witnesses", /keeps up, and is known to hold 0/, () => void hand.step(1, { messages: [telling(1)] }));
});

test("witnesses: they are told of what all data voters hold, and of what one lacks that was not heard of", () => {
  const equal = led();
  equal.state(1).progress.get(2)!.matchIndex = 1;
  tell(equal);
  const silent = led();
  silent.nowMs = 10_000;
  tell(silent);
  // A heartbeat, and a question where the logs agree, tell of no position.
  const asking = led();
  asking.step(1, { effects: [{ type: "send", message: { ...telling(1), lastIndex: 0, prevLogIndex: 0 } as Message }] });
});

test("witnesses: none is named as the source of a snapshot", () => {
  const install = message("installSnapshot", { from: 1, to: 2, term: 1, lastIncludedIndex: 1, source: WITNESS });
  rejects("witnesses", /sends 2 to the witness [a-z0-9]+ for a snapshot/, () => void led().step(1, { effects: [{ type: "send", message: install }] }));
});

test("witnesses: none campaigns, applies, answers or fetches", () => {
  rejects("witnesses", /the witness n3 is candidate/, () => void led().step(WITNESS, { role: "candidate" }));
  const wrong: readonly [string, object][] = [["apply", { from: 1, to: 1 }], ["answerRead", { readId: 1, index: 1, timeMs: 0 }], ["fetchSnapshot", { from: 1, point: { index: 1, term: 1, chain: 0 } }]];
  for (const [type, fields] of wrong) {
    rejects("witnesses", new RegExp(`has no machine and no snapshot: ${type}`), () => void led().step(WITNESS, { effects: [{ type, ...fields } as never] }));
  }
});

test("witnesses: a payload on the disk of one is found, at its start and in the end", () => {
  const hand = led();
  const member = hand.member(WITNESS);
  Object.assign(member, { durableLog: () => ({ entries: new Map([[7, { payloadBytes: 12 }]]) }) });
  rejects("witnesses", /the witness n3 keeps 12 bytes of entry 7/, () => hand.tell((property) => property.finished?.(hand.members)));
  Object.assign(member, { durableLog: () => ({ entries: new Map([[7, { payloadBytes: 0 }]]) }) });
  hand.tell((property) => property.finished?.(hand.members));
  assert.is((member.state as RaftState).config.witness, true);
});

test.run();
