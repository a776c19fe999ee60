/** Whole nodes whose files rot while they run: what is rotten is found, got again, and the node goes on. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Group } from "../../src/node/group.ts";
import { readDurableLog } from "../../src/sim/durable_log.ts";
import { HEADER_BYTES } from "../../src/wal/segment.ts";
import { SimNodes } from "./sim_nodes.ts";
import { write } from "./workload.ts";

const IDS = ["a", "b", "c"];
const SECRET = new TextEncoder().encode("what only members know");

function founded(seed: number, flags: Record<string, string> = {}, ids: readonly string[] = IDS): SimNodes {
  const nodes = new SimNodes({
    seed, ids, peerSecret: () => SECRET, tailBytesMax: 4096,
    flags: { "snapshot-entries": "1000000", "segment-bytes": "65536", ...flags }, tuning: { scrubPassMs: 1_000 },
  });
  nodes.startAll();
  nodes.awaitLeader();
  return nodes;
}

function groupOf(nodes: SimNodes, id: string): Group {
  return nodes.node(id).server?.node.groups.get("main") as Group;
}

function load(nodes: SimNodes, writes: number): void {
  for (let i = 0; i < writes; i++) write(nodes, nodes.awaitLeader().id, ["set", `k${i % 7}`, `v${i}`.repeat(1_500)]);
  nodes.run(500);
}

function follower(nodes: SimNodes): string {
  const leader = nodes.awaitLeader().id;
  return IDS.find((id) => id !== leader) as string;
}

function segments(nodes: SimNodes, id: string): string[] {
  const { disk } = nodes.node(id);
  const used = (path: string): boolean => (disk.content(path) as Uint8Array).some((byte) => byte !== 0);
  return disk.names.files().filter((path) => path.startsWith(`/${id}/wal/`) && path.endsWith(".seg")).sort().filter(used);
}

/** Turns one bit in each of so many bytes of the file, from a part of it on. */
function rot(nodes: SimNodes, id: string, path: string, part: number, bytes: number): void {
  const { disk } = nodes.node(id);
  const { length } = disk.content(path) as Uint8Array;
  const from = HEADER_BYTES + Math.floor((length - HEADER_BYTES) * part);
  for (let at = from; at < Math.min(length, from + bytes); at++) disk.flipBit(path, at, 3);
}

function scrubOf(nodes: SimNodes, id: string): Group["scrub"] {
  return groupOf(nodes, id).scrub;
}

function hashes(nodes: SimNodes, ids: readonly string[] = IDS): Set<string> {
  return new Set(ids.map((id) => `${groupOf(nodes, id).applier.lastApplied.index} ${groupOf(nodes, id).applier.stateHash()}`));
}

/** What is wrong with the files of `id`; null if nothing is. */
function damageOf(nodes: SimNodes, id: string): string | null {
  return readDurableLog(nodes.node(id).disk, `/${id}`).damage;
}

