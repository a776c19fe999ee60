/** Rows of SCENARIOS about elections, on a seeded cluster of bare cores that checks every step. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { Cores } from "./cores.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** The members that are not cut off have exactly one leader, which has their quorum. */
function oneLeader(cores: Cores, connected: readonly number[]): void {
  const leaders = connected.filter((number) => cores.core(number).state.role === "leader");
  assert.is(leaders.length, 1, `leaders among ${connected.join(" ")}: ${leaders.join(" ")}`);
}

function others(cores: Cores, without: readonly number[]): number[] {
  return cores.cores.map((core) => core.number).filter((number) => !without.includes(number));
}

test("E01 fresh members have one leader in a few election timeouts, and its term stays", () => {
  for (const seed of SEEDS) {
    const cores = new Cores({ members: 3, seed });
    cores.run(3000);
    oneLeader(cores, [1, 2, 3]);
    const { term } = cores.leader()!.state;
    cores.run(1200);
    assert.equal(cores.cores.map((core) => core.state.term), [term, term, term]);
  }
});

test("E02 a leader that is cut off is replaced and follows quietly; without a quorum nobody leads", () => {
  for (const seed of SEEDS) {
    const cores = new Cores({ members: 3, seed });
    const first = cores.awaitLeader();
    cores.partition([first.number], others(cores, [first.number]));
    cores.run(3000);
    oneLeader(cores, others(cores, [first.number]));
    assert.is(first.state.role === "leader", false, "check-quorum");
    const { term } = cores.leader()!.state;
    cores.heal();
    cores.run(2000);
    assert.equal(cores.cores.map((core) => core.state.term), [term, term, term]);
    cores.partition([1], [2], [3]);
    cores.run(3000);
    assert.is(cores.leader(), null);
    cores.heal();
    cores.awaitLeader();
  }
});

test("E03 seven members, ten rounds of cutting three at random: the rest has one leader", () => {
  for (const seed of SEEDS.slice(0, 4)) {
    const cores = new Cores({ members: 7, seed });
    const random = seedRandom(seed);
    for (let round = 0; round < 10; round++) {
      const cut = new Set<number>();
      while (cut.size < 3) cut.add(nextInRange(random, 1, 7));
      const rest = others(cores, [...cut]);
      cores.partition(...[...cut].map((number) => [number]), rest);
      cores.run(4000);
      oneLeader(cores, rest);
    }
  }
});

test("E10 the share of elections with a split vote is bounded", () => {
  for (const members of [3, 5, 7]) {
    let terms = 0;
    const elections = 60;
    for (let seed = 1; seed <= elections; seed++) {
      const cores = new Cores({ members, seed });
      terms += cores.awaitLeader().state.term;
    }
    assert.ok(terms <= elections * 1.25, `${terms} terms for ${elections} elections of ${members}`);
  }
});

test("E11 a member that was cut off for an hour comes back in the term in which it left", () => {
  const cores = new Cores({ members: 3, seed: 11 });
  const leader = cores.awaitLeader();
  const cut = others(cores, [leader.number])[0]!;
  cores.partition([cut], others(cores, [cut]));
  cores.run(3_600_000);
  assert.is(cores.core(cut).state.term, leader.state.term);
  cores.heal();
  cores.run(2000);
  assert.is(cores.leader(), leader);
  assert.is(cores.core(cut).state.leaderId, leader.number);
});

/** These campaign as soon as their election timeout passes, as members of an older kind would: each is granted its pre-votes by itself. */
function withoutPreVotes(cores: Cores, members: readonly number[]): void {
  cores.onMessage = (message) => {
    if (message.type !== "voteRequest" || !message.preVote || !members.includes(message.from)) return true;
    const { group, from, to, term } = message;
    const granted = { type: "voteReply", group, from: to, fromIncarnation: cores.core(to).state.config.incarnation, to: from, term, preVote: true, requestTerm: term, granted: true, bootId: 1 } as const;
    cores.scheduler.after(0, () => cores.event(cores.core(from), { type: "receive", message: granted }));
    return false;
  };
}

test("E20 members with and without pre-votes, in any mixture: whoever was cut off comes back with a higher term, and one leads again", () => {
  for (const members of [[1], [2], [1, 2], [1, 3], [2, 3], [1, 2, 3]]) {
    for (const away of [1, 2, 3]) {
      const cores = new Cores({ members: 3, seed: 20 + away });
      cores.awaitLeader();
      withoutPreVotes(cores, members);
      cores.partition([away], others(cores, [away]));
      cores.run(5000);
      const raised = members.includes(away) && cores.core(away).state.term > Math.max(...others(cores, [away]).map((each) => cores.core(each).state.term));
      assert.is(raised, members.includes(away), `without: ${members.join()}, away: ${away}`);
      cores.heal();
      cores.run(3000);
      oneLeader(cores, [1, 2, 3]);
      assert.is(new Set(cores.cores.map((core) => core.state.term)).size, 1);
    }
  }
});

test("E23 votes that are slow to leave, or to arrive: one leader a term, and one in the end", () => {
  for (const seed of SEEDS) {
    const cores = new Cores({ members: 3, seed, diskMs: [100, 400], delayMs: [20, 250] });
    cores.run(20_000);
    cores.options.diskMs = [1, 3];
    cores.options.delayMs = [1, 5];
    cores.awaitLeader();
    cores.run(2000);
    oneLeader(cores, [1, 2, 3]);
  }
});

test("a leader that hears others but is not heard does not keep them from a leader", () => {
  for (const seed of SEEDS) {
    const cores = new Cores({ members: 5, seed });
    const first = cores.awaitLeader();
    cores.cutLinks([first.number], others(cores, [first.number]));
    cores.run(4000);
    oneLeader(cores, others(cores, [first.number]));
  }
});

test("a leader behind a bridge, heard by one member alone, does not block the quorum", () => {
  for (const seed of SEEDS) {
    const cores = new Cores({ members: 5, seed });
    const first = cores.awaitLeader();
    const [bridge, ...rest] = others(cores, [first.number]);
    cores.cutLinks([first.number], rest);
    cores.cutLinks(rest, [first.number]);
    cores.run(5000);
    assert.ok(cores.leader()!.number !== first.number, `seed ${seed}`);
    oneLeader(cores, [bridge!, ...rest]);
  }
});

test.run();
