import { test } from "uvu";
import * as assert from "uvu/assert";
import { segmentName } from "../../src/wal/segment.ts";
import { roleOf } from "./asked.ts";
import { SimNodes } from "./sim_nodes.ts";
import { checkReplicas, read, write } from "./workload.ts";

const IDS = ["a", "b", "c"];

function machines(seed: number, ids: readonly string[] = IDS): SimNodes {
  return new SimNodes({ seed, ids });
}

function clusterOf(nodes: SimNodes, id: string): string {
  return nodes.node(id).server?.requests.identity().clusterId ?? "";
}

function clusters(nodes: SimNodes): string[] {
  return [...new Set([...nodes.nodes.keys()].map((id) => clusterOf(nodes, id)).filter((cluster) => cluster !== ""))];
}

function said(nodes: SimNodes, id: string, pattern: RegExp): boolean {
  return nodes.node(id).lines.some((line) => pattern.test(line));
}

test("three empty nodes with one list found one cluster and serve", () => {
  const nodes = machines(1);
  nodes.startAll();
  const leader = nodes.awaitLeader();
  write(nodes, leader.id, ["set", "k", "v"]);
  assert.is(clusters(nodes).length, 1);
  assert.is(read(nodes, "c", ["get", "k"]), "v");
});

test("nodes that are started far apart found nothing until the last one is there, and say who is missing", () => {
  const nodes = machines(2);
  nodes.start("b");
  nodes.run(3000);
  nodes.start("a");
  nodes.run(3000);
  assert.equal(clusters(nodes), []);
  assert.ok(said(nodes, "a", /waiting to found a cluster: c at c:7100 does not answer/));
  nodes.start("c");
  nodes.awaitLeader();
  assert.is(clusters(nodes).length, 1);
});

test("a node with another list keeps all from founding, and both sides say so", () => {
  const nodes = machines(3);
  nodes.start("a");
  nodes.start("b");
  nodes.start("c", { initial: "a@a:7100,c@c:7100" });
  nodes.run(5000);
  assert.equal(clusters(nodes), []);
  assert.ok(said(nodes, "a", /c was started with another --initial/));
  assert.ok(said(nodes, "c", /a was started with another --initial/));
  nodes.crash("c");
  nodes.start("c");
  nodes.awaitLeader();
  assert.is(clusters(nodes).length, 1);
});

for (const flags of [{ initial: "" }, { bootstrap: "yes" }]) {
  const name = flags.bootstrap === undefined ? "--initial" : "--bootstrap";
  for (const wiped of IDS) {
    test(`D01: node ${wiped}, wiped and restarted with ${name} while the others live, founds nothing, waits and counts nowhere`, () => {
      const nodes = machines(4);
      nodes.startAll();
      const leader = nodes.awaitLeader();
      write(nodes, leader.id, ["set", "k", "v"]);
      const [cluster] = clusters(nodes);
      nodes.crash(wiped);
      nodes.wipe(wiped);
      nodes.run(2500);
      nodes.start(wiped, flags.bootstrap === undefined ? undefined : flags);
      // Both others must be asked at once: a bootstrap node listens for one election timeout only.
      nodes.run(8000);
      const others = IDS.filter((id) => id !== wiped);
      if (flags.bootstrap === undefined) {
        assert.is(clusterOf(nodes, wiped), "");
        assert.is(roleOf(nodes, wiped), "waiting");
        assert.ok(said(nodes, wiped, /founds nothing and waits; to take it in again: draft admin replace/));
      } else if (nodes.node(wiped).failure !== null) {
        assert.is((nodes.node(wiped).failure as { code?: string } | null)?.code, "WRONG_IDENTITY");
        assert.match(String(nodes.node(wiped).failure?.message), new RegExp(String(cluster)));
      } else {
        assert.is(clusterOf(nodes, wiped), "");
      }
      write(nodes, nodes.awaitLeader().id, ["set", "k", "w"]);
      // Without one of the others there is no quorum: the wiped one's vote must not make one.
      const [, down = ""] = others;
      nodes.crash(down);
      nodes.run(5000);
      assert.is(nodes.leader(), null);
    });
  }
}

test("D02: two of three wiped, the third out of reach: no cluster is founded before it answers, then both wait", () => {
  const nodes = machines(5);
  nodes.startAll();
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  const [cluster] = clusters(nodes);
  for (const id of IDS) nodes.crash(id);
  nodes.wipe("a");
  nodes.wipe("b");
  nodes.start("a");
  nodes.start("b");
  nodes.run(10_000);
  assert.equal(clusters(nodes), []);
  nodes.start("c");
  nodes.run(8000);
  assert.equal(clusters(nodes), [cluster]);
  for (const id of ["a", "b"]) assert.is(roleOf(nodes, id), "waiting");
  assert.is(nodes.leader(), null);
  assert.ok(said(nodes, "c", /the directory of a was lost/));
});

/** Starts all, with the power of `victim` cut at its `call`-th disk call; false if that is never made. */
function foundWithCrash(nodes: SimNodes, victim: string, call: number): boolean {
  let crashed = false;
  nodes.node(victim).disk.crashAt(call, () => {
    crashed = true;
    nodes.node(victim).gate.open = false;
    nodes.node(victim).server = null;
    nodes.net.crash(victim);
  });
  nodes.startAll();
  nodes.run(400);
  nodes.node(victim).disk.crashAt(0);
  return crashed;
}

