/** How a follower that is far behind, or whose acknowledgements wait for a slow disk, gets back into step. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RECENT_ENTRIES } from "../../src/raft/trail.ts";
import { Cores } from "./cores.ts";

test("R02 a follower that lags by more than the leader's known chains catches up, each entry once", () => {
  const cores = new Cores({ members: 3, seed: 1, delayMs: [2, 2] });
  const leader = cores.awaitLeader();
  const lagging = (leader.number % 3) + 1;
  cores.cutLinks([lagging], [1, 2, 3]);
  cores.cutLinks([1, 2, 3], [lagging]);
  const batches = Math.ceil((RECENT_ENTRIES * 1.5) / 50);
  for (let i = 0; i < batches; i++) {
    cores.propose(leader, 50);
    cores.run(20);
  }
  let entriesSent = 0;
  cores.onMessage = (message) => {
    if (message.type === "appendRequest" && message.to === lagging) entriesSent += message.entries.length;
    return true;
  };
  cores.heal();
  cores.run(5000);
  assert.is(cores.core(lagging).state.commitIndex, leader.state.trail.lastIndex);
  assert.is(leader.state.role, "leader");
  // What was in flight when the link was cut is sent twice.
  const window = leader.state.config.inflightAppendsMax * leader.state.config.appendEntriesMax;
  assert.ok(entriesSent <= batches * 50 + window, `${entriesSent} entries for ${batches * 50}`);
});

test("R19 a follower that restarts with the whole log learns what is committed, though nobody writes", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const cores = new Cores({ members: 3, seed, lossPercent: seed > 5 ? 20 : 0 });
    const leader = cores.awaitLeader();
    cores.propose(leader, 200);
    cores.run(3000);
    const follower = (leader.number % 3) + 1;
    cores.crash(follower);
    cores.start(follower);
    cores.run(3000);
    assert.is(cores.core(follower).state.lastApplied, cores.leader()!.state.trail.lastIndex, `seed ${seed}`);
  }
});

test("R05 a link that comes up before a new leader knows a follower does not start from the first entry", () => {
  const cores = new Cores({ members: 3, seed: 2 });
  const first = cores.awaitLeader();
  for (let i = 0; i < 20; i++) {
    cores.propose(first, 50);
    cores.run(20);
  }
  cores.crash(first.number);
  const leader = cores.awaitLeader();
  cores.start(first.number);
  let lowest = Infinity;
  cores.onMessage = (message) => {
    if (message.type === "appendRequest") lowest = Math.min(lowest, message.prevLogIndex);
    return true;
  };
  for (const progress of leader.state.progress.values()) cores.event(leader, { type: "linkUp", peer: progress.member });
  cores.run(1000);
  assert.ok(cores.converged());
  assert.ok(lowest >= 1000, `an append started at ${lowest}`);
});

test.run();
