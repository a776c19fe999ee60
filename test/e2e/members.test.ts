/** Members come and go while clients write: real processes, the built binary, any node asked (M11, M17, D01). */
import { rmSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { connect } from "../../src/client/client.ts";
import type { MemberList } from "../../src/net/client_answers.ts";
import { draft, sleep, TestCluster, type TestNode, until } from "./processes.ts";

const test = suite("members");

const TIMES = ["--machine", "counter", "--heartbeat-ms", "60", "--election-ms", "400-800"];
const TIMEOUT_MS = 20_000;

/** One node that founds alone, and others that wait to be added; all run. */
async function lone(size: number): Promise<TestCluster> {
  const cluster = await TestCluster.prepare({ size });
  cluster.nodes.forEach((node, at) => (node.flags = at === 0 ? ["--bootstrap", ...TIMES] : TIMES));
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await cluster.leader();
  return cluster;
}

/** Adds one in many lanes, over every node, until it is stopped; then tells what came of it. */
class Load {
  acked = 0;
  unknown = 0;
  longestGapMs = 0;
  #isOver = false;
  #lastMs = performance.now();
  readonly #lanes: Promise<unknown>;
  readonly #addresses: readonly string[];

  constructor(cluster: TestCluster) {
    this.#addresses = cluster.addresses;
    this.#lanes = Promise.all(Array.from({ length: 3 }, () => this.#client()));
  }

  async #client(): Promise<void> {
    await using client = connect(this.#addresses, { timeoutMs: TIMEOUT_MS });
    const lane = async (): Promise<void> => {
      while (!this.#isOver) {
        try {
          await client.write(["add", 1]);
          this.#noteAck();
        } catch (error) {
          if (!(error instanceof DraftError)) throw error;
          if (error.outcome === "unknown") this.unknown += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, lane));
  }

  #noteAck(): void {
    this.acked += 1;
    const nowMs = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  /** Whatever became of the test: no client goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#lanes;
  }

  /** Ends it; fails unless each acknowledged addition was done once, and nothing else. */
  async end(words: string): Promise<void> {
    this.#isOver = true;
    await this.#lanes;
    await using client = connect(this.#addresses, { timeoutMs: TIMEOUT_MS });
    const { result } = await client.read(["total"]);
    console.log(`\n${words}: ${this.acked} acknowledged, ${this.unknown} unknown, total ${String(result)}, longest gap ${Math.round(this.longestGapMs)} ms`);
    assert.equal([this.unknown, result], [0, this.acked]);
    assert.ok(this.acked > 100, "the writers got somewhere");
  }
}

async function admin(asked: TestNode, ...words: string[]): Promise<string> {
  const { code, out, err } = await draft(["admin", ...words, "-c", asked.address, "--timeout-ms", "15000"], { limitMs: 60_000 });
  assert.is(code, 0, `draft admin ${words.join(" ")}: ${out}${err}`);
  return out;
}

function at(node: TestNode): string {
  return `${node.id}@${node.address}`;
}

async function removed(node: TestNode): Promise<void> {
  await until(`${node.id} says that it was removed`, async () => (await node.mainStatus()).role === "removed");
}

test("the walk under load: add two, transfer, remove the leader and another one, each asked at any node", async () => {
  await using cluster = await lone(3);
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  await using load = new Load(cluster);
  assert.match(await admin(a, "add", at(b), at(c)), /voters: a, b, c \(quorum 2\)/);
  const list = JSON.parse(await admin(c, "servers", "--json")) as MemberList;
  assert.equal(list.members.map(({ id, role, target }) => [id, role, target]), ["a", "b", "c"].map((id) => [id, "voter", "voter"]));
  assert.match(await admin(b, "add", at(b)), /voters: a, b, c/, "what is so already is no error");
  const early = await draft(["client", "-c", b.address, "total"]);
  assert.is(early.code, 0, early.err);
  await admin(c, "transfer", "b");
  assert.match(await admin(a, "states"), /b .* leader /);
  assert.match(await admin(c, "append", "add 0"), /^\(integer\) \d+/, "a command of the machine, at any node");
  assert.match(await admin(c, "del", "b", "c"), /voters: a \(quorum 1\)/);
  await removed(b);
  await removed(c);
  assert.is((await cluster.leader()).id, "a");
  const late = await draft(["client", "-c", b.address, "--timeout-ms", "500", "total"]);
  assert.is(late.code, 1);
  assert.match(late.err, /NO_LEADER this node was removed from the cluster.* ask another node/);
  await load.end("add two, transfer, remove the leader and another one");
});

test("the leader is removed under load, three times, and comes back with an empty directory", async () => {
  await using cluster = await lone(3);
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  await admin(a, "add", at(b), at(c));
  await using load = new Load(cluster);
  for (let times = 0; times < 3; times++) {
    const leader = await cluster.leader();
    const [asked] = cluster.others(leader) as [TestNode, TestNode];
    load.longestGapMs = 0;
    assert.match(await admin(asked, "del", leader.id), /quorum 2/);
    console.log(`removed the leader ${leader.id}: longest gap between two answers ${Math.round(load.longestGapMs)} ms`);
    await removed(leader);
    await leader.kill();
    rmSync(leader.data, { recursive: true });
    leader.flags = TIMES;
    await leader.start();
    assert.match(await admin(asked, "add", at(leader)), /quorum 2/);
  }
  await load.end("the leader removed three times");
});

test("3 → 5 → 3 → 1 → 3, a member killed and started again at each step", async () => {
  await using cluster = await lone(5);
  const [a, b, c, d, e] = cluster.nodes as [TestNode, TestNode, TestNode, TestNode, TestNode];
  await using load = new Load(cluster);
  await admin(a, "add", at(b), at(c));
  await Promise.all([admin(a, "add", at(d), at(e)), sleep(100).then(() => b.kill()).then(() => b.start())]);
  await c.kill();
  const leader = await cluster.leader();
  assert.match(await admin(leader, "del", "a", "c"), /voters: b, d, e/);
  // By force: e may be gone in the very moment in which it is to decide alone.
  const asked = [b, d, e].map(({ address }) => address).join(",");
  const [removal] = await Promise.all([draft(["admin", "del", "b", "d", "--force", "-c", asked, "--timeout-ms", "15000"], { limitMs: 60_000 }), sleep(50).then(() => e.kill()).then(() => e.start())]);
  // If e leads by then it decides alone and at once, and the one that was asked may not hear what became of the change: the members tell.
  assert.is(removal.code, 0, removal.err);
  assert.is((await e.mainStatus()).members.voters.join(), "e");
  // Who was removed comes back with an empty directory, and as another.
  for (const node of [a, b]) {
    await node.kill();
    rmSync(node.data, { recursive: true });
    node.flags = TIMES;
    await node.start();
  }
  assert.match(await admin(e, "add", at(a), at(b)), /voters: e, a, b/);
  await load.end("3 → 5 → 3 → 1 → 3");
});

test("a member that lost its directory takes its place again by replace, and a dead one's is taken by another", async () => {
  await using cluster = await lone(4);
  const [a, b, c, d] = cluster.nodes as [TestNode, TestNode, TestNode, TestNode];
  await using load = new Load(cluster);
  await admin(a, "add", at(b), at(c));
  await b.kill();
  rmSync(b.data, { recursive: true });
  await b.start();
  await sleep(1000);
  assert.is((await b.mainStatus()).role, "waiting", "it does not vote as the one that it was");
  assert.match(await admin(a, "replace", "b", at(b)), /quorum 2/);
  await c.kill();
  assert.match(await admin(await cluster.leader(), "replace", "c", at(d)), /voters: a, b, d \(quorum 2\)/);
  await load.end("replace a wiped and a dead member");
});

test("what cannot be is told with what to type instead", async () => {
  await using cluster = await lone(3);
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  const refused = async (words: readonly string[], code: number, says: RegExp): Promise<void> => {
    const result = await draft(["admin", ...words, "-c", a.address, "--timeout-ms", "5000"]);
    assert.is(result.code, code, result.err);
    assert.match(result.err, says);
  };
  await c.kill();
  await refused(["add", at(c)], 1, /BAD_REQUEST c cannot be added: nobody answers at/);
  await refused(["add", `x@${b.address}`], 1, /the node at .* is b/);
  await refused(["del", "a"], 1, /WOULD_LOSE_QUORUM/);
  await refused(["promote", "z"], 1, /NOT_FOUND no member is called 'z'/);
  await refused(["add", "b"], 2, /want id@host:port/);
  await refused(["add"], 2, /ID@HOST:PORT/);
});

test.run();
