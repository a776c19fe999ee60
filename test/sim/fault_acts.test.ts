import { test } from "uvu";
import * as assert from "uvu/assert";
import { Cuts } from "../../src/sim/cuts.ts";
import { FAULTS } from "../../src/sim/fault_acts.ts";
import type { FaultHands } from "../../src/sim/fault_hands.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { SimNet } from "../../src/sim/sim_net.ts";

/** Machines that are nothing but places on a network. */
function places(count: number): { hands: FaultHands; net: SimNet; ids: string[]; hears: (id: string) => string[]; pass: () => void } {
  const net = new SimNet(new Scheduler());
  const ids = Array.from({ length: count }, (_, at) => "abcdefg".charAt(at));
  const machines = new Map(ids.map((id, at) => [id, { id, place: at + 1 } as SimMachine]));
  const later: (() => void)[] = [];
  const hands = { cluster: { machines, net }, cuts: new Cuts(net), later: (_ms: number, act: () => void) => later.push(act) } as unknown as FaultHands;
  const hears = (id: string): string[] => ids.filter((other) => other === id || net.passes(other, id));
  return { hands, net, ids, hears, pass: () => later.splice(0).forEach((act) => act()) };
}

test("ring: each hears a majority, no two the same, and both ways", () => {
  for (let count = 4; count <= 7; count++) {
    const { hands, net, ids, hears, pass } = places(count);
    FAULTS.ring(hands, { kind: "ring", forMs: 1 });
    const heard = ids.map(hears);
    assert.ok(heard.every((each) => each.length > count / 2 && each.length < count), `${count}: ${heard.join(" ")}`);
    assert.is(new Set(heard.map((each) => each.join())).size, count);
    for (const one of ids) for (const other of ids) assert.is(net.passes(one, other), net.passes(other, one));
    pass();
    assert.ok(ids.every((id) => hears(id).length === count));
  }
});

test("bridge: two sides that only one machine hears both of", () => {
  const { hands, hears, pass } = places(5);
  FAULTS.bridge(hands, { kind: "bridge", who: 3, forMs: 1 });
  assert.equal(["a", "b", "c", "d", "e"].map((id) => hears(id).join("")), ["ace", "bcd", "abcde", "bcd", "ace"]);
  pass();
  assert.equal(hears("a").length, 5);
});

test("one-way, deaf and mute cut one direction, and overlapping cuts end with the last", () => {
  const { hands, net, hears, pass } = places(3);
  FAULTS["one-way"](hands, { kind: "one-way", from: 1, to: 2, forMs: 1 });
  assert.equal([net.passes("a", "b"), net.passes("b", "a")], [false, true]);
  FAULTS.deaf(hands, { kind: "deaf", who: 2, forMs: 1 });
  assert.equal([hears("b").join(""), hears("a").join("")], ["b", "abc"]);
  hands.cuts.heal([["a", "b"]]);
  assert.is(net.passes("a", "b"), false, "one of two cuts is left");
  hands.cuts.cut([["a", "b"]]);
  pass();
  FAULTS.mute(hands, { kind: "mute", who: 2, forMs: 1 });
  assert.equal(["a", "b", "c"].map((id) => hears(id).join("")), ["ac", "abc", "ac"]);
});

test.run();
