import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { type Outcome, SimNodes } from "./sim_nodes.ts";
import { checkReplicas, read, Workload, write } from "./workload.ts";

const IDS = ["a", "b", "c"];

function founded(seed: number, flags: Record<string, string> = {}, ids: readonly string[] = IDS): { nodes: SimNodes; leader: string; followers: [string, string] } {
  const nodes = new SimNodes({ seed, ids, flags });
  nodes.startAll();
  const leader = nodes.awaitLeader().id;
  return { nodes, leader, followers: ids.filter((id) => id !== leader) as [string, string] };
}

function isolate(nodes: SimNodes, id: string): void {
  for (const other of IDS) {
    nodes.net.cut(id, other);
    nodes.net.cut(other, id);
  }
}

function errorOf(outcome: Outcome): string {
  const { result } = outcome;
  return result instanceof DraftError ? `${result.code} ${result.outcome}` : `answer ${JSON.stringify(result)}`;
}

function mainOf(nodes: SimNodes, id: string) {
  const main = nodes.node(id).server?.node.groups.get("main");
  if (main === undefined) throw new Error(`${id} has no group`);
  return main;
}

function transfer(nodes: SimNodes, from: string, to: string): Outcome {
  const outcome: Outcome = { result: null };
  nodes.node(from).server?.requests.transfer("main", to, 5000, (result) => (outcome.result = result));
  return outcome;
}

test("L04: a read on a follower waits until the follower has applied what was acknowledged before", () => {
  const { nodes, leader, followers: [follower] } = founded(1);
  for (let i = 0; i < 30; i++) {
    write(nodes, leader, ["set", "k", `v${i}`]);
    assert.is(read(nodes, follower, ["get", "k"]), `v${i}`);
  }
});

test("L13: a stale read is answered at once, without a leader; with a least index it waits for that", () => {
  const { nodes, leader, followers: [follower] } = founded(2);
  const index = write(nodes, leader, ["set", "k", "v"]);
  nodes.run(200);
  isolate(nodes, follower);
  const stale = nodes.read(follower, ["get", "k"], { level: "stale" });
  assert.is((stale.result as { reply: unknown }).reply !== null, true);
  const later = nodes.read(follower, ["get", "k"], { level: "stale", minIndex: index + 1, timeoutMs: 10_000 });
  nodes.run(1000);
  assert.is(later.result, null);
  nodes.net.healAll();
  write(nodes, nodes.awaitLeader().id, ["set", "k", "w"]);
  nodes.until("the stale read is answered", () => later.result !== null, 6000);
  assert.ok((later.result as { index: number }).index > index);
});

test("a linearizable read on a cut-off follower is not done, in time", () => {
  const { nodes, followers: [follower] } = founded(3);
  isolate(nodes, follower);
  const outcome = nodes.read(follower, ["get", "k"], { timeoutMs: 1000 });
  nodes.run(1100);
  assert.match(errorOf(outcome), /^(TIMEOUT|NO_LEADER|NOT_LEADER) not-done$/);
});

test("D10: a key expires on every node, in an idle cluster and after a failover", () => {
  for (const failover of [false, true]) {
    const { nodes, leader } = founded(failover ? 4 : 5);
    write(nodes, leader, ["set", "k", "v", "PX", "500"]);
    assert.is(read(nodes, leader, ["get", "k"]), "v");
    if (failover) {
      nodes.run(300);
      nodes.crash(leader);
      nodes.awaitLeader();
      nodes.start(leader);
      nodes.until("it is back", () => nodes.node(leader).server?.node.groups.get("main")?.leader !== undefined && mainOf(nodes, leader).leader !== null);
    }
    nodes.run(1500);
    for (const id of IDS) assert.is(read(nodes, id, ["get", "k"]), null, `on ${id}`);
    for (const id of IDS) {
      const stale = nodes.read(id, ["get", "k"], { level: "stale" });
      assert.is((stale.result as { reply: unknown }).reply ?? null, null, `without a read index, on ${id}`);
    }
    checkReplicas(nodes);
  }
});

test("TOO_LARGE: a command over the limit is refused, not done", () => {
  const { nodes, leader } = founded(6, { "value-bytes-max": "2048" });
  assert.is(errorOf(nodes.propose(leader, ["set", "k", "x".repeat(2100)])), "TOO_LARGE not-done");
  write(nodes, leader, ["set", "k", "x".repeat(1900)]);
});

