import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { SimNodes } from "./sim_nodes.ts";
import { Workload } from "./workload.ts";

const IDS = ["a", "b", "c"];

function running(seed: number): { nodes: SimNodes; load: Workload } {
  const nodes = new SimNodes({ seed, ids: IDS });
  nodes.startAll();
  nodes.awaitLeader();
  const load = new Workload(nodes);
  load.start(3);
  return { nodes, load };
}

test("P03: nodes that crash at random, one at a time, lose nothing that was acknowledged", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { nodes, load } = running(seed);
    const random = seedRandom(seed);
    for (let round = 0; round < 6; round++) {
      const id = IDS[nextInRange(random, 0, 2)] as string;
      nodes.run(nextInRange(random, 50, 900));
      nodes.crash(id);
      nodes.run(nextInRange(random, 1, 900));
      nodes.start(id);
    }
    nodes.run(1000);
    load.check();
    assert.ok(load.acked > 100, `${load.acked} acknowledged`);
  }
});

test("P03: all nodes crash at once, again and again, and lose nothing that was acknowledged", () => {
  for (let seed = 11; seed <= 14; seed++) {
    const { nodes, load } = running(seed);
    for (let round = 0; round < 4; round++) {
      nodes.run(700 + 37 * round);
      for (const id of IDS) nodes.crash(id);
      nodes.run(20);
      nodes.startAll();
      nodes.awaitLeader();
    }
    load.check();
    assert.ok(load.acked > 50, `${load.acked} acknowledged`);
  }
});

test("the same seed tells the same story, event by event", () => {
  const play = (): string => {
    const { nodes } = running(77);
    nodes.run(400);
    nodes.crash("b");
    nodes.run(300);
    nodes.start("b");
    nodes.run(600);
    const lines = IDS.flatMap((id) => nodes.node(id).lines);
    return `${nodes.scheduler.events} events\n${lines.join("\n")}`;
  };
  assert.is(play(), play());
});

test.run();
