/** `draft log` on the directories of stopped processes: the node rejoins rightly, or the cluster goes on from the edit. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, TestCluster, type TestNode, until } from "./processes.ts";

const test = suite("edited");

async function log(node: TestNode, ...words: readonly string[]): Promise<string> {
  const [verb = "", ...rest] = words;
  const { code, out, err } = await draft(["log", verb, "--data", node.data, "--yes", ...rest]);
  assert.is(code, 0, err);
  return out;
}

async function seal(node: TestNode, ...words: readonly string[]): Promise<{ readonly index: number; readonly chain: string }> {
  const { code, out, err } = await draft(["log", words[0] ?? "", "--data", node.data, "--yes", "--json", ...words.slice(1)]);
  assert.is(code, 0, err);
  return (JSON.parse(out) as { seal: { index: number; chain: string } }).seal;
}

async function lastOf(node: TestNode): Promise<{ readonly lastIndex: number; readonly condition: string | null }> {
  return JSON.parse((await draft(["log", "last", "--data", node.data, "--json"])).out) as { lastIndex: number; condition: string | null };
}

test("an edited follower takes the leader's log again, and votes again", async () => {
  await using cluster = await TestCluster.start();
  const leader = await cluster.leader();
  await using client = cluster.client();
  for (let i = 0; i < 20; i++) await client.run(["set", `k${i}`, "v"]);
  const [victim] = cluster.others(leader) as [TestNode];
  assert.is((await draft(["log", "chop", "5", "--data", victim.data, "--yes"])).code, 11, "it is in use");
  await victim.stop();
  const { lastIndex } = await lastOf(victim);
  assert.match(await log(victim, "chop", String(lastIndex - 6)), /the group has 3 voters: this node will not vote until/);
  await log(victim, "undo");
  assert.is((await lastOf(victim)).lastIndex, lastIndex);
  await log(victim, "chop", String(lastIndex - 6));
  await log(victim, "append", "set", "k0", "forged");
  assert.equal(await lastOf(victim), { ...await lastOf(victim), lastIndex: lastIndex - 6, condition: "edited" });
  await client.run(["set", "after", "v"]);
  await victim.start();
  const whole = await until("it holds the leader's log", async () => {
    const [its, newest] = [await victim.mainStatus(), await leader.mainStatus()];
    return its.condition === null && its.appliedIndex === newest.appliedIndex ? [its.stateHash, newest.stateHash, its.voting] : null;
  });
  assert.equal(whole, [whole[1], whole[1], true]);
  await victim.stop();
  assert.is((await lastOf(victim)).condition, null);
});

test("the same edits on every member, accepted, are the log that the cluster goes on with", async () => {
  await using cluster = await TestCluster.start();
  await using client = cluster.client();
  await client.run(["set", "k", "kept"]);
  await client.run(["set", "k", "regretted"]);
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  const [first] = cluster.nodes as [TestNode];
  const shown = (await draft(["log", "show", "--data", first.data, "--key", "regretted", "--json"])).out;
  const { index } = JSON.parse(shown) as { index: number };
  for (const node of cluster.nodes) {
    await log(node, "chop", String(index));
    await log(node, "append", "set", "also", "edited in");
  }
  const seals = [];
  for (const node of cluster.nodes) seals.push(await seal(node, "accept"));
  assert.equal(new Set(seals.map(({ chain }) => chain)).size, 1);
  assert.is(seals[0]?.index, index);
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await cluster.leader();
  await using again = cluster.client();
  assert.is((await again.read(["get", "k"])).result, "kept");
  assert.is((await again.read(["get", "also"])).result, "edited in");
});

test.run();
