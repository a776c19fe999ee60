import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { SimNodes } from "./sim_nodes.ts";
import { Workload, write } from "./workload.ts";

const IDS = ["a", "b", "c"];

function founded(seed: number, options: { tailBytesMax?: number; flags?: Record<string, string> } = {}): { nodes: SimNodes; leader: string } {
  const nodes = new SimNodes({ seed, ids: IDS, ...options });
  nodes.startAll();
  return { nodes, leader: nodes.awaitLeader().id };
}

function isolate(nodes: SimNodes, id: string): void {
  for (const other of IDS) {
    if (other === id) continue;
    nodes.net.cut(id, other);
    nodes.net.cut(other, id);
  }
}

function stateOf(nodes: SimNodes, id: string): { role: string; commitIndex: number; lastIndex: number; applied: number } {
  const main = nodes.node(id).server?.node.groups.get("main");
  if (main === undefined) throw new Error(`${id} has no group`);
  const { role, commitIndex, trail } = main.state;
  return { role, commitIndex, lastIndex: trail.lastIndex, applied: main.applier.lastApplied.index };
}

test("X07: a write whose entry is replaced by another leader's is LOST and not done; not before that is known", () => {
  const { nodes, leader } = founded(1);
  write(nodes, leader, ["set", "k", "v"]);
  isolate(nodes, leader);
  const lost = nodes.propose(leader, ["set", "lost", "v"], 60_000);
  nodes.run(3000);
  assert.is.not(stateOf(nodes, leader).role, "leader", "a leader that hears nobody steps down");
  assert.is(lost.result, null, "what becomes of it is not known yet");
  const refused = nodes.propose(leader, ["set", "late", "v"]);
  assert.is((refused.result as DraftError).code, "NO_LEADER");
  assert.is((refused.result as DraftError).outcome, "not-done");
  write(nodes, nodes.awaitLeader().id, ["set", "k", "w"]);
  nodes.net.healAll();
  nodes.until("an outcome", () => lost.result !== null, 8000);
  assert.is((lost.result as DraftError).code, "LOST");
  assert.is((lost.result as DraftError).outcome, "not-done");
});

test("D16: a leader that steps down with an entry that commits all the same tells nobody that it is not done", () => {
  const { nodes, leader } = founded(2);
  write(nodes, leader, ["set", "k", "v"]);
  // The entry reaches the others, their answers do not come back.
  for (const id of IDS) if (id !== leader) nodes.net.cut(id, leader);
  const outcome = nodes.propose(leader, ["set", "kept", "v"], 60_000);
  nodes.run(50);
  isolate(nodes, leader);
  nodes.run(2000);
  assert.is.not(stateOf(nodes, leader).role, "leader");
  assert.is(outcome.result, null);
  nodes.net.healAll();
  nodes.until("an outcome", () => outcome.result !== null, 8000);
  assert.not.instance(outcome.result, DraftError);
});

test("a write that times out is unknown, a read that times out is not done", () => {
  const { nodes, leader } = founded(3);
  isolate(nodes, leader);
  const late = nodes.propose(leader, ["set", "k", "v"], 200);
  const read = nodes.read(leader, ["get", "k"], { timeoutMs: 100 });
  nodes.run(260);
  assert.equal([(late.result as DraftError).code, (late.result as DraftError).outcome], ["TIMEOUT", "unknown"]);
  assert.equal([(read.result as DraftError).code, (read.result as DraftError).outcome], ["TIMEOUT", "not-done"]);
});

test("partitions, cuts one way and resets at random: reads are linearizable, outcomes are true", () => {
  let reads = 0;
  for (let seed = 11; seed <= 16; seed++) {
    const { nodes } = founded(seed);
    const random = seedRandom(seed);
    const load = new Workload(nodes);
    load.start(4);
    const some = (): string => IDS[nextInRange(random, 0, 2)] as string;
    for (let round = 0; round < 12; round++) {
      const [one, other] = [some(), some()];
      const kind = nextInRange(random, 0, 4);
      if (kind === 0) isolate(nodes, one);
      else if (kind === 1 && one !== other) nodes.net.cut(one, other);
      else if (kind === 2) nodes.net.reset(one, other);
      else if (kind === 3) nodes.net.clog(one, other, 2);
      nodes.run(nextInRange(random, 20, 1200));
      if (nextInRange(random, 0, 2) > 0) nodes.net.healAll();
    }
    load.check();
    reads += load.linearizableReads;
    assert.ok(load.acked > 50, `${load.acked} acknowledged`);
  }
  assert.ok(reads > 300, `${reads} reads`);
});

