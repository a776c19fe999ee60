import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { DiskCall } from "../../src/sim/sim_faults.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { SimNodes } from "./sim_nodes.ts";
import { Workload, write } from "./workload.ts";

const IDS = ["a", "b", "c"];

function running(seed: number): { nodes: SimNodes; load: Workload; leader: string; follower: string } {
  const nodes = new SimNodes({ seed, ids: IDS });
  nodes.startAll();
  const leader = nodes.awaitLeader().id;
  const load = new Workload(nodes);
  load.start(4);
  nodes.run(500);
  return { nodes, load, leader, follower: IDS.find((id) => id !== leader) ?? "" };
}

function isWalWrite(call: DiskCall): boolean {
  return call.path.includes("/wal/") && (call.kind === "sync" || call.kind === "write");
}

function errorOf(nodes: SimNodes, id: string): DraftError | null {
  return nodes.node(id).failure as DraftError | null;
}

for (const [index, role] of ["leader", "follower"].entries()) {
  test(`D16, F11: EIO on a sync of the ${role} fences it: exit 12, the cluster goes on, nobody is told a lie`, () => {
    const { nodes, load, leader, follower } = running(21 + index);
    const victim = role === "leader" ? leader : follower;
    nodes.node(victim).disk.fault = (call) => call.kind === "sync" && call.path.endsWith(".seg") ? { error: "EIO" } : null;
    const { server } = nodes.node(victim);
    nodes.until("it fails", () => nodes.node(victim).failure !== null);
    assert.is(errorOf(nodes, victim)?.code, "STORAGE_FAILED");
    assert.is(errorOf(nodes, victim)?.exitCode, 12);
    assert.is(nodes.node(victim).failures, 1);
    assert.is(server?.node.disk.fenced, true);
    const before = load.acked;
    nodes.run(2000);
    assert.ok(load.acked > before + 50, `${load.acked - before} writes since`);
    nodes.crash(victim);
    load.check();
    assert.not(load.failures.some((failure) => failure.startsWith("STORAGE_FAILED")));
  });
}

test("D16: writes that wait when the leader is fenced are answered: LOST, unknown; later ones FENCED, not done", () => {
  const { nodes, load, leader } = running(24);
  load.stop();
  nodes.run(200);
  // Nobody hears the leader: what is proposed now has an index, and no quorum.
  for (const id of IDS) if (id !== leader) nodes.net.cut(leader, id);
  const waits = nodes.propose(leader, ["set", "k", "v"]);
  const reads = nodes.read(leader, ["get", "k"]);
  nodes.run(20);
  assert.is(waits.result, null);
  const { requests } = nodes.node(leader).server ?? { requests: null };
  nodes.node(leader).disk.fault = (call) => call.kind === "sync" ? { error: "EIO" } : null;
  nodes.propose(leader, ["set", "l", "v"]);
  nodes.run(20);
  assert.instance(waits.result, DraftError);
  assert.is((waits.result as DraftError).code, "LOST");
  assert.is((waits.result as DraftError).outcome, "unknown");
  assert.is((reads.result as DraftError).outcome, "not-done");
  const late: unknown[] = [];
  requests?.read("main", ["get", "k"], { level: "stale", minIndex: 0, timeoutMs: 100 }, (result) => late.push(result));
  requests?.propose("main", new Uint8Array(), 100, (result) => late.push(result));
  assert.equal(late.map((error) => (error as DraftError).code), ["FENCED", "FENCED"]);
  nodes.crash(leader);
  load.check();
});

test("P03: an entry is acknowledged only after it is durable on a quorum: all lose power at once", () => {
  for (let seed = 31; seed < 35; seed++) {
    const { nodes, load } = running(seed);
    // Syncs take longer than everything else: an answer before its sync would be lost.
    for (const id of IDS) {
      nodes.node(id).disk.fault = (call) => call.kind === "sync" && call.path.endsWith(".seg") ? { stall: true } : null;
    }
    nodes.run(30);
    for (const id of IDS) nodes.crash(id);
    for (const id of IDS) nodes.node(id).disk.fault = () => null;
    load.check();
    assert.ok(load.acked > 20);
  }
});

test("the leader's disk stands still: leadership moves within two election timeouts, and it follows when the disk goes on", () => {
  const { nodes, load, leader } = running(41);
  nodes.node(leader).disk.fault = (call) => isWalWrite(call) ? { stall: true } : null;
  const since = nodes.scheduler.nowMs;
  nodes.until("another leader", () => {
    const now = nodes.leader();
    return now !== null && now.id !== leader;
  }, 5000);
  const tookMs = nodes.scheduler.nowMs - since;
  assert.ok(tookMs <= 2 * 600 + 100, `${tookMs} ms`);
  nodes.run(3000);
  assert.is.not(nodes.leader()?.id, leader, "a node whose disk stands still does not lead");
  assert.ok(nodes.node(leader).server !== null, "it lives");
  nodes.node(leader).disk.fault = () => null;
  nodes.node(leader).disk.release();
  nodes.run(1000);
  const main = nodes.node(leader).server?.node.groups.get("main");
  assert.is(main?.state.role, "follower");
  const ahead = nodes.leader()?.server?.node.groups.get("main")?.state.commitIndex ?? 0;
  assert.ok((main?.state.commitIndex ?? 0) > ahead - 50, "it caught up");
  load.check();
});