test("TOO_LARGE: a command that the plugin makes longer than the limit is refused too: it would fit no frame", () => {
  const { nodes, leader } = founded(32, { "value-bytes-max": "1500" });
  const floats = Array.from({ length: 100 }, (_, i) => [`k${i}`, 0.1 + i / 7]).flat();
  assert.is(errorOf(nodes.propose(leader, ["mset", ...floats])), "TOO_LARGE not-done");
});

test("BUSY: what is more than the queue holds is refused, not done; the rest is done", () => {
  const { nodes, leader } = founded(7, { "queue-bytes-max": "1048576" });
  const all = Array.from({ length: 60 }, (_, i) => nodes.propose(leader, ["set", `k${i}`, "x".repeat(50_000)]));
  nodes.until("all are answered", () => all.every(({ result }) => result !== null));
  const busy = all.filter((outcome) => errorOf(outcome) === "BUSY not-done").length;
  const done = all.filter(({ result }) => !(result instanceof DraftError)).length;
  assert.is(busy + done, 60);
  assert.ok(busy > 20 && done >= 20, `${busy} refused, ${done} done`);
});

test("BUSY: without a quorum the log grows to its bound and no further, and what timed out frees nothing in it", () => {
  const { nodes, leader, followers } = founded(8, { "queue-bytes-max": "1048576" });
  for (const id of followers) nodes.net.cut(id, leader);
  const all: Outcome[] = [];
  for (let i = 0; i < 100; i++) {
    all.push(nodes.propose(leader, ["set", `k${i}`, "x".repeat(20_000)], 100));
    nodes.run(2);
  }
  assert.ok(all.some((outcome) => errorOf(outcome) === "BUSY not-done"));
  nodes.run(200);
  assert.ok(all.every(({ result }) => result !== null));
  assert.not.ok(mainOf(nodes, leader).isWaitedFor);
});

test("BUSY: reads that wait are bounded", () => {
  const { nodes, followers: [follower] } = founded(9);
  isolate(nodes, follower);
  const all: Outcome[] = [];
  for (let i = 0; i < 65_540; i++) all.push(nodes.read(follower, ["get", "k"], { level: "stale", minIndex: 1_000_000, timeoutMs: 100 }));
  assert.equal(all.slice(65_536).map(errorOf), Array.from({ length: 4 }, () => "BUSY not-done"));
  nodes.run(200);
  assert.is(all.filter((outcome) => errorOf(outcome) === "TIMEOUT not-done").length, 65_536);
  assert.is(mainOf(nodes, follower).isWaitedFor, false);
});

test("transfer() is answered when the target leads; to nobody, to an unknown node and from a follower it is refused", () => {
  const { nodes, leader, followers: [to, other] } = founded(10);
  assert.is(errorOf(transfer(nodes, leader, "nobody")), "NOT_FOUND not-done");
  assert.is(errorOf(transfer(nodes, to, other)), "NOT_LEADER not-done");
  const outcome = transfer(nodes, leader, to);
  const since = nodes.scheduler.nowMs;
  nodes.until("an answer", () => outcome.result !== null);
  assert.is((outcome.result as { reply: unknown }).reply, to);
  assert.ok(nodes.scheduler.nowMs - since < 200);
  assert.is(nodes.awaitLeader().id, to);
});

test("transfer() to a node that is down is refused at once, and holds nothing up", () => {
  const { nodes, leader, followers: [to] } = founded(11);
  nodes.crash(to);
  nodes.run(700);
  const outcome = transfer(nodes, leader, to);
  assert.is(errorOf(outcome), "TIMEOUT not-done");
  write(nodes, leader, ["set", "k", "v"]);
});

test("D16: stop() hands leadership over at once, loses nothing, tells no lie, and the node starts again", () => {
  const { nodes } = founded(12);
  const load = new Workload(nodes);
  load.start(3);
  for (let round = 0; round < 4; round++) {
    nodes.run(500);
    const { id } = nodes.awaitLeader();
    const since = nodes.scheduler.nowMs;
    const end = nodes.stop(id);
    nodes.until("another leads", () => (nodes.leader()?.id ?? id) !== id, 3000);
    assert.ok(nodes.scheduler.nowMs - since < 250, `${nodes.scheduler.nowMs - since} ms without a leader`);
    nodes.until("it has stopped", () => end.stopped, 3000);
    assert.is(end.error, null);
    assert.is(nodes.node(id).failure, null);
    nodes.start(id);
    nodes.run(500);
  }
  load.check();
  assert.not.ok(load.failures.some((failure) => failure.startsWith("LOST")), load.failures.join());
});

