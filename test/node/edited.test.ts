/** Whole nodes, one of whose logs was edited while it was stopped. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { runTask, type Task } from "../../src/base/task.ts";
import { makeEdit, undoEdit } from "../../src/editor/edit_log.ts";
import { planEdit, type Wanted } from "../../src/editor/edit_plan.ts";
import type { OfflineHost } from "../../src/editor/log_files.ts";
import { type GroupLog, openedLog } from "../../src/editor/offline_log.ts";
import type { Group } from "../../src/node/group.ts";
import kv from "../../plugins/kv/kv.ts";
import { command } from "../editor/rig.ts";
import { SimNodes } from "./sim_nodes.ts";
import { Workload, write } from "./workload.ts";

const IDS = ["a", "b", "c"];
const SECRET = new TextEncoder().encode("what only members know");

function founded(seed: number): { nodes: SimNodes; leader: string } {
  const nodes = new SimNodes({ seed, ids: IDS, peerSecret: () => SECRET, flags: { "snapshot-entries": "1000000" } });
  nodes.startAll();
  return { nodes, leader: nodes.awaitLeader().id };
}

/** Edits the log of a node that does not run, as `wantedOf` says; nothing if that says null. */
function edit(nodes: SimNodes, id: string, wantedOf: (log: GroupLog) => Wanted | null): void {
  offline(nodes, id, function* (host, log): Task<void> {
    const wanted = wantedOf(log);
    if (wanted !== null) yield* makeEdit(host, log, yield* planEdit(log, wanted), kv);
  });
}

function offline(nodes: SimNodes, id: string, act: (host: OfflineHost, log: GroupLog) => Task<void>): void {
  const host = {
    clock: nodes.scheduler.clock(0), disk: nodes.node(id).disk.boot(), random: { u32: () => 7 },
    log: { enabled: () => false, write: () => {}, setLevel: () => "info" as const },
  };
  const ended = { error: null as Error | null, yet: false };
  runTask(openedLog(host, { directory: `/${id}`, group: 1 }, (log) => act(host, log)), (...[error]) => Object.assign(ended, { error, yet: true }));
  nodes.until("the edit", () => ended.yet);
  if (ended.error !== null) throw ended.error;
}

function groupOf(nodes: SimNodes, id: string): Group | undefined {
  return nodes.node(id).server?.node.groups.get("main");
}

function isEdited(nodes: SimNodes, id: string): boolean {
  return (groupOf(nodes, id)?.state.editNumber ?? 1) > 0;
}

function hashes(nodes: SimNodes): Set<string> {
  return new Set(IDS.map((id) => `${groupOf(nodes, id)?.applier.lastApplied.index} ${groupOf(nodes, id)?.applier.stateHash()}`));
}

/** How often operators did what. */
type Done = Record<"chop" | "append" | "drop" | "undo", number>;

/** How an operator may spoil a log: cut it anywhere, put another entry in its place, both; and regret the last of it. */
function spoil(nodes: SimNodes, id: string, random: ReturnType<typeof seedRandom>, done: Done): void {
  const how = nextInRange(random, 0, 3);
  if (how === 3) return dropAndUndo(nodes, id, random, done);
  const made = (wantedOf: (log: GroupLog) => Wanted): void => edit(nodes, id, (log) => {
    const wanted = wantedOf(log);
    if (wanted.change === "chop" || wanted.change === "append") done[wanted.change] += 1;
    return wanted;
  });
  if (how !== 1) {
    made(({ group: { lastIndex } }) => ({ change: "chop", index: nextInRange(random, Math.max(2, lastIndex - 30), lastIndex) }));
  }
  for (let extra = how === 0 ? 0 : nextInRange(random, 1, 3); extra > 0; extra--) {
    made(() => ({ change: "append", payload: command("set", "register", "forged") }));
  }
  if (nextInRange(random, 0, 2) > 0) return;
  offline(nodes, id, function* (host, log): Task<void> {
    if (log.edit?.boot !== log.identity.bootCount) return;
    yield* undoEdit(host, log);
    done.undo += 1;
  });
}

