/** HTTP against the built executable, with curl: every kind of route on every node, and writes that are sent again while leaders die. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Family, familiesIn, valueOf } from "../gateway/exposition.ts";
import { draft, sleep, temporaryDirectory, TestCluster, type TestNode, until } from "./processes.ts";

const ROUNDS = 12;
const FLAGS = ["--heartbeat-ms", "40", "--election-ms", "150-300"];

const test = suite("http");

interface Curled {
  /** 0 if nothing answered. */
  readonly status: number;
  readonly body: string;
}

/** One call of curl; null if there is none on this machine. */
function curl(node: TestNode, path: string, ...args: string[]): Promise<Curled | null> {
  const all = ["-s", "--max-time", "10", "-w", "\n%{http_code}", "--path-as-is", ...args, `http://${node.address}${path}`];
  return new Promise((resolve) => {
    execFile("curl", all, { encoding: "utf8", maxBuffer: 64 << 20 }, (error, out) => {
      if (error !== null && error.code === "ENOENT") return resolve(null);
      const at = out.lastIndexOf("\n");
      resolve({ status: Number(out.slice(at + 1)), body: out.slice(0, at) });
    });
  });
}

/** The same, of a machine that has curl. */
async function asked(node: TestNode, path: string, ...args: string[]): Promise<Curled> {
  const answer = await curl(node, path, ...args);
  if (answer === null) throw new Error("curl went away");
  return answer;
}

function run(node: TestNode, command: readonly unknown[], ...args: string[]): Promise<Curled> {
  return asked(node, "/v1/run", "-H", "content-type: application/json", "-d", JSON.stringify({ command }), ...args);
}

async function hasCurl(cluster: TestCluster): Promise<boolean> {
  const found = await curl(cluster.nodes[0] as TestNode, "/livez");
  if (found === null) console.log("skipped: there is no curl on this machine");
  return found !== null;
}

test("any node takes any request", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  if (!await hasCurl(cluster)) return;
  await cluster.leader();
  for (const [at, node] of cluster.nodes.entries()) {
    const other = cluster.nodes[(at + 1) % 3] as TestNode;
    const put = await asked(node, `/v1/kv/k${at}`, "-X", "PUT", "--data-binary", `v${at}`);
    assert.is(put.status, 200, put.body);
    const { index } = JSON.parse(put.body) as { index: number };
    // Who leads may change at any time, and nobody measured a write that two leaders had to do with.
    await until(`${node.id} tells what a write took`, async () => {
      const timed = await fetch(`http://${node.address}/v1/kv/timed`, { method: "PUT", body: "1" });
      await timed.body?.cancel();
      const [, way] = /^queue;dur=[\d.]+(;desc="with the way to the leader and back")?, (?:fsync;dur=[\d.]+, )?replicate;dur=[\d.]+, apply;dur=[\d.]+$/.exec(timed.headers.get("server-timing") ?? "none") ?? ["", "none"];
      return (way === undefined) === (await node.mainStatus()).role.startsWith("leader") && way !== "none";
    });
    assert.equal(await asked(other, `/v1/kv/k${at}`), { status: 200, body: `v${at}` });
    assert.equal(await asked(other, `/v1/kv/k${at}?level=stale&min_index=${index}`), { status: 200, body: `v${at}` });
    assert.is((await asked(node, "/readyz")).status, 200);
    for (const path of ["/livez", "/v1/status", "/v1/groups", "/v1/members", "/v1/operations", "/openapi.json", "/v1/kv?prefix=k"]) {
      assert.is((await asked(node, path)).status, 200, path);
    }
    assert.is((await asked(node, "/v1/sessions", "-X", "POST")).status, 200);
    assert.is((await asked(node, "/v1/snapshot", "-X", "POST")).status, 200);
    assert.is((await asked(node, `/v1/kv/k${at}`, "-X", "PUT", "-H", "If-None-Match: *", "-d", "x")).status, 412);
    assert.is((await asked(node, "/v1/run", "-d", "{}")).status, 415);
    assert.is((await asked(node, "/v1/status", "-H", "Host: rebound.example")).status, 403);
  }
  const [, , last] = cluster.nodes as [TestNode, TestNode, TestNode];
  const transfer = await asked(last, "/v1/transfer", "-H", "content-type: application/json", "-d", JSON.stringify({ to: last.id }));
  assert.equal([transfer.status, (await cluster.leader()).id], [200, last.id], transfer.body);
  const demoted = await asked(cluster.nodes[0] as TestNode, `/v1/members/${(cluster.nodes[1] as TestNode).id}/demote?dry_run=true`, "-X", "POST");
  assert.is(demoted.status, 200, demoted.body);
});

