import { test } from "uvu";
import * as assert from "uvu/assert";
import { GentleHand } from "../../src/sim/gentle_hand.ts";
import type { Fault, FaultBody } from "../../src/sim/script.ts";
import type { SimCluster } from "../../src/sim/sim_cluster.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";

/** Five machines that are up, of which the first leads. */
class Rig {
  nowMs = 0;
  readonly machines = ["a", "b", "c", "d", "e"].map((id) => ({ id, isUp: true, server: {} }));
  readonly lost: Set<unknown> = new Set();
  readonly hand: GentleHand;

  constructor() {
    const now = (): number => this.nowMs;
    this.hand = new GentleHand({
      machines: new Map(this.machines.map((machine) => [machine.id, machine])),
      scheduler: {
        get nowMs() {
          return now();
        },
      },
      leaderMachine: () => this.machines[0],
    } as unknown as SimCluster, (machine: SimMachine) => this.lost.has(machine));
  }

  allows(body: FaultBody): boolean {
    return this.hand.allows({ id: "f", atMs: 0, ...body } as Fault);
  }
}

test("GentleHand takes no third of five for as long as two are in trouble, and the same ones again", () => {
  const rig = new Rig();
  assert.ok(rig.allows({ kind: "isolate", who: 1, forMs: 500 }));
  assert.ok(rig.allows({ kind: "pause", who: 2, forMs: 100, atTurn: false }));
  assert.not(rig.allows({ kind: "kill", who: 3, downMs: 10 }));
  assert.ok(rig.allows({ kind: "isolate", who: 0, forMs: 50 }), "the leader is the first");
  rig.nowMs = 101;
  assert.ok(rig.allows({ kind: "kill", who: 3, downMs: 10 }));
});

test("GentleHand counts who is down or lost, and takes what stops a majority for too much", () => {
  const rig = new Rig();
  assert.not(rig.allows({ kind: "crash-all", downMs: 1 }));
  assert.not(rig.allows({ kind: "ring", forMs: 1 }));
  assert.ok(rig.allows({ kind: "split", sides: [0, 0, 1, 1, 1], forMs: 1 }));
  rig.nowMs = 2;
  rig.machines[4]!.isUp = false;
  rig.lost.add(rig.machines[3]);
  assert.not(rig.allows({ kind: "deaf", who: 1, forMs: 1 }));
  assert.ok(rig.allows({ kind: "deaf", who: 4, forMs: 1 }), "it is in trouble anyway");
  assert.ok(rig.allows({ kind: "reset", a: 1, b: 2 }), "harmless");
});

test.run();
