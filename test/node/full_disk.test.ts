/** Whole nodes whose disk fills: what is refused, what is taken all the same, and how they come back by themselves. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { Command } from "../../src/machine/machine.ts";
import { statusOf } from "./asked.ts";
import { SimNodes } from "./sim_nodes.ts";

const SEGMENT_BYTES = 65_536;
const FLAGS = { "segment-bytes": String(SEGMENT_BYTES), "snapshot-bytes": "10MiB", "retain-bytes": "10MiB" };
const VALUE = "x".repeat(4_000);
const KEYS = 3;

function running(seed: number, ids: readonly string[]): SimNodes {
  const nodes = new SimNodes({ seed, ids, flags: FLAGS });
  nodes.startAll();
  nodes.awaitLeader();
  nodes.run(500);
  return nodes;
}

/** What the leader answers: its reply, or code and outcome. */
function told(nodes: SimNodes, id: string, command: Command): unknown {
  const outcome = nodes.propose(id, command);
  nodes.until("an answer", () => outcome.result !== null);
  return outcome.result instanceof DraftError ? `${outcome.result.code} ${outcome.result.outcome}` : outcome.result?.reply;
}

/** Leaves `bytes` on the disk of a node. */
function squeeze(nodes: SimNodes, id: string, bytes: number): void {
  const { disk } = nodes.node(id);
  disk.capacityBytes = disk.usedBytes + bytes;
}

/** Adds keys until the node refuses: what it holds grows, so no snapshot makes room. @returns what it said then */
function fill(nodes: SimNodes, id: string): unknown {
  for (let n = 0; n < 300; n++) {
    const answer = told(nodes, id, ["set", `k${n}`, VALUE]);
    if (answer !== "OK") return answer;
    nodes.run(20);
  }
  return "never full";
}

test("F11: a leader below the high mark says DISK_FULL before anything has an index, hands over, and says so of itself", () => {
  const nodes = running(1, ["a", "b", "c"]);
  const led = nodes.awaitLeader().id;
  squeeze(nodes, led, 2 * SEGMENT_BYTES);
  fill(nodes, led);
  const { disk, ready, checks, alarms } = statusOf(nodes, led);
  assert.is(disk.state, "full");
  assert.not.ok(ready);
  assert.equal(checks.find(({ name }) => name === "disk"), { name: "disk", ok: false, message: "it is full" });
  assert.match(alarms.find(({ code }) => code === "DISK_FULL")?.message ?? "", /counts as full, \d+ bytes are free/);
  nodes.until("another one leads", () => ![null, led].includes(nodes.leader()?.id ?? null));
  assert.is(told(nodes, nodes.awaitLeader().id, ["set", "k", "v"]), "OK", "who has room takes writes");
});

test("D16: DISK_FULL is said of a write that has no index and gets none; deletes and sessions are taken, on all that are full", () => {
  const nodes = running(2, ["a"]);
  squeeze(nodes, "a", SEGMENT_BYTES);
  assert.is(fill(nodes, "a"), "DISK_FULL not-done");
  const { lastIndex } = nodes.node("a").state!.trail;
  assert.is(told(nodes, "a", ["set", "k0", "v"]), "DISK_FULL not-done");
  nodes.run(500);
  assert.is(nodes.node("a").state!.trail.lastIndex, lastIndex);
  assert.is(told(nodes, "a", ["del", "k0", "k1"]), 2);
  let session: unknown = null;
  nodes.node("a").server!.requests.changeSession("main", { type: "open", ordered: false }, 1000, (answer) => (session = answer));
  nodes.until("a session", () => session !== null);
  assert.not.instance(session, DraftError);
  const read = nodes.read("a", ["get", "k2"]);
  nodes.until("a read", () => read.result !== null);
  assert.is((read.result as { reply: unknown }).reply, VALUE);
});