test("a backup of any node holds what was acknowledged before, and draft log check takes it", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  for (let round = 0; round < 10; round++) {
    for (const node of cluster.nodes) {
      const { index } = await (await fetch(`http://${node.address}/v1/kv/b`, { method: "PUT", body: String(round) })).json() as { index: number };
      for (const giver of cluster.others(node)) {
        const backup = await fetch(`http://${giver.address}/v1/backup`);
        assert.is(backup.status, 200);
        const file = join(temporaryDirectory(), "main.draft");
        writeFileSync(file, new Uint8Array(await backup.arrayBuffer()));
        assert.ok(Number(backup.headers.get("draft-index")) >= index, `${giver.id} gave ${backup.headers.get("draft-index")} behind ${index}`);
        if (round === 0) assert.is((await draft(["log", "check", file])).code, 0);
      }
    }
  }
});

test("what nodes count goes on through a change of leaders, and a leader tells of its peers", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const scrape = async (node: TestNode): Promise<Map<string, Family>> => familiesIn(await (await fetch(`http://${node.address}/metrics`)).text());
  const valued = (families: ReadonlyMap<string, Family>, name: string, more = ""): number => valueOf(families, name, `group="main"${more}`);
  /** Of all nodes, once one of them leads, and tells of the others, and nobody else does. */
  const settled = (isWanted: (all: readonly Map<string, Family>[]) => boolean): Promise<readonly Map<string, Family>[]> => until("one leads", async () => {
    const all = await Promise.all(cluster.nodes.map(scrape));
    const told = all.map((families) => [valued(families, "draft_role", ',role="leader"'), families.get("draft_peer_lag_entries")?.samples.size ?? 0].join());
    return told.sort().join(" ") === "0,0 0,0 1,2" && isWanted(all) && all;
  });
  const put = async (): Promise<string> => (await fetch(`http://${(cluster.nodes[0] as TestNode).address}/v1/kv/m`, { method: "PUT", body: "x" })).text();
  await cluster.leader();
  for (let at = 0; at < 20; at++) await put();
  const before = await settled(() => true);
  assert.ok(before.reduce((sum, families) => sum + valued(families, "draft_proposals_total"), 0) >= 20);
  const changes = (all: readonly Map<string, Family>[]): number[] => all.map((families) => valued(families, "draft_leader_changes_total"));
  const [heir] = cluster.others(await cluster.leader()) as [TestNode];
  await fetch(`http://${heir.address}/v1/transfer`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ to: heir.id }) });
  for (let at = 0; at < 20; at++) await put();
  const after = await settled((all) => changes(all).every((count, at) => count > (changes(before)[at] ?? 0)));
  for (const [at, families] of before.entries()) {
    for (const { name, type, samples } of families.values()) {
      if (type === "gauge") continue;
      for (const [series, value] of samples) assert.ok((after[at]?.get(name)?.samples.get(series) ?? -1) >= value, `${at}: ${series}`);
    }
  }
});

test("a write under a key is done once, though its leader dies and it is sent again elsewhere", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  if (!await hasCurl(cluster)) return;
  for (let round = 0; round < ROUNDS; round++) {
    const leader = await cluster.leader();
    const key = ["-H", `Idempotency-Key: round-${round}`];
    const [one, two] = cluster.others(leader) as [TestNode, TestNode];
    // On its way by the leader itself, and by a follower that forwards, when the leader dies.
    const first = [run(leader, ["incr", "n"], ...key), run(one, ["incr", "n"], ...key)];
    await sleep(round * 3);
    await leader.kill();
    const answer = await until("another node has done it", async () => {
      const again = await run(two, ["incr", "n"], ...key);
      return again.status === 200 && again;
    });
    assert.is((JSON.parse(answer.body) as { result: number }).result, round + 1, `round ${round}`);
    for (const early of await Promise.all(first)) if (early.status === 200) assert.is(early.body, answer.body);
    await leader.start();
    const late = await until("the one that was killed knows", async () => {
      const again = await run(leader, ["incr", "n"], ...key);
      return again.status === 200 && again;
    });
    assert.is(late.body, answer.body);
  }
  const leader = await cluster.leader();
  assert.is((JSON.parse((await run(leader, ["get", "n"])).body) as { result: string }).result, String(ROUNDS));
});

test.run();