test("stop() with a dead follower hands over to the one that lives", () => {
  for (const dead of [0, 1] as const) {
    const { nodes, leader, followers } = founded(13);
    // By then both have all there is.
    nodes.run(500);
    nodes.crash(followers[dead]);
    nodes.run(1200);
    const since = nodes.scheduler.nowMs;
    nodes.stop(leader);
    const other = followers[1 - dead] as string;
    // Alone it is no quorum; that it was asked to lead is what counts.
    nodes.until("it campaigns", () => mainOf(nodes, other).state.term > 1, 400);
    assert.ok(nodes.scheduler.nowMs - since < 250);
  }
});

test("stop() ends on a follower, on a waiting node, without a quorum, and twice", () => {
  const { nodes, leader, followers: [first, second] } = founded(14);
  const ends = [nodes.stop(first)];
  nodes.run(1000);
  isolate(nodes, leader);
  nodes.propose(leader, ["set", "k", "v"]);
  ends.push(nodes.stop(leader));
  nodes.run(2000);
  ends.push(nodes.stop(second));
  nodes.run(2000);
  assert.equal(ends.map(({ stopped, error }) => [stopped, error]), [[true, null], [true, null], [true, null]]);
  const waiting = new SimNodes({ seed: 1, ids: ["a", "b"] });
  waiting.start("a");
  waiting.run(500);
  const end = waiting.stop("a");
  waiting.run(2000);
  assert.equal(end, { stopped: true, error: null });
});

test("stop() at any moment of the founding leaves a directory that goes on", () => {
  for (let ms = 0; ms < 60; ms += 2) {
    const nodes = new SimNodes({ seed: 200 + ms, ids: IDS });
    nodes.startAll();
    nodes.run(ms);
    if (nodes.node("b").server === null) continue;
    const end = nodes.stop("b");
    nodes.until("it has stopped", () => end.stopped, 3000);
    assert.is(end.error, null, `after ${ms} ms`);
    nodes.start("b");
    nodes.awaitLeader();
    nodes.until("b is in it", () => nodes.node("b").server !== null && nodes.node("b").server?.requests.identity().clusterId !== "");
    write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  }
});

test("stop() while the disk fails ends with the failure, and hangs not", () => {
  const { nodes, leader, followers: [follower] } = founded(15);
  write(nodes, leader, ["set", "k", "v"]);
  nodes.node(follower).disk.fault = (call) => call.kind === "sync" ? { error: "EIO" } : null;
  const end = nodes.stop(follower);
  nodes.run(3000);
  assert.is(end.stopped || nodes.node(follower).failure !== null, true);
});

test("D17: a follower that was paused for two seconds, with appends in its sockets, reads before it campaigns", () => {
  for (let seed = 20; seed < 30; seed++) {
    const { nodes, leader, followers: [paused] } = founded(seed);
    const load = new Workload(nodes);
    load.start(5);
    nodes.run(300);
    const { term } = mainOf(nodes, leader).state;
    const { gate } = nodes.node(paused);
    gate.shutAtSoon = true;
    nodes.run(2000);
    gate.release();
    nodes.run(1);
    assert.is(mainOf(nodes, paused).state.role, "follower", `seed ${seed}`);
    nodes.run(1000);
    assert.is(mainOf(nodes, leader).state.role, "leader");
    assert.is(mainOf(nodes, leader).state.term, term, "nobody campaigned");
    assert.not.ok(nodes.node(paused).lines.some((line) => line.includes("candidate of") && Number(line.split(" ")[0]) > 2000));
    load.check();
  }
});

test("a leader that was paused learns that another leads, and its writes get true outcomes", () => {
  for (let seed = 40; seed < 44; seed++) {
    const { nodes, leader } = founded(seed);
    const load = new Workload(nodes);
    load.start(5);
    nodes.run(300);
    nodes.node(leader).gate.shutAtSoon = true;
    nodes.run(2000);
    assert.is.not(nodes.leader()?.id, undefined);
    nodes.node(leader).gate.release();
    nodes.run(1000);
    load.check();
  }
});

test.run();
