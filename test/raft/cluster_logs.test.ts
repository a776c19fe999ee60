/** Rows of SCENARIOS about logs, on a seeded cluster of bare cores that checks every step. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { Cores, payloadBytesOf } from "./cores.ts";

function others(cores: Cores, without: readonly number[]): number[] {
  return cores.cores.map((core) => core.number).filter((number) => !without.includes(number));
}

test("R01 each payload travels once to each peer, and idle members say little", () => {
  const cores = new Cores({ members: 3, seed: 1, delayMs: [2, 2] });
  const leader = cores.awaitLeader();
  cores.run(500);
  let bytes = 0;
  cores.onMessage = (message) => {
    if (message.type === "appendRequest") bytes += payloadBytesOf(message.entries);
    return true;
  };
  for (let i = 0; i < 10; i++) {
    cores.propose(leader, 1, 5000);
    cores.run(30);
  }
  assert.is(bytes, 2 * 10 * 5000);
  const before = cores.messages;
  cores.run(10_000);
  assert.ok(cores.messages - before <= (10_000 / 50) * 4 + 8, `${cores.messages - before} messages in 10 s`);
});

test("R02 a follower that was cut off catches up; without a quorum nothing commits, and the index is used again", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const cores = new Cores({ members: 5, seed });
    const leader = cores.awaitLeader();
    const a = others(cores, [leader.number])[0]!;
    cores.partition([a], others(cores, [a]));
    cores.propose(leader, 20);
    cores.run(300);
    assert.is(leader.state.commitIndex, leader.state.trail.lastIndex);
    cores.partition([1], [2], [3], [4], [5]);
    const [lost] = cores.propose(leader, 1);
    cores.run(200);
    assert.ok(leader.state.commitIndex < lost!.index);
    cores.run(2000);
    cores.partition(others(cores, [leader.number]), [leader.number]);
    const next = cores.awaitLeader();
    cores.propose(next, 5);
    cores.heal();
    cores.run(3000);
    assert.ok(cores.converged());
    assert.is.not(cores.committed.get(lost!.index), lost!.chain);
  }
});

test("R03 proposals of one moment get distinct, consecutive indexes and all commit", () => {
  const cores = new Cores({ members: 3, seed: 3 });
  const leader = cores.awaitLeader();
  const entries = [1, 2, 3, 4, 5].flatMap((count) => cores.propose(leader, count));
  assert.equal(entries.map((entry) => entry.index), entries.map((_, i) => entries[0]!.index + i));
  cores.run(300);
  for (const entry of entries) assert.is(cores.committed.get(entry.index), entry.chain);
});

test("R04 a deposed leader's tail is replaced though the newer leader leaves as it comes back", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const cores = new Cores({ members: 3, seed });
    const first = cores.awaitLeader();
    cores.partition([first.number], others(cores, [first.number]));
    cores.propose(first, 3);
    const second = cores.awaitLeader();
    cores.run(1000);
    const newer = cores.leader()!;
    cores.propose(newer, 1);
    cores.run(100);
    cores.partition([newer.number], others(cores, [newer.number]));
    cores.awaitLeader();
    cores.run(2000);
    cores.heal();
    cores.run(2000);
    assert.ok(second !== null && cores.converged());
  }
});

test("R05 fifty dead entries on either side: the conflict is found in round trips by terms, not by entries", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const cores = new Cores({ members: 5, seed });
    const first = cores.awaitLeader();
    const minority = [first.number, others(cores, [first.number])[0]!];
    cores.partition(minority, others(cores, minority));
    cores.propose(first, 50);
    cores.run(3000);
    const second = cores.leader()!;
    cores.propose(second, 50);
    cores.run(500);
    let refusals = 0;
    cores.onMessage = (message) => {
      if (message.type === "appendReply" && !message.success) refusals += 1;
      return true;
    };
    cores.heal();
    cores.run(2000);
    assert.ok(cores.converged());
    assert.ok(refusals <= 10, `${refusals} refusals`);
  }
});

test("R14 a leader that is cut off takes a bounded tail", () => {
  const cores = new Cores({ members: 3, seed: 14, config: { uncommittedBytesMax: 10_000 } });
  const leader = cores.awaitLeader();
  cores.run(200);
  cores.partition([leader.number], others(cores, [leader.number]));
  for (let i = 0; i < 500; i++) cores.propose(leader, 1, 100);
  assert.ok(leader.state.trail.lastIndex < 70, `${leader.state.trail.lastIndex} entries`);
  cores.heal();
  cores.run(3000);
  const next = cores.leader()!;
  const entries = cores.propose(next, 10, 100);
  assert.ok(entries.every((entry) => entry.index > 0), "the account is free again");
});

test("R19, R11 commits reach a follower whose acknowledgements are lost, without further proposals", () => {
  const cores = new Cores({ members: 3, seed: 19 });
  const leader = cores.awaitLeader();
  cores.run(200);
  cores.onMessage = (message) => message.type !== "appendReply";
  cores.propose(leader, 30);
  cores.run(2000);
  assert.ok(cores.converged(), "heartbeats' answers carry how far each disk is");
});

test("C02 figure 8 at random: no divergence, and agreement in the end", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const cores = new Cores({ members: 5, seed, ...(seed === 3 ? { lossPercent: 10, delayMs: [1, 300] as const } : {}) });
    const random = seedRandom(seed);
    for (let round = 0; round < 330; round++) {
      const leader = cores.leader();
      if (leader !== null) cores.propose(leader, nextInRange(random, 1, 3));
      cores.run(nextInRange(random, 0, 9) === 0 ? nextInRange(random, 0, 400) : nextInRange(random, 0, 20));
      if (leader !== null && leader.up && nextInRange(random, 0, 1) === 0) cores.crash(leader.number);
      const down = cores.cores.filter((core) => !core.up);
      if (down.length > 2) cores.start(down[nextInRange(random, 0, down.length - 1)]!.number);
    }
    for (const core of cores.cores) if (!core.up) cores.start(core.number);
    cores.options.lossPercent = 0;
    cores.options.delayMs = [1, 5];
    cores.propose(cores.awaitLeader());
    cores.run(5000);
    assert.ok(cores.converged());
  }
});

test("C07, F16 what is committed is durable on a quorum, with disks of any speed", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const cores = new Cores({ members: 3, seed, diskMs: [1, 200] });
    for (let i = 0; i < 150; i++) {
      const leader = cores.leader();
      if (leader !== null) cores.propose(leader, 3);
      cores.run(20);
      const commit = Math.max(...cores.cores.map((core) => core.state.commitIndex));
      const chain = cores.cores.find((core) => core.state.commitIndex === commit)!.log[commit - 1]?.chain;
      const holders = cores.cores.filter((core) => core.durable.entries[commit - 1]?.chain === chain).length;
      assert.ok(commit === 0 || holders >= 2, `seed ${seed}: entry ${commit} is durable on ${holders}`);
    }
  }
});

test("D10 L04 reads on followers of a machine that falls due, beside writes that are not committed yet", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const cores = new Cores({ members: 3, seed, delayMs: [1, 30], diskMs: [1, 40], wakeMs: 5 });
    cores.awaitLeader();
    for (let i = 0; i < 200; i++) {
      const leader = cores.leader();
      if (leader !== null) cores.propose(leader, 2);
      for (const core of cores.cores) cores.read(core);
      cores.run(10);
    }
    cores.run(1000);
    assert.ok(cores.cores.every((core) => core.answered.size > 50), `seed ${seed}: reads are answered`);
  }
});

test("soak: crashes, partitions, duplicates, slow disks and transfers; then the cluster agrees", () => {
  for (let seed = 100; seed < 130; seed++) {
    const random = seedRandom(seed);
    const members = [3, 3, 5, 4, 2][seed % 5]!;
    const cores = new Cores({
      members, seed, lossPercent: nextInRange(random, 0, 10), duplicatePercent: nextInRange(random, 0, 20),
      delayMs: [1, nextInRange(random, 2, 120)], diskMs: [1, nextInRange(random, 2, 120)], wakeMs: seed % 2 === 0 ? 20 : null,
      config: { appendEntriesMax: nextInRange(random, 1, 8), inflightAppendsMax: nextInRange(random, 1, 6), electionMaxMs: 450 },
    });
    for (let round = 0; round < 120; round++) {
      const core = cores.core(nextInRange(random, 1, members));
      const action = nextInRange(random, 0, 11);
      if (action === 0) cores.crash(core.number);
      else if (action <= 3 && !core.up) cores.start(core.number);
      else if (action === 4) cores.partition([core.number], others(cores, [core.number]));
      else if (action === 5) cores.heal();
      else if (action === 6) cores.event(core, { type: "transfer", to: nextInRange(random, 1, members) });
      else if (action === 7 && core.up) cores.read(core);
      else if (action === 8) cores.event(core, { type: "diskStalled" });
      else if (cores.leader() !== null) cores.propose(cores.leader()!, nextInRange(random, 1, 10));
      cores.run(nextInRange(random, 1, 150));
    }
    cores.heal();
    for (const core of cores.cores) if (!core.up) cores.start(core.number);
    Object.assign(cores.options, { lossPercent: 0, delayMs: [1, 5], diskMs: [1, 3], wakeMs: null });
    cores.propose(cores.awaitLeader());
    cores.run(3000);
    assert.ok(cores.converged(), `seed ${seed}`);
  }
});

test.run();