test("F11: a node whose log fills its disk lets it begin later, and takes writes again, with no room from outside", () => {
  const nodes = running(3, ["a"]);
  squeeze(nodes, "a", 3 * SEGMENT_BYTES);
  let refused = 0;
  for (let n = 0; n < 400; n++) {
    // Once there is such a key these change nothing: all that grows is the log.
    if (told(nodes, "a", ["set", `k${n % KEYS}`, VALUE, "NX"]) === "DISK_FULL not-done") refused += 1;
    nodes.run(20);
  }
  assert.ok(refused < 40, `${refused} of 400 were refused`);
  // By its settings it would not have taken one yet, nor let go of anything.
  assert.ok(nodes.node("a").state!.trail.base.index > 200, `the log begins behind ${nodes.node("a").state!.trail.base.index}`);
  assert.is(nodes.node("a").failure, null);
  nodes.until("room is seen", () => statusOf(nodes, "a").disk.state === "ok");
  assert.ok(statusOf(nodes, "a").ready);
});

test("F11: a snapshot that finds no room gets that of the reserve", () => {
  const nodes = running(4, ["a"]);
  for (let n = 0; n < 6; n++) told(nodes, "a", ["set", `k${n}`, VALUE]);
  squeeze(nodes, "a", 0);
  let taken: unknown = null;
  const { requests } = nodes.node("a").server!;
  requests.snapshot("main", (answer) => (taken = answer));
  nodes.until("an answer", () => taken !== null);
  assert.is((taken as DraftError).code, "DISK_FULL");
  nodes.run(1_500);
  taken = null;
  requests.snapshot("main", (answer) => (taken = answer));
  nodes.until("another", () => taken !== null);
  assert.type(taken, "number");
});

test("F11: a node that starts on a full disk says so to its group too", () => {
  const nodes = running(5, ["a"]);
  squeeze(nodes, "a", 8_192);
  nodes.crash("a");
  nodes.start("a");
  nodes.until("it leads", () => nodes.leader() !== null);
  nodes.until("it knows", () => nodes.node("a").state?.diskFull === true);
  assert.is(told(nodes, "a", ["set", "k", "v"]), "DISK_FULL not-done");
});

test("F11: a disk that runs full while a log is repaired is told to the group once it begins", () => {
  const nodes = new SimNodes({ seed: 8, ids: ["a", "b", "c"], flags: FLAGS, peerSecret: () => new TextEncoder().encode("what only members know") });
  nodes.startAll();
  const leader = nodes.awaitLeader().id;
  for (let n = 0; n < 40; n++) told(nodes, leader, ["set", `k${n % KEYS}`, VALUE]);
  nodes.run(500);
  const id = leader === "a" ? "b" : "a";
  for (const each of ["a", "b", "c"]) nodes.crash(each);
  const { disk } = nodes.node(id);
  const path = `/${id}/wal/000000000001.seg`;
  const content = disk.content(path) as Uint8Array;
  content.fill(0xee, 30_000, 30_400);
  disk.overwrite(path, content);
  // The reserve has to be made again, and there is no room for it.
  disk.move(`/${id}/wal/reserve`, null);
  squeeze(nodes, id, SEGMENT_BYTES);
  nodes.start(id);
  nodes.until("it waits for others", () => (nodes.node(id).server?.node.waitsFor ?? "") !== "");
  nodes.until("the disk is full", () => nodes.node(id).server?.node.disk.space !== "ample", 60_000);
  for (const each of ["a", "b", "c"]) if (each !== id) nodes.start(each);
  nodes.until("the group begins", () => nodes.node(id).state !== null, 60_000);
  nodes.until("it knows", () => nodes.node(id).state?.diskFull === true, 5_000);
});

test("F16: a disk that stands still is told of, since when, until it moves", () => {
  const nodes = running(6, ["a", "b", "c"]);
  const follower = nodes.awaitLeader().id === "a" ? "b" : "a";
  nodes.node(follower).disk.fault = ({ path, kind }) => path.endsWith(".seg") && kind === "sync" ? { stall: true } : null;
  assert.is(told(nodes, nodes.awaitLeader().id, ["set", "k", "v"]), "OK");
  nodes.run(1_000);
  const { disk, ready, alarms } = statusOf(nodes, follower);
  assert.is(disk.state, "stuck");
  assert.not.ok(ready);
  assert.match(alarms.find(({ code }) => code === "DISK_STUCK")?.message ?? "", /no progress since \d+ ms/);
  nodes.node(follower).disk.fault = () => null;
  nodes.node(follower).disk.release();
  nodes.run(500);
  assert.is(statusOf(nodes, follower).disk.state, "ok");
  assert.ok(statusOf(nodes, follower).ready);
  assert.equal(statusOf(nodes, follower).alarms, []);
});

test.run();
