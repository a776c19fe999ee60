import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Probes } from "../../src/sim/probe.ts";
import type { SimClient } from "../../src/sim/sim_client.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { keepWriting, Steady } from "../../src/sim/steadiness.ts";

function machine(id: string, role: string, term: number): SimMachine {
  return { id, state: { role, term } } as unknown as SimMachine;
}

test("Steady refuses another leader and another term, unless a member fell out", () => {
  let members = [machine("a", "leader", 3), machine("b", "follower", 3)];
  const steady = new Steady(() => members, 100);
  assert.is(steady.isOver(99), false);
  assert.is(steady.isOver(100), true);
  members = [machine("a", "follower", 3), machine("b", "leader", 3)];
  assert.throws(() => steady.isOver(50), /a leads, in term 3; then b leads, in term 3/);
  members = [machine("a", "leader", 4), machine("b", "follower", 4)];
  assert.throws(() => steady.isOver(50), /then a leads, in term 4/);
  members = [machine("b", "leader", 4)];
  assert.is(steady.isOver(50), false);
});

test("keepWriting() goes round the members, each time behind the answer and a pause, until it is stopped", () => {
  const asked: string[] = [];
  const pauses: number[] = [];
  let answer = (): void => {};
  const client = { ask: ({ member }: { member: string }, done: () => void) => {
    asked.push(member);
    answer = done;
  } } as unknown as SimClient;
  const probes: Probes = { write: (member) => ["set", member, "1"], read: () => null };
  const writing = (pauseMs: number): { stop(): void } => keepWriting({
    client, members: ["a", "b"], probes, pauseMs, after: (ms, act) => {
      pauses.push(ms);
      act();
    },
  });
  const writer = writing(70);
  assert.equal(asked, ["a"], "nothing more before it is answered");
  answer();
  answer();
  assert.equal(asked, ["a", "b", "a"]);
  assert.equal(pauses, [70, 70]);
  writer.stop();
  answer();
  assert.equal(asked.length, 3);
  writing(1);
  answer();
  assert.is(pauses.at(-1), 30);
});

test.run();