/** What was emptied does not start where others vote: the operator takes that back. */
function dropAndUndo(nodes: SimNodes, id: string, random: ReturnType<typeof seedRandom>, done: Done): void {
  edit(nodes, id, ({ group: { prefix, lastIndex } }) => ({ change: "drop", index: nextInRange(random, prefix.index + 1, lastIndex), force: true }));
  undo(nodes, id);
  done.drop += 1;
}

function undo(nodes: SimNodes, id: string): void {
  offline(nodes, id, function* (host, log): Task<void> {
    yield* undoEdit(host, log);
  });
}

test("a node whose log was spoiled offline takes the leader's again, loses nothing that was acknowledged, and votes again", () => {
  const done: Done = { chop: 0, append: 0, drop: 0, undo: 0 };
  for (let seed = 1; seed <= 8; seed++) {
    const { nodes } = founded(seed);
    const load = new Workload(nodes);
    load.start(5);
    const random = seedRandom(seed);
    for (let round = 0; round < 5; round++) {
      const id = IDS[nextInRange(random, 0, 2)] as string;
      nodes.run(nextInRange(random, 300, 900));
      nodes.crash(id);
      nodes.run(nextInRange(random, 1, 900));
      spoil(nodes, id, random, done);
      nodes.start(id);
      nodes.until(`${id} is compared`, () => !isEdited(nodes, id));
    }
    load.stop();
    nodes.until("all hold one state", () => hashes(nodes).size === 1);
    load.check();
    assert.ok(load.acked > 50, `${load.acked} acknowledged`);
  }
  assert.ok(Object.values(done).every((times) => times >= 3), JSON.stringify(done));
});

test("what a cut node had helped to commit is not outvoted by it: it waits for who has it", () => {
  const { nodes, leader } = founded(21);
  const [other, late] = IDS.filter((id) => id !== leader) as [string, string];
  nodes.net.cut(leader, late);
  nodes.net.cut(late, leader);
  nodes.net.cut(other, late);
  nodes.net.cut(late, other);
  write(nodes, leader, ["set", "k", "acknowledged"]);
  nodes.crash(other);
  nodes.crash(leader);
  edit(nodes, other, ({ group }) => ({ change: "chop", index: group.lastIndex }));
  nodes.net.healAll();
  nodes.start(other);
  nodes.run(5_000);
  assert.is(nodes.leader(), null, "the two that are there lack what was acknowledged");
  assert.ok(isEdited(nodes, other));
  nodes.start(leader);
  nodes.awaitLeader();
  nodes.until(`${other} is compared`, () => !isEdited(nodes, other));
  const read = nodes.read(nodes.awaitLeader().id, ["get", "k"]);
  nodes.until("an answer", () => read.result !== null);
  assert.is((read.result as { reply: unknown }).reply, "acknowledged");
});

test("the mark stands over a restart and a new segment, until the comparison, and that over the next", () => {
  const { nodes, leader } = founded(31);
  const [id] = IDS.filter((each) => each !== leader) as [string];
  write(nodes, leader, ["set", "k", "v"]);
  nodes.crash(id);
  edit(nodes, id, ({ group }) => ({ change: "chop", index: group.lastIndex }));
  for (const each of IDS) if (each !== id) for (const [from, to] of [[each, id], [id, each]] as const) nodes.net.cut(from, to);
  for (let boot = 0; boot < 2; boot++) {
    nodes.start(id);
    nodes.run(2_000);
    assert.ok(isEdited(nodes, id), "nobody compared it");
    nodes.crash(id);
  }
  nodes.net.healAll();
  nodes.start(id);
  nodes.until("compared", () => !isEdited(nodes, id));
  nodes.run(2_000);
  nodes.crash(id);
  nodes.start(id);
  nodes.run(10);
  nodes.until("it runs", () => groupOf(nodes, id) !== undefined);
  assert.is(isEdited(nodes, id), false);
});

