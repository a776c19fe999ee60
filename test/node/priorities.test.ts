/** Who would rather lead is handed leadership, once, and not before it is in step. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Log } from "../../src/host/host.ts";
import { Priorities } from "../../src/node/priorities.ts";
import type { EventBody } from "../../src/raft/event.ts";
import { currentConfiguration, type RaftState } from "../../src/raft/state.ts";
import { appendToTrail, createTrail } from "../../src/raft/trail.ts";
import { SimNodes } from "./sim_nodes.ts";
import { Workload } from "./workload.ts";

/** Ten of the longest election timeouts: for as long a node is in step before it is handed leadership. */
const PATIENCE_MS = 2000;
const TIMES = { "heartbeat-ms": "20", "election-ms": "100-200" };

function started(seed: number, priorities: Readonly<Record<string, string>>): { nodes: SimNodes; start: (id: string) => void; leader: () => string } {
  const nodes = new SimNodes({ seed, ids: ["a", "b", "c"], flags: TIMES });
  const start = (id: string): void => nodes.start(id, { initial: nodes.initial, priority: priorities[id] ?? "0" });
  for (const id of nodes.nodes.keys()) start(id);
  return { nodes, start, leader: () => nodes.awaitLeader().id };
}

/** The seed whose first leader is the one that is wanted. */
function ledBy(wanted: string, priorities: Readonly<Record<string, string>>): ReturnType<typeof started> {
  for (let seed = 1; seed < 50; seed++) {
    const running = started(seed, priorities);
    if (running.leader() === wanted) return running;
  }
  throw new Error(`${wanted} is elected under no seed`);
}

function term(nodes: SimNodes): number {
  return (nodes.awaitLeader().state as RaftState).term;
}

test("a node of a higher priority is handed leadership while clients write, and keeps it", () => {
  const { nodes, leader } = ledBy("a", { b: "10", c: "5" });
  const load = new Workload(nodes);
  load.start(3);
  const before = term(nodes);
  nodes.run(PATIENCE_MS - 500);
  assert.is(leader(), "a", "not at once");
  nodes.run(1500);
  assert.is(leader(), "b", "the highest, not the next one");
  nodes.run(5 * PATIENCE_MS);
  assert.equal([leader(), term(nodes)], ["b", before + 1], "handed over once, and nobody else wants it");
  load.check();
});

test("who was down is handed leadership when it has been in step for a while, and not while it only catches up", () => {
  const { nodes, start, leader } = ledBy("b", { b: "10" });
  nodes.kill("b");
  const other = leader();
  const load = new Workload(nodes);
  load.start(3);
  nodes.run(2 * PATIENCE_MS);
  assert.is(leader(), other);
  start("b");
  nodes.run(PATIENCE_MS - 500);
  assert.is(leader(), other);
  nodes.run(2000);
  assert.is(leader(), "b");
  load.check();
});

test("equal priorities change nothing, and a learner is handed nothing", () => {
  const equal = started(3, { a: "7", b: "7", c: "7" });
  const before = [equal.leader(), term(equal.nodes)];
  equal.nodes.run(4 * PATIENCE_MS);
  assert.equal([equal.leader(), term(equal.nodes)], before);

  const { nodes, leader } = ledBy("a", { b: "10" });
  const { server } = nodes.node("a");
  let done = false;
  server!.requests.changeMembers("main", { kind: "change", wishes: [{ type: "demote", id: "b" }], force: false, timeoutMs: 5000 }, () => (done = true));
  nodes.until("b is a learner", () => done && currentConfiguration(nodes.node("a").state as RaftState).members.find(({ id }) => id === "b")?.role === "learner");
  nodes.run(4 * PATIENCE_MS);
  assert.is(leader(), "a");
  assert.not.ok(nodes.node("a").lines.some((line) => line.includes("hands leadership")), "it is not even tried");
});

test("one that lacks what left the log is not in step, one just behind its beginning is", () => {
  const members = [1, 2].map((number) => ({ number, role: "voter" }));
  for (const [matchIndex, isHanded] of [[99, false], [100, true]] as const) {
    const trail = createTrail({ index: 100, term: 1, chain: 7 }, 0);
    appendToTrail(trail, { kind: 1, group: 1, index: 101, term: 1, timeMs: 0, chain: 8, payloadBytes: 8, payloadSum: 0 });
    const state = {
      role: "leader", config: { electionMinMs: 100, electionMaxMs: 200 }, transfer: null, trail, configurations: [{ members }],
      progress: new Map([[2, { state: "replicate", matchIndex }]]),
    } as unknown as RaftState;
    const asked: EventBody[] = [];
    const words: Log = { enabled: () => false, write: () => {} };
    const priorities = new Priorities({ priority: 0, helloOf: () => ({ nodeId: "b", priority: 3 }), submit: (event) => asked.push(event), words });
    for (let nowMs = 0; nowMs <= PATIENCE_MS; nowMs += 50) priorities.stepped(state, { type: "start", nowMs, wallMs: 0 });
    assert.equal(asked, isHanded ? [{ type: "transfer", to: 2 }] : []);
  }
});

test("one that loses leadership again soon is waited for twice as long each time", () => {
  const { nodes, leader } = ledBy("a", { b: "10" });
  const handedMs: number[] = [];
  for (let times = 0; times < 3; times++) {
    const { nowMs } = nodes.scheduler;
    nodes.until("b leads", () => nodes.leader()?.id === "b", 40 * PATIENCE_MS);
    handedMs.push(nodes.scheduler.nowMs - nowMs);
    // Its loop stands still for as long as makes a leader hand over.
    nodes.run(500);
    const { gate } = nodes.node("b");
    gate.shut();
    nodes.run(1500);
    gate.release();
    nodes.until("somebody else leads", () => nodes.leader() !== null && leader() !== "b");
    if (leader() !== "a") {
      let isOver = false;
      nodes.node(leader()).server!.requests.transfer("main", "a", 5000, () => (isOver = true));
      nodes.until("a leads", () => isOver && nodes.leader()?.id === "a");
    }
  }
  const [first = 0, second = 0, third = 0] = handedMs;
  assert.ok(second > 1.6 * first && third > 1.6 * second, handedMs.map(Math.round).join(" "));
});

test.run();
