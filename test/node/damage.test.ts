/** Whole nodes whose files rot while they are stopped: what is lost is fetched again, or named. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask, type Task } from "../../src/base/task.ts";
import { planCut } from "../../src/editor/cut_plan.ts";
import { makeEdit } from "../../src/editor/edit_log.ts";
import { openedLog } from "../../src/editor/offline_log.ts";
import kv from "../../plugins/kv/kv.ts";
import type { Group } from "../../src/node/group.ts";
import { HEADER_BYTES } from "../../src/wal/segment.ts";
import { SimNodes } from "./sim_nodes.ts";
import { write } from "./workload.ts";

const IDS = ["a", "b", "c"];
const SECRET = new TextEncoder().encode("what only members know");

function founded(seed: number, flags: Record<string, string> = {}, ids: readonly string[] = IDS): { nodes: SimNodes; leader: string } {
  const nodes = new SimNodes({ seed, ids, peerSecret: () => SECRET, flags: { "snapshot-entries": "1000000", ...flags } });
  nodes.startAll();
  return { nodes, leader: nodes.awaitLeader().id };
}

function groupOf(nodes: SimNodes, id: string): Group | undefined {
  return nodes.node(id).server?.node.groups.get("main");
}

function hashes(nodes: SimNodes, ids: readonly string[] = IDS): Set<string> {
  return new Set(ids.map((id) => `${groupOf(nodes, id)?.applier.lastApplied.index} ${groupOf(nodes, id)?.applier.stateHash()}`));
}

/** Behind the last byte of the file that is not zero. */
function usedBytes(content: Uint8Array): number {
  return content.findLastIndex((byte) => byte !== 0) + 1;
}

/** Fills a part of the log with what no sum fits: of all that it holds, the records from `from` to `to`, as parts of 1. */
function spoil(nodes: SimNodes, id: string, from: number, to: number): void {
  const { disk } = nodes.node(id);
  const segments = disk.names.files().filter((path) => path.startsWith(`/${id}/wal/`) && path.endsWith(".seg")).sort()
    .map((path) => ({ path, content: disk.content(path) as Uint8Array })).filter(({ content }) => usedBytes(content) > HEADER_BYTES);
  const total = segments.reduce((sum, { content }) => sum + usedBytes(content) - HEADER_BYTES, 0);
  let begin = 0;
  for (const { path, content } of segments) {
    const used = usedBytes(content) - HEADER_BYTES;
    const at = (part: number): number => HEADER_BYTES + Math.min(used, Math.max(0, Math.floor(total * part) - begin));
    content.fill(0xee, at(from), at(to));
    begin += used;
    disk.overwrite(path, content);
  }
}

function repairs(nodes: SimNodes, id: string): number {
  return nodes.node(id).lines.filter((line) => line.includes("log of group 1 repaired")).length;
}

function load(nodes: SimNodes, writes: number): void {
  for (let i = 0; i < writes; i++) write(nodes, nodes.awaitLeader().id, ["set", `k${i % 7}`, `v${i}`.repeat(1_500)]);
  nodes.run(500);
}

function stopped(nodes: SimNodes, id: string): void {
  nodes.node(id).stop();
  nodes.run(1_000);
}

function follower(nodes: SimNodes): string {
  const leader = nodes.awaitLeader().id;
  return IDS.find((id) => id !== leader) as string;
}

test("F03: whatever part of a log rots, the node that holds it comes back with what the others have", () => {
  const { nodes } = founded(1);
  load(nodes, 60);
  const kept: string[] = [];
  for (let part = 0; part < 20; part++) {
    const id = follower(nodes);
    const { incarnation } = nodes.node(id);
    stopped(nodes, id);
    const before = repairs(nodes, id);
    spoil(nodes, id, part / 20, part / 20 + 0.02);
    nodes.start(id);
    nodes.until(`${id} runs`, () => groupOf(nodes, id) !== undefined, 60_000);
    if (nodes.node(id).incarnation === incarnation) kept.push(`${part}: ${repairs(nodes, id) - before}`);
    nodes.until("all hold one state", () => hashes(nodes).size === 1);
    write(nodes, nodes.awaitLeader().id, ["set", "after", `part ${part}`]);
    nodes.until("all hold one state again", () => hashes(nodes).size === 1);
  }
  assert.ok(kept.filter((each) => each.endsWith(" 1")).length >= 10, kept.join(", "));
});

/** Chops the damaged log of a node that does not run just before the damage; false if it cannot be cut, or is sound. */
function chopped(nodes: SimNodes, id: string): boolean {
  const host = { clock: nodes.scheduler.clock(0), disk: nodes.node(id).disk.boot(), random: { u32: () => 7 }, log: { enabled: () => false, write: () => {}, setLevel: () => "info" as const } };
  const ended = { error: null as Error | null, value: false, yet: false };
  runTask(openedLog(host, { directory: `/${id}`, group: 1, onDamage: "stop" }, function* (log): Task<boolean> {
    if (log.damage === null) return false;
    yield* makeEdit(host, log, yield* planCut(host.disk, log, log.group.lastIndex + 1), kv);
    return true;
  }), (...[error, value]) => Object.assign(ended, { error, value: value ?? false, yet: true }));
  nodes.until("the edit", () => ended.yet);
  if (ended.error !== null && !/is damaged/.test(ended.error.message)) throw ended.error;
  return ended.value;
}

