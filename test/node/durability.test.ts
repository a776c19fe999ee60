import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { type Outcome, SimNodes } from "./sim_nodes.ts";
import { write } from "./workload.ts";

function cutBoth(nodes: SimNodes, one: string, other: string): void {
  nodes.net.cut(one, other);
  nodes.net.cut(other, one);
}

function appliedBy(nodes: SimNodes, id: string): number {
  return nodes.node(id).server?.node.groups.get("main")?.applier.lastApplied.index ?? 0;
}

test("P03: a leader counts itself for what its own disk has, not for what it was given meanwhile", () => {
  const nodes = new SimNodes({ seed: 3, ids: ["a", "b", "c"] });
  nodes.startAll();
  const leader = nodes.awaitLeader().id;
  const [holder, other] = ["a", "b", "c"].filter((id) => id !== leader) as [string, string];
  write(nodes, leader, ["set", "k", "v"]);
  nodes.run(2000);
  cutBoth(nodes, leader, other);
  cutBoth(nodes, holder, other);
  const { disk } = nodes.node(leader);
  let syncs = 0;
  let second: Outcome | null = null;
  disk.fault = (call) => {
    if (call.kind !== "sync" || !call.path.endsWith(".seg")) return null;
    syncs += 1;
    // While the first is on its way to the disk.
    if (syncs === 1) nodes.scheduler.after(0, () => (second = nodes.propose(leader, ["set", "second", "v"])));
    return syncs > 1 ? { stall: true } : null;
  };
  const first = nodes.propose(leader, ["set", "first", "v"]);
  nodes.run(100);
  assert.is(syncs, 2);
  assert.not.instance(first.result, DraftError);
  assert.is.not(first.result, null, "the first is durable on two");
  assert.is((second as Outcome | null)?.result, null, "the second is durable on one alone");
});

test("what is not durable here stays in memory: a follower gets it while the leader's disk stands still", () => {
  const ids = ["a", "b", "c", "d", "e"];
  const nodes = new SimNodes({ seed: 4, ids, tailBytesMax: 2048, flags: { "election-ms": "1500-3000" } });
  nodes.startAll();
  const leader = nodes.awaitLeader().id;
  const late = ids.find((id) => id !== leader) as string;
  write(nodes, leader, ["set", "k", "v"]);
  nodes.run(2000);
  for (const id of ids) if (id !== late) cutBoth(nodes, id, late);
  const { disk } = nodes.node(leader);
  disk.fault = (call) => call.kind === "sync" && call.path.endsWith(".seg") ? { stall: true } : null;
  const all = Array.from({ length: 40 }, (_, i) => {
    nodes.run(2);
    return nodes.propose(leader, ["set", `k${i}`, "x".repeat(200)]);
  });
  nodes.run(50);
  assert.ok(all.every(({ result }) => result !== null && !(result instanceof DraftError)), "the others are a quorum");
  // What the cut held back is lost with the connections.
  for (const id of ids) nodes.net.reset(id, late);
  nodes.net.healAll();
  nodes.run(800);
  assert.is(appliedBy(nodes, late), appliedBy(nodes, leader));
  assert.is(nodes.node(leader).server?.node.groups.get("main")?.state.role, "leader");
  disk.fault = () => null;
  disk.release();
  nodes.run(500);
  assert.is(nodes.node(leader).failure, null);
});

test.run();
