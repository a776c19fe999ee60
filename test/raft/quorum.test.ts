/** Majorities, simple and joint, against a naive counter. Dissertation 3.3, 4.3. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import { quorumValue, type VoteOutcome, voteOutcome, voterSets } from "../../src/raft/quorum.ts";
import { membersOf } from "./helpers.ts";

function randomSet(random: RandomState, sizeMin: number): number[] {
  const size = nextInRange(random, sizeMin, 7);
  const all = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  while (all.length > size) all.splice(nextInRange(random, 0, all.length - 1), 1);
  return all;
}

/** Whether more than half of `voters` hold for `has`. */
function isMajority(voters: readonly number[], has: (voter: number) => boolean): boolean {
  return voters.filter(has).length * 2 > voters.length;
}

test("C04 the commit index of random voter sets and joint pairs is the naive counter's", () => {
  const random = seedRandom(4);
  for (let i = 0; i < 20_000; i++) {
    const sets = { incoming: randomSet(random, 1), outgoing: i % 2 === 0 ? [] : randomSet(random, 1) };
    const match = Array.from({ length: 10 }, () => nextInRange(random, 0, 12));
    let naive = -1;
    for (let index = 0; index <= 12; index++) {
      const reached = (voter: number): boolean => match[voter]! >= index;
      if (isMajority(sets.incoming, reached) && (sets.outgoing.length === 0 || isMajority(sets.outgoing, reached))) naive = index;
    }
    assert.is(quorumValue(sets, (voter) => match[voter]!), naive);
  }
});

test("C04 the outcome of a vote is won by both halves, lost by either", () => {
  const random = seedRandom(5);
  for (let i = 0; i < 20_000; i++) {
    const sets = { incoming: randomSet(random, 1), outgoing: i % 2 === 0 ? [] : randomSet(random, 1) };
    const votes = new Map<number, boolean>();
    for (let voter = 1; voter <= 9; voter++) if (nextInRange(random, 0, 2) > 0) votes.set(voter, nextInRange(random, 0, 1) === 1);
    const halves = sets.outgoing.length === 0 ? [sets.incoming] : [sets.incoming, sets.outgoing];
    let naive: VoteOutcome = "pending";
    if (halves.every((half) => isMajority(half, (voter) => votes.get(voter) === true))) naive = "won";
    else if (halves.some((half) => !isMajority(half, (voter) => votes.get(voter) !== false))) naive = "lost";
    assert.is(voteOutcome(sets, votes), naive);
  }
});

test("nobody votes: nothing is reached, and nothing is won", () => {
  assert.is(quorumValue({ incoming: [], outgoing: [] }, () => 5), -Infinity);
  assert.is(voteOutcome({ incoming: [], outgoing: [] }, new Map()), "lost");
});

test("an even number of voters needs more than half (thesis 3.3)", () => {
  const match = [0, 9, 9, 1, 1];
  assert.is(quorumValue({ incoming: [1, 2, 3, 4], outgoing: [] }, (voter) => match[voter]!), 1);
});

test("C05 learners are in no quorum, witnesses are", () => {
  assert.equal(voterSets(membersOf(["voter", "learner", "witness"])), { incoming: [1, 3], outgoing: [] });
});

test.run();