test("wherever a log was cut before its damage, the node comes back with what the others have: by its vote if that is certain, else as a learner", () => {
  const { nodes } = founded(9);
  load(nodes, 60);
  const came = { cut: 0, reborn: 0, edited: 0 };
  for (let part = 0; part < 20; part++) {
    const id = follower(nodes);
    const { incarnation } = nodes.node(id);
    stopped(nodes, id);
    spoil(nodes, id, part / 20, part / 20 + 0.02);
    if (chopped(nodes, id)) came.cut += 1;
    nodes.start(id);
    nodes.until(`${id} runs`, () => groupOf(nodes, id) !== undefined, 60_000);
    const isReborn = nodes.node(id).incarnation !== incarnation;
    if (isReborn) came.reborn += 1;
    else if ((groupOf(nodes, id)?.state.editNumber ?? 0) > 0) came.edited += 1;
    nodes.until("all hold one state", () => hashes(nodes).size === 1);
    write(nodes, nodes.awaitLeader().id, ["set", "after", `part ${part}`]);
    nodes.until("all hold one state again, and every log is compared", () => hashes(nodes).size === 1 && (groupOf(nodes, id)?.state.editNumber ?? 1) === 0);
  }
  assert.ok(came.cut >= 10 && came.edited >= 5, JSON.stringify(came));
});

test("a log that was cut where its newest vote may have stood is not voted on: the start gives the incarnation up", () => {
  const { nodes } = founded(10);
  load(nodes, 3);
  const id = follower(nodes);
  const { incarnation } = nodes.node(id);
  stopped(nodes, id);
  spoil(nodes, id, 0.8, 1);
  assert.ok(chopped(nodes, id));
  nodes.start(id);
  nodes.until("it is let in again", () => groupOf(nodes, id) !== undefined && hashes(nodes).size === 1, 60_000);
  assert.is.not(nodes.node(id).incarnation, incarnation);
});

test("D12: a log that lost what it voted last is let in again as a learner, under a new incarnation, with the old log set aside", () => {
  const { nodes } = founded(2);
  load(nodes, 3);
  const id = follower(nodes);
  const { incarnation } = nodes.node(id);
  stopped(nodes, id);
  spoil(nodes, id, 0.5, 1);
  nodes.start(id);
  nodes.run(2_000);
  const { server } = nodes.node(id);
  assert.ok(server !== null, nodes.node(id).lines.join("\n"));
  assert.is(server?.node.condition, "dead-incarnation");
  assert.not.equal(server?.node.identity.incarnation, incarnation);
  assert.is(groupOf(nodes, id), undefined, "it takes part in nothing");
  nodes.until(`${id} is a member again`, () => groupOf(nodes, id) !== undefined, 60_000);
  nodes.until("all hold one state", () => hashes(nodes).size === 1);
  assert.is(server?.node.condition, null);
  const aside = nodes.node(id).disk.names.files().filter((path) => path.startsWith(`/${id}/dead-${incarnation}/`));
  assert.ok(aside.some((path) => path.endsWith(".seg")), aside.join(", "));
});

test("D12: entries come from any member: two of three, one of them damaged, and the leader lost for good", () => {
  const { nodes } = founded(3);
  load(nodes, 60);
  const leader = nodes.awaitLeader().id;
  const id = follower(nodes);
  stopped(nodes, id);
  spoil(nodes, id, 0.2, 0.25);
  const other = IDS.find((each) => each !== leader && each !== id) as string;
  nodes.crash(leader);
  nodes.start(id);
  nodes.until("one of the two leads", () => nodes.leader() !== null && groupOf(nodes, id) !== undefined, 60_000);
  nodes.until("both hold one state", () => hashes(nodes, [id, other]).size === 1);
  assert.is(repairs(nodes, id), 1);
});

test("F03: who has nobody to ask names what is lost, and ends", () => {
  const { nodes } = founded(4, {}, ["a"]);
  for (let i = 0; i < 60; i++) write(nodes, "a", ["set", `k${i % 7}`, `v${i}`.repeat(1_500)]);
  nodes.node("a").stop();
  nodes.run(1_000);
  spoil(nodes, "a", 0.2, 0.25);
  nodes.start("a");
  nodes.run(2_000);
  const { startError, failure } = nodes.node("a");
  assert.match((failure ?? startError)?.message ?? "", /entr(y|ies) \d+.* of group 1 is lost, and no other member has to have it; log file "\/a\/wal\/0+1\.seg" at offset \d+/);
});

test("D12: of two voters the one that lost what it voted says how the other goes on", () => {
  const { nodes } = founded(5, {}, ["a", "b"]);
  write(nodes, nodes.awaitLeader().id, ["set", "k", "v"]);
  const id = nodes.awaitLeader().id === "a" ? "b" : "a";
  const other = id === "a" ? "b" : "a";
  stopped(nodes, id);
  spoil(nodes, id, 0.5, 1);
  nodes.start(id);
  nodes.run(2_000);
  assert.match(nodes.node(id).startError?.message ?? "", new RegExp(`type there: draft admin recover --data DIR --keep-only ${other}`));
});

test("F03: a snapshot that rots is fetched from a member", async () => {
  const { nodes } = founded(6, { "snapshot-entries": "20", "retain-bytes": "1" });
  load(nodes, 60);
  const id = follower(nodes);
  stopped(nodes, id);
  const { disk } = nodes.node(id);
  const [path] = disk.names.files().filter((file) => file.endsWith(".snap") && file.startsWith(`/${id}/`));
  assert.ok(path !== undefined);
  const content = disk.content(path) as Uint8Array;
  content.fill(0xee, content.length >> 1, (content.length >> 1) + 4);
  disk.overwrite(path, content);
  nodes.start(id);
  for (let turn = 0; turn < 200 && groupOf(nodes, id) === undefined; turn++) {
    nodes.run(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(nodes.node(id).lines.some((line) => line.includes("is damaged: a chunk does not fit its sum: wants another from a member")));
  nodes.until("all hold one state", () => hashes(nodes).size === 1);
});

test.run();