/** A machine is restored by promises. */
async function back(nodes: SimNodes, id: string): Promise<void> {
  for (let turn = 0; turn < 500 && nodes.node(id).server?.node.groups.has("main") !== true; turn++) {
    nodes.run(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("F03: what rots in a closed segment is found, got from a member, and the segment leaves the log, while the node serves", () => {
  for (const [part, bytes] of [[0.1, 1], [0.5, 1], [0.02, 60_000], [0.97, 400]] as const) {
    const nodes = founded(11 + Math.round(part * 100));
    load(nodes, 60);
    const id = follower(nodes);
    const [, second] = segments(nodes, id);
    assert.ok(second !== undefined && segments(nodes, id).length > 3, segments(nodes, id).join(" "));
    rot(nodes, id, second, part, bytes);
    nodes.until("it is found", () => scrubOf(nodes, id).status.found === 1, 60_000);
    nodes.until("it is mended", () => scrubOf(nodes, id).status.mended === 1, 60_000);
    assert.equal(scrubOf(nodes, id).alarms(), []);
    assert.is(damageOf(nodes, id), null);
    const boots = nodes.node(id).boots;
    write(nodes, nodes.awaitLeader().id, ["set", "after", "v"]);
    nodes.until("all hold one state", () => hashes(nodes).size === 1);
    assert.is(nodes.node(id).boots, boots, "it went on");
    nodes.crash(id);
    nodes.start(id);
    nodes.until(`${id} is back`, () => nodes.node(id).server?.node.groups.has("main") === true, 60_000);
    assert.not.ok(nodes.node(id).lines.some((line) => line.includes("repaired")), "a start finds nothing to repair");
    nodes.until("all hold one state again", () => hashes(nodes).size === 1);
  }
});

test("F03: a pass that the system does not let read is told and tried again, and what rots then is found", () => {
  const nodes = founded(35);
  load(nodes, 60);
  const id = follower(nodes);
  const [, second] = segments(nodes, id);
  for (const error of ["EMFILE", "EACCES", "ENOMEM"] as const) {
    nodes.node(id).disk.fault = ({ kind, path }) => kind === "open" && path === second ? { error } : null;
    nodes.until("it is told", () => scrubOf(nodes, id).alarms()[0]?.message.includes(error) === true, 60_000);
    const { passes } = scrubOf(nodes, id).status;
    nodes.run(20_000);
    assert.is(scrubOf(nodes, id).status.passes, passes, "no pass comes to its end");
    nodes.node(id).disk.fault = () => null;
    nodes.until("a pass comes to its end", () => scrubOf(nodes, id).status.passes > passes, 60_000);
    assert.equal(scrubOf(nodes, id).alarms(), []);
  }
  rot(nodes, id, second as string, 0.5, 1);
  nodes.until("it is mended", () => scrubOf(nodes, id).status.mended === 1, 60_000);
});

test("F03: while nobody else answers, the node tells what it lacks, and mends once somebody does", () => {
  const nodes = founded(31);
  load(nodes, 60);
  const id = follower(nodes);
  const others = IDS.filter((each) => each !== id);
  const [, second] = segments(nodes, id);
  for (const other of others) nodes.crash(other);
  rot(nodes, id, second as string, 0.3, 40);
  nodes.until("it is told", () => scrubOf(nodes, id).alarms().length > 0, 60_000);
  nodes.until("what is missing is told", () => scrubOf(nodes, id).alarms()[0]?.message.includes("not all members answer") === true, 60_000);
  assert.is(scrubOf(nodes, id).alarms()[0]?.code, "DAMAGED");
  assert.match(scrubOf(nodes, id).alarms()[0]?.message ?? "", /log file "\/\w\/wal\/0+2\.seg" at offset \d+.*entr(y|ies) \d+/);
  for (const other of others) nodes.start(other);
  nodes.until("it is mended", () => scrubOf(nodes, id).status.mended === 1, 60_000);
  assert.equal(scrubOf(nodes, id).alarms(), []);
  nodes.until("all hold one state", () => hashes(nodes).size === 1);
});

test("F03: what nobody else has leaves the log behind a snapshot of the machine that applied it", async () => {
  const nodes = founded(32, {}, ["a"]);
  load(nodes, 60);
  const [, second] = segments(nodes, "a");
  rot(nodes, "a", second as string, 0.3, 40);
  nodes.until("it is found", () => scrubOf(nodes, "a").status.found === 1, 60_000);
  nodes.until("it is mended", () => (nodes.node("a").failure ?? scrubOf(nodes, "a").status.mended) === 1, 60_000);
  assert.is(damageOf(nodes, "a"), null);
  const hash = groupOf(nodes, "a").applier.stateHash();
  nodes.crash("a");
  nodes.start("a");
  await back(nodes, "a");
  nodes.until("and holds what it held", () => groupOf(nodes, "a").applier.stateHash() === hash);
});

test("R13 F03: entries that rot before a slow follower was sent them are mended, and neither leader nor leadership ends", () => {
  const nodes = founded(33, { "scrub-bytes-per-second": "0" });
  const leader = nodes.awaitLeader();
  const id = follower(nodes);
  load(nodes, 10);
  nodes.crash(id);
  load(nodes, 60);
  const { term } = groupOf(nodes, leader.id).state;
  const [, second] = segments(nodes, leader.id);
  rot(nodes, leader.id, second as string, 0.3, 40);
  nodes.start(id);
  nodes.until("all hold one state", () => nodes.node(id).server?.node.groups.has("main") === true && hashes(nodes).size === 1, 60_000);
  assert.is(nodes.leader()?.id, leader.id);
  assert.is(groupOf(nodes, leader.id).state.term, term);
  assert.is(scrubOf(nodes, leader.id).status.found, 1);
  nodes.until("it is mended", () => scrubOf(nodes, leader.id).status.mended === 1, 60_000);
});

test("F03: a snapshot that rots is written anew from the machine, also if nothing was applied since", async () => {
  const nodes = founded(34, { "snapshot-entries": "20", "retain-bytes": "1" });
  load(nodes, 60);
  const id = follower(nodes);
  const { disk } = nodes.node(id);
  const wanted = groupOf(nodes, id).applier.lastApplied.index;
  groupOf(nodes, id).snapshot(() => undefined);
  for (let turn = 0; turn < 200 && groupOf(nodes, id).state.snapshotIndex < wanted; turn++) {
    nodes.run(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.is(groupOf(nodes, id).state.snapshotIndex, groupOf(nodes, id).applier.lastApplied.index, "nothing was applied since");
  const path = (): string => disk.names.files().find((file) => file.endsWith(".snap") && file.startsWith(`/${id}/`)) as string;
  const before = path();
  const content = disk.content(before) as Uint8Array;
  disk.flipBit(before, content.length >> 1, 2);
  for (let turn = 0; turn < 500 && scrubOf(nodes, id).status.mended === 0; turn++) {
    nodes.run(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal([scrubOf(nodes, id).status.found, scrubOf(nodes, id).status.mended], [1, 1]);
  assert.equal(scrubOf(nodes, id).alarms(), []);
  assert.ok(nodes.node(id).lines.some((line) => line.includes("is damaged: a chunk does not fit its sum")));
  nodes.crash(id);
  nodes.start(id);
  await back(nodes, id);
  assert.not.ok(nodes.node(id).lines.some((line) => line.includes("wants another from a member")));
  nodes.until("all hold one state", () => hashes(nodes).size === 1);
});

test.run();
