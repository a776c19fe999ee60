/** Leaders that serve badly, among whole nodes: a loop that stands still, a disk that is full, one that is slow. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SimNodes } from "./sim_nodes.ts";
import { Workload, write } from "./workload.ts";

const IDS = ["a", "b", "c"];

function running(seed: number, flags: Readonly<Record<string, string>> = {}): { nodes: SimNodes; load: Workload; leader: string } {
  const nodes = new SimNodes({ seed, ids: IDS, flags });
  nodes.startAll();
  const leader = nodes.awaitLeader().id;
  const load = new Workload(nodes);
  load.start(4);
  nodes.run(500);
  return { nodes, load, leader };
}

test("a leader whose disk is full hands over within an election timeout; writes go on, none is lost", () => {
  const { nodes, load, leader } = running(61, { "segment-bytes": "65536" });
  nodes.node(leader).disk.capacityBytes = 1;
  nodes.until("it met the limit", () => nodes.node(leader).state?.diskFull === true);
  const { nowMs } = nodes.scheduler;
  nodes.until("another leader", () => {
    const now = nodes.leader();
    return now !== null && now.id !== leader;
  }, 1000);
  assert.ok(nodes.scheduler.nowMs - nowMs <= 300, `${nodes.scheduler.nowMs - nowMs} ms`);
  const before = load.acked;
  nodes.run(2000);
  assert.ok(load.acked - before > 100, `${load.acked - before} writes since`);
  assert.is.not(nodes.leader()?.id, leader, "it does not come back while it has no room");
  assert.is(nodes.node(leader).failure, null);
  nodes.node(leader).disk.capacityBytes = Number.POSITIVE_INFINITY;
  nodes.until("room is seen", () => nodes.node(leader).state?.diskFull === false);
  const led = nodes.awaitLeader().id;
  const asked = nodes.node(led).server!.requests;
  let answer: unknown = null;
  asked.transfer("main", leader, 5000, (done) => (answer = done));
  nodes.until("it leads again when it is asked to", () => answer !== null);
  assert.is(nodes.awaitLeader().id, leader);
  load.check();
});

test("a leader whose loop stood still for an election timeout hands over when it goes on", () => {
  // The others draw from so wide a range that they rarely notice.
  const { nodes, load, leader } = running(62, { "election-ms": "300-9000" });
  const term = nodes.node(leader).state!.term;
  const { gate } = nodes.node(leader);
  gate.shut();
  nodes.run(340);
  assert.is(nodes.leader()?.id ?? leader, leader, "nobody has noticed");
  gate.release();
  nodes.until("another leader", () => {
    const now = nodes.leader();
    return now !== null && now.id !== leader;
  }, 400);
  assert.is(nodes.awaitLeader().state?.term, term + 1);
  nodes.run(500);
  load.check();
});

test("C06, F16: slow syncs delay writes, never heartbeats, nor cost they leadership", () => {
  const { nodes, load, leader } = running(63);
  const term = nodes.node(leader).state!.term;
  const sentMs: number[] = [];
  const { watch } = nodes;
  const { sent } = watch;
  watch.sent = (machine, message) => {
    sent?.(machine, message);
    if (machine.id === leader && message.type === "heartbeat") sentMs.push(nodes.scheduler.nowMs);
  };
  for (const id of IDS) nodes.node(id).disk.slowness = 400;
  const beganMs = nodes.scheduler.nowMs;
  nodes.run(5000);
  const gaps = sentMs.map((ms, at) => ms - (sentMs[at - 1] ?? beganMs));
  assert.ok(sentMs.length > 50 && Math.max(...gaps) <= 61, `${sentMs.length} heartbeats, ${Math.max(...gaps)} ms apart`);
  assert.equal([nodes.leader()?.id, nodes.node(leader).state?.term], [leader, term]);
  for (const id of IDS) nodes.node(id).disk.slowness = 1;
  nodes.run(3000);
  write(nodes, leader, ["set", "k", "v"]);
  load.check();
});

test.run();