for (const victim of ["a", "c"]) {
  test(`D03: the power of node ${victim} is cut at each disk call of the founding: one cluster in the end`, () => {
    let calls = 0;
    for (let call = 1; ; call++) {
      const nodes = machines(100 + call);
      if (!foundWithCrash(nodes, victim, call)) break;
      calls += 1;
      nodes.start(victim);
      nodes.awaitLeader();
      nodes.until("three in one cluster", () => IDS.every((id) => clusterOf(nodes, id) !== ""));
      assert.is(clusters(nodes).length, 1, `call ${call}`);
      write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
      checkReplicas(nodes);
    }
    assert.ok(calls > 25, `${calls} calls`);
  });
}

test("D03: the founder is lost for good after one hand-over: the holder gives the genesis on, and both serve", () => {
  const nodes = machines(6);
  nodes.startAll();
  nodes.until("b holds the genesis", () => {
    if (clusterOf(nodes, "a") !== "") {
      nodes.net.cut("a", "c");
      nodes.net.cut("c", "a");
    }
    return clusterOf(nodes, "b") !== "";
  });
  assert.is(clusterOf(nodes, "c"), "");
  nodes.crash("a");
  nodes.wipe("a");
  nodes.net.healAll();
  nodes.awaitLeader();
  assert.is(clusters(nodes).length, 1);
  nodes.start("a");
  nodes.run(8000);
  assert.is(clusters(nodes).length, 1);
  assert.is(roleOf(nodes, "a"), "waiting");
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
});

test("a member whose log is missing never votes as the one that it was, however often it starts: an empty log must not vote", () => {
  const nodes = machines(11);
  nodes.startAll();
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  nodes.run(1500);
  const before = nodes.node("c").server?.node.identity.incarnation;
  assert.ok(before !== undefined);
  nodes.crash("c");
  for (const name of ["mark", segmentName(1), segmentName(2)]) {
    if (nodes.node("c").disk.content(`/c/wal/${name}`) !== null) nodes.node("c").disk.move(`/c/wal/${name}`, null);
  }
  const incarnations = new Set<number | undefined>();
  for (let start = 0; start < 3; start++) {
    nodes.start("c");
    nodes.run(500);
    const { node } = nodes.node("c").server!;
    assert.equal([node.condition, node.identity.clusterId, node.identity.memberNumber, roleOf(nodes, "c")], ["dead-incarnation", "", 0, "waiting"], `start ${start}`);
    assert.match(node.waitsFor, /wal.*let in again as a learner, under a new incarnation/);
    incarnations.add(node.identity.incarnation);
    nodes.crash("c");
  }
  assert.equal([incarnations.size, incarnations.has(before)], [1, false]);
});

test("handing the genesis over again changes nothing: a holder that restarts finds members, not founders", () => {
  const nodes = machines(7);
  nodes.startAll();
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  const before = clusters(nodes);
  for (const id of IDS) {
    nodes.crash(id);
    nodes.start(id);
    nodes.run(1000);
  }
  assert.equal(clusters(nodes), before);
  assert.is(read(nodes, nodes.awaitLeader().id, ["get", "k"]), "v");
});

test("M24: a node that founded alone and is dialled by another cluster stops: WRONG_IDENTITY names both clusters", () => {
  const nodes = machines(8);
  nodes.startAll();
  nodes.awaitLeader();
  const [cluster = ""] = clusters(nodes);
  nodes.crash("c");
  nodes.wipe("c");
  for (const id of ["a", "b"]) {
    nodes.net.cut(id, "c");
    nodes.net.cut("c", id);
  }
  nodes.start("c", { bootstrap: "yes" });
  nodes.until("c leads itself", () => clusterOf(nodes, "c") !== "");
  const own = clusterOf(nodes, "c");
  nodes.run(1000);
  assert.is(nodes.node("c").failure, null);
  nodes.net.healAll();
  nodes.until("c stops", () => nodes.node("c").failure !== null);
  const failure = nodes.node("c").failure as { code?: string; message: string } | null;
  assert.is(failure?.code, "WRONG_IDENTITY");
  assert.ok(failure?.message.includes(cluster) && failure.message.includes(own), failure?.message);
});

test("--bootstrap on an empty directory that a cluster dials as its member waits instead of founding", () => {
  const nodes = machines(9);
  nodes.startAll();
  nodes.awaitLeader();
  nodes.crash("c");
  nodes.wipe("c");
  // Dialled at once: the port was closed for a moment only.
  nodes.start("c", { bootstrap: "yes" });
  nodes.run(5000);
  assert.is(clusterOf(nodes, "c"), "");
  assert.is(roleOf(nodes, "c"), "waiting");
  assert.ok(said(nodes, "c", /knows this node as a member, and this directory is empty/));
});

test("--bootstrap founds alone when nobody dials, and serves", () => {
  const nodes = machines(10, ["a"]);
  nodes.start("a", { bootstrap: "yes" });
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  assert.is(read(nodes, "a", ["get", "k"]), "v");
});

test.run();