test("D16: a leader whose disk stands still tells its writers LOST, unknown, instead of keeping them", () => {
  const { nodes, leader, load } = running(44);
  nodes.node(leader).disk.fault = (call) => isWalWrite(call) ? { stall: true } : null;
  // The others take the write; that they did is not heard here, nor can their log be stored here any more.
  for (const id of IDS) if (id !== leader) nodes.net.cut(id, leader);
  const late = nodes.propose(leader, ["set", "late", "1"], 30_000);
  nodes.run(2000);
  assert.ok(late.result instanceof DraftError, "it is told");
  assert.is(`${late.result.code} ${late.result.outcome}`, "LOST unknown");
  nodes.net.healAll();
  nodes.node(leader).disk.fault = () => null;
  nodes.node(leader).disk.release();
  nodes.run(1000);
  load.check();
});

test("P10: short writes on every disk are gone on with", () => {
  const { nodes, load } = running(42);
  for (const id of IDS) {
    nodes.node(id).disk.fault = (call) => call.kind === "write" && call.number % 2 === 0 ? { shortBytes: 1 + call.number % 700 } : null;
  }
  const before = load.acked;
  nodes.run(1500);
  assert.ok(load.acked > before + 100, `${load.acked - before} writes`);
  load.check();
});

test("F16: a follower whose disk is a hundred times slower slows nobody, and its memory is bounded", () => {
  const nodes = new SimNodes({ seed: 43, ids: IDS, tailBytesMax: 65_536 });
  nodes.node("c").disk = new SimDisk(nodes.scheduler, { seed: 1, delayMinMs: 2, delayMaxMs: 50 });
  nodes.startAll();
  if (nodes.awaitLeader().id === "c") {
    nodes.crash("c");
    nodes.awaitLeader();
    nodes.start("c");
  }
  nodes.run(1000);
  const load = new Workload(nodes);
  load.start(2);
  nodes.run(3000);
  const ackedMs: number[] = [];
  for (let i = 0; i < 20; i++) {
    const since = nodes.scheduler.nowMs;
    write(nodes, nodes.awaitLeader().id, ["set", "x", String(i)]);
    ackedMs.push(nodes.scheduler.nowMs - since);
  }
  assert.ok(Math.max(...ackedMs) <= 100, `${Math.max(...ackedMs)} ms`);
  assert.is.not(nodes.awaitLeader().id, "c");
  load.check();
});

test("a full disk: the leader refuses writes with DISK_FULL, keeps what it has, and serves again when there is room", () => {
  const { nodes, load, leader } = running(44);
  const values: unknown[] = [];
  // Room was made ahead; with large values it is used up soon.
  for (const id of IDS) nodes.node(id).disk.capacityBytes = 1;
  const big = "x".repeat(20_000);
  for (let i = 0; i < 100; i++) {
    const now = nodes.leader()?.id ?? leader;
    const outcome = nodes.propose(now, ["set", `big${i}`, big], 1000);
    nodes.run(20);
    values.push(outcome);
  }
  nodes.run(2000);
  assert.ok(load.failures.some((failure) => failure === "DISK_FULL not-done"), load.failures.slice(-3).join());
  for (const id of IDS) assert.ok(nodes.node(id).server !== null, `${id} lives`);
  for (const id of IDS) nodes.node(id).disk.capacityBytes = Number.POSITIVE_INFINITY;
  nodes.run(4000);
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  load.check();
});

test("EIO while a log is begun: the start fails with exit 12, once, and nothing was promised", () => {
  for (let nth = 1; nth <= 12; nth++) {
    const nodes = new SimNodes({ seed: 50 + nth, ids: ["a"] });
    let seen = 0;
    nodes.node("a").disk.fault = (call) => isWalWrite(call) && ++seen === nth ? { error: "EIO" } : null;
    nodes.start("a", { bootstrap: "yes" });
    nodes.run(3000);
    const { failure, startError, failures } = nodes.node("a");
    if (seen < nth) break;
    const error = (failure ?? startError) as DraftError | null;
    assert.is(error?.code, "STORAGE_FAILED", `call ${nth}: ${nodes.story()}`);
    assert.ok(failures + (startError === null ? 0 : 1) === 1, `call ${nth} is told once`);
    nodes.crash("a");
    nodes.node("a").disk.fault = () => null;
    nodes.start("a", { bootstrap: "yes" });
    write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  }
});

test.run();
