/** The search against one that tries every order there is, on small histories drawn by lot. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, type RandomState, seedRandom } from "../../../src/base/random.ts";
import { type SequentialModel, search, type Timed } from "../../../src/sim/history/wing_gong.ts";

/** A register: `saw` null is a write of `value`, else a read that saw it; a cas has both. */
interface Step extends Timed {
  readonly kind: "write" | "read" | "cas";
  readonly value: number;
  readonly saw: number;
  readonly ok: boolean;
}

const MODEL: SequentialModel<Step, number> = {
  initial: 0,
  step: (state, { kind, value, saw, ok, answeredAt }) => {
    if (kind === "write") return [value];
    if (kind === "read") return state === saw ? [state] : [];
    if (!Number.isFinite(answeredAt)) return [state === saw ? value : state];
    return (state === saw) === ok ? [ok ? value : state] : [];
  },
  key: (state) => String(state),
};

/** Whether any order of the answered ones, and of any of the others, keeps to time and to the model. */
function holds(left: readonly Step[], state: number): boolean {
  const open = left.filter(({ answeredAt }) => Number.isFinite(answeredAt));
  if (open.length === 0) return true;
  return left.some((step) => {
    if (open.some((other) => other !== step && other.answeredAt < step.calledAt)) return false;
    return MODEL.step(state, step).some((next) => holds(left.filter((other) => other !== step), next));
  });
}

function drawn(random: RandomState): Step[] {
  const steps: Step[] = [];
  const clients = [0, 0, 0];
  const count = nextInRange(random, 2, 6);
  let at = 1;
  for (let i = 0; i < count; i++) {
    const client = nextInRange(random, 0, 2);
    const calledAt = Math.max(clients[client]!, at - nextInRange(random, 0, 3)) + i / 100;
    const isOpen = nextInRange(random, 0, 5) === 0;
    const answeredAt = isOpen ? Number.POSITIVE_INFINITY : calledAt + nextInRange(random, 1, 6);
    clients[client] = isOpen ? calledAt : answeredAt;
    at += nextInRange(random, 0, 3);
    const kind = (["write", "read", "cas"] as const)[nextInRange(random, 0, 2)]!;
    if (kind === "read" && isOpen) continue;
    const hint = nextInRange(random, 0, 1) === 0 ? nextInRange(random, 0, 9) : Number.POSITIVE_INFINITY;
    steps.push({ kind, calledAt, answeredAt, hint, value: nextInRange(random, 1, 3), saw: nextInRange(random, 0, 3), ok: nextInRange(random, 0, 1) === 0 });
  }
  return steps;
}

test("search() says what trying every order says", () => {
  const random = seedRandom(77);
  const counts = { linearizable: 0, "not-linearizable": 0, unknown: 0 };
  for (let i = 0; i < 6000; i++) {
    const steps = drawn(random);
    const { verdict } = search(MODEL, steps, 100_000);
    counts[verdict] += 1;
    assert.is(verdict, holds(steps, 0) ? "linearizable" : "not-linearizable", JSON.stringify(steps));
  }
  assert.is(counts.unknown, 0);
  assert.ok(counts.linearizable > 1000 && counts["not-linearizable"] > 1000, JSON.stringify(counts));
});

test("search() remembers what it tried: many of one moment that cannot be explained", () => {
  const steps = Array.from({ length: 12 }, (_, i): Step => ({
    kind: "write", value: 1 + (i % 2), saw: 0, ok: true, calledAt: i, answeredAt: 100 + i, hint: Number.POSITIVE_INFINITY,
  }));
  const read: Step = { kind: "read", value: 0, saw: 3, ok: true, calledAt: 13, answeredAt: 99, hint: Number.POSITIVE_INFINITY };
  const { verdict, steps: taken, stuckAt } = search(MODEL, [...steps, read], 1_000_000);
  assert.is(verdict, "not-linearizable");
  // Without a memory 12! orders would be tried; with one, each subset with each value once.
  assert.ok(taken < 100_000, `${taken} steps`);
  assert.ok(stuckAt.includes(read));
});

test("search() is given up after as many steps as it may take", () => {
  const steps = Array.from({ length: 5 }, (_, i): Step => ({
    kind: "write", value: 1, saw: 0, ok: true, calledAt: i, answeredAt: 100 + i, hint: Number.POSITIVE_INFINITY,
  }));
  assert.is(search(MODEL, steps, 4).verdict, "unknown");
  assert.is(search(MODEL, steps, 6).verdict, "linearizable");
  assert.is(search(MODEL, [], 0).verdict, "linearizable");
});

test.run();