test("a clogged line: large values crawl, heartbeats pass, and the leader leads on", () => {
  const { nodes, leader } = founded(4);
  const [slow, fast] = IDS.filter((id) => id !== leader) as [string, string];
  const { term } = nodes.node(leader).server!.node.groups.get("main")!.state;
  for (const id of [slow, fast]) nodes.net.clog(leader, id, 20);
  for (let i = 0; i < 8; i++) nodes.propose(leader, ["set", `big${i}`, "x".repeat(100_000)], 60_000);
  nodes.run(10_000);
  assert.is(nodes.leader()?.id, leader);
  assert.is(nodes.node(leader).server!.node.groups.get("main")!.state.term, term);
  nodes.net.healAll();
  nodes.until("all is there", () => IDS.every((id) => stateOf(nodes, id).applied === stateOf(nodes, leader).lastIndex));
});

test("a follower far behind is served from the log on disk, in little time, while writes go on", () => {
  const { nodes } = founded(5, { tailBytesMax: 4096 });
  if (nodes.leader()?.id === "c") {
    nodes.crash("c");
    nodes.awaitLeader();
    nodes.start("c");
    nodes.run(1000);
  }
  const { id } = nodes.awaitLeader();
  nodes.crash("c");
  for (let i = 0; i < 2000; i++) {
    nodes.propose(id, ["set", `k${i % 50}`, "x".repeat(200)]);
    if (i % 20 === 0) nodes.run(2);
  }
  nodes.run(500);
  const load = new Workload(nodes);
  load.start(5);
  nodes.start("c");
  const since = nodes.scheduler.nowMs;
  nodes.until("c is linked", () => nodes.node("c").server !== null && (nodes.node("c").server?.node.groups.size ?? 0) > 0);
  nodes.until("c caught up", () => stateOf(nodes, "c").applied >= stateOf(nodes, id).commitIndex - 5);
  assert.ok(nodes.scheduler.nowMs - since < 4000, `${nodes.scheduler.nowMs - since} ms`);
  load.check();
});

test("R18: a node that restarts with a long committed backlog applies it once, in order, and goes on", () => {
  const { nodes, leader } = founded(6, { tailBytesMax: 4096 });
  const all = Array.from({ length: 6000 }, (_, i) => {
    if (i % 100 === 0) nodes.run(3);
    return nodes.propose(leader, ["incr", "count"]);
  });
  nodes.until("all are done", () => all.every(({ result }) => result !== null));
  const follower = IDS.find((id) => id !== leader) as string;
  for (const id of [follower, leader]) {
    nodes.crash(id);
    nodes.run(100);
    nodes.start(id);
  }
  nodes.awaitLeader();
  write(nodes, nodes.awaitLeader().id, ["incr", "count"]);
  nodes.until("all applied", () => IDS.every((id) => stateOf(nodes, id).applied === stateOf(nodes, nodes.awaitLeader().id).lastIndex));
  const counts = IDS.map((id) => {
    const outcome = nodes.read(id, ["get", "count"], { level: "stale" });
    assert.not.instance(outcome.result, DraftError);
    return Number((outcome.result as { reply: unknown }).reply);
  });
  assert.equal(counts, [6001, 6001, 6001]);
});

test("frames as small as a value allows: batches of many writes go in pieces, and nobody is left behind", () => {
  const { nodes, leader } = founded(7, { flags: { "value-bytes-max": "1024", "frame-bytes-max": "70000" } });
  const all = Array.from({ length: 2000 }, (_, i) => nodes.propose(leader, ["set", `k${i}`, "x".repeat(500)]));
  nodes.until("all are done", () => all.every(({ result }) => result !== null), 8000);
  assert.not.ok(all.some(({ result }) => result instanceof DraftError));
  nodes.until("all have them", () => IDS.every((id) => stateOf(nodes, id).applied === stateOf(nodes, leader).lastIndex), 8000);
});

test.run();
