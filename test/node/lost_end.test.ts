/** A node whose log lost its end, and knows it: it says so over restarts, and decides nothing until it holds all of it again. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Group } from "../../src/node/group.ts";
import { SimNodes } from "./sim_nodes.ts";
import { write } from "./workload.ts";

const IDS = ["a", "b", "c"];
const SECRET = new TextEncoder().encode("what only members know");

function groupOf(nodes: SimNodes, id: string): Group | undefined {
  return nodes.node(id).server?.node.groups.get("main");
}

function conditionOf(nodes: SimNodes, id: string): string | null | undefined {
  return groupOf(nodes, id)?.edits.condition;
}

/** Spoils the entries that stand just before the last record, which is a hard state of 80 bytes. */
function spoilBeforeLast(nodes: SimNodes, id: string): void {
  const { disk } = nodes.node(id);
  const isUsed = (path: string): boolean => disk.content(path)?.some((byte) => byte !== 0) === true;
  const path = disk.names.files().filter((each) => each.startsWith(`/${id}/wal/`) && each.endsWith(".seg") && isUsed(each)).sort().at(-1) as string;
  const content = disk.content(path) as Uint8Array;
  const last = content.findLastIndex((byte) => byte !== 0);
  content.fill(0xee, last - 300, last - 120);
  disk.overwrite(path, content);
}

test("D12: a node that lost the end of its log has no vote, over restarts and while nobody leads, until it holds it again", () => {
  const nodes = new SimNodes({ seed: 71, ids: IDS, peerSecret: () => SECRET });
  nodes.startAll();
  const first = nodes.awaitLeader().id;
  for (let i = 0; i < 5; i++) write(nodes, first, ["set", `k${i}`, `v${i}`.repeat(400)]);
  nodes.run(500);
  const { term } = nodes.node(first).state!;
  nodes.crash(first);
  const [one, two] = IDS.filter((each) => each !== first) as [string, string];
  // Whoever votes in the next term has that vote behind its last entry, until the new leader's first one comes.
  const voter = (): string | undefined => [one, two].find((id) => nodes.node(id).state!.durableTerm > term && nodes.node(id).state!.role === "follower");
  for (let turn = 0; turn < 100_000 && voter() === undefined; turn++) nodes.run(0.05);
  const id = voter() as string;
  const other = id === one ? two : one;
  const { lastIndex } = nodes.node(id).state!.trail;
  nodes.crash(id);
  nodes.crash(other);
  spoilBeforeLast(nodes, id);

  for (const start of [1, 2, 3]) {
    nodes.start(id);
    nodes.until(`start ${start}`, () => groupOf(nodes, id) !== undefined);
    assert.is(conditionOf(nodes, id), "rebuilding", `start ${start}`);
    assert.ok(nodes.node(id).state!.trail.lastIndex < lastIndex, "the last entry is gone");
    nodes.run(2_000);
    nodes.crash(id);
  }
  nodes.start(id);
  nodes.start(other);
  nodes.run(8_000);
  assert.is(nodes.leader(), null, "two of three are there, and one of them has no vote");
  nodes.start(first);
  nodes.until("all hold one state", () => IDS.every((each) => conditionOf(nodes, each) === null) && new Set(IDS.map((each) => groupOf(nodes, each)?.applier.stateHash())).size === 1, 60_000);
  assert.ok(nodes.node(id).state!.trail.lastIndex >= lastIndex, "nothing that it had acknowledged is lost");
});

test.run();