test("the same edit on every member, accepted on every member, is the log from there on", () => {
  const { nodes, leader } = founded(41);
  for (let i = 0; i < 5; i++) write(nodes, leader, ["set", "k", `v${i}`]);
  nodes.run(500);
  for (const id of IDS) nodes.crash(id);
  for (const id of IDS) {
    edit(nodes, id, () => ({ change: "chop", index: 5 }));
    edit(nodes, id, () => ({ change: "append", payload: command("set", "k", "edited in") }));
  }
  nodes.startAll();
  nodes.run(5_000);
  assert.is(nodes.leader(), null, "nobody votes before it is accepted");
  for (const id of IDS) nodes.crash(id);
  for (const id of IDS) edit(nodes, id, () => ({ change: "accept" }));
  nodes.startAll();
  const read = nodes.read(nodes.awaitLeader().id, ["get", "k"]);
  nodes.until("an answer", () => read.result !== null);
  assert.is((read.result as { reply: unknown }).reply, "edited in");
  nodes.until("all hold one state", () => hashes(nodes).size === 1);
});

test("one that was emptied by force does not start in a cluster, and its edit can be taken back then", () => {
  const { nodes, leader } = founded(51);
  write(nodes, leader, ["set", "k", "v"]);
  const [id] = IDS.filter((each) => each !== leader) as [string];
  nodes.crash(id);
  edit(nodes, id, ({ group }) => ({ change: "drop", index: group.lastIndex, force: true }));
  nodes.start(id);
  nodes.run(1_000);
  const { startError } = nodes.node(id);
  assert.match(startError?.message ?? "", /dropped by an offline edit, and other members hold it/);
  undo(nodes, id);
  nodes.start(id);
  nodes.until("all hold one state", () => hashes(nodes).size === 1);
  assert.not(isEdited(nodes, id));
});

function snapshotsOf(nodes: SimNodes, id: string): string[] {
  return nodes.node(id).disk.names.files().filter((path) => path.startsWith(`/${id}/snapshots/`) && path.endsWith(".snap"));
}

test("D12: what a drop that was taken back left behind, or a crash before it was made, is no state that a repair goes by", () => {
  const { nodes, leader } = founded(61);
  const [id] = IDS.filter((each) => each !== leader) as [string];
  for (let i = 0; i < 60; i++) write(nodes, leader, ["set", `k${i}`, `v${i}`.repeat(1_500)]);
  nodes.run(500);
  for (const each of IDS) nodes.node(each).stop();
  nodes.run(1_000);
  const { disk } = nodes.node(id);
  edit(nodes, id, ({ group }) => ({ change: "drop", index: group.lastIndex - 5, force: true }));
  const [empty] = snapshotsOf(nodes, id) as [string];
  const left = disk.content(empty)!.slice();
  undo(nodes, id);
  assert.equal(snapshotsOf(nodes, id), []);
  disk.overwrite(empty, left);
  const segment = disk.names.files().filter((path) => path.startsWith(`/${id}/wal/`) && path.endsWith(".seg")).sort()[0] as string;
  const content = disk.content(segment)!;
  const at = Buffer.from(content).indexOf("v9v9v9");
  assert.ok(at > 0);
  content.fill(0xee, at, at + 4);
  disk.overwrite(segment, content);
  nodes.startAll();
  write(nodes, nodes.awaitLeader().id, ["set", "k", "after"]);
  nodes.until("all hold one state", () => IDS.every((each) => (groupOf(nodes, each)?.applier.lastApplied.index ?? 0) > 60) && hashes(nodes).size === 1);
  assert.match(nodes.node(id).lines.join("\n"), /log of group 1 repaired/);
});

test.run();
