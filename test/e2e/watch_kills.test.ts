/** Watches over HTTP and with the library while leaders are killed: each change once, in order, and why a watch ends. */
import { execFile } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Client } from "../../src/client/client.ts";
import { EventReader } from "../gateway/event_source.ts";
import { sleep, TestCluster, type TestNode, until } from "./processes.ts";

const KILLS = 10;
const FLAGS = ["--heartbeat-ms", "40", "--election-ms", "150-300"];

const test = suite("watch under kills");

/** Hears changes over HTTP, on one node after the other. */
class HttpWatcher {
  readonly heard: string[] = [];
  readonly #cluster: TestCluster;
  readonly #ended: Promise<void>;
  readonly #stop: AbortController = new AbortController();
  #lastId = "";
  /** Streams that brought something, and then ended or broke. */
  resumed = 0;
  node: TestNode;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
    this.node = cluster.nodes[0] as TestNode;
    this.#ended = this.#run();
  }

  async #run(): Promise<void> {
    for (let at = 0; !this.#stop.signal.aborted; at++) {
      this.node = this.#cluster.nodes[at % this.#cluster.nodes.length] as TestNode;
      if (await this.#follow().catch(() => false)) this.resumed += 1;
      else await sleep(20);
    }
  }

  async #follow(): Promise<boolean> {
    const before = this.heard.length;
    try {
      await using events = await EventReader.open(`http://${this.node.address}/v1/watch?prefix=n/&from=1`, this.#lastId, this.#stop.signal);
      for (let event = await events.next(); event !== null; event = await events.next()) {
        if (event.type === "message") this.heard.push(`${event.id} ${(event.data as { value: string }).value}`);
        this.#lastId = events.lastId;
      }
    } catch {
      // A node that is killed breaks its connections.
    }
    return this.heard.length > before;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

/** Hears changes with the library, which looks for nodes itself. */
class LibraryWatcher {
  readonly heard: string[] = [];
  readonly #stop: AbortController = new AbortController();
  readonly #ended: Promise<void>;

  constructor(client: Client) {
    this.#ended = this.#run(client);
  }

  async #run(client: Client): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const { index, n, value } of client.watch("n/", { from: 1, timeoutMs: 30_000, signal })) this.heard.push(`${index}.${n} ${String(value)}`);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

/** Writes one number after the other until it is told to end; each is acknowledged before the next. */
async function write(client: Client, isOver: () => boolean): Promise<string[]> {
  const written: string[] = [];
  for (let number = 1; !isOver(); number++) {
    const { index } = await client.run(["mset", "n/a", `${number}a`, "other", "x", "n/b", `${number}b`], { timeoutMs: 30_000 });
    written.push(`${index}.1 ${number}a`, `${index}.3 ${number}b`);
  }
  return written;
}

test("every change is heard once and in order, over HTTP and by the library, whoever dies", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  await using writing = cluster.client(30_000);
  await using watching = cluster.client(30_000);
  const http = new HttpWatcher(cluster);
  const library = new LibraryWatcher(watching);
  let isOver = false;
  const writes = write(writing, () => isOver);
  for (let round = 0; round < KILLS; round++) {
    const heardBefore = http.heard.length;
    await until("the watcher hears", () => http.heard.length > heardBefore + 20);
    // In turn the node that leads and the one that is watched.
    const victim = round % 2 === 0 ? await cluster.leader() : http.node;
    await victim.kill();
    await sleep(50 + (round * 137) % 500);
    await victim.start();
  }
  isOver = true;
  const written = await writes;
  for (const { heard } of [http, library]) await until("all is heard", () => heard.length >= written.length);
  await sleep(200);
  assert.equal(http.heard, written);
  assert.equal(library.heard, written);
  assert.ok(http.resumed >= KILLS / 2, `${http.resumed} streams ended`);
  await http.stop();
  await library.stop();
  console.log(`\nwatch under kills: ${written.length} changes, ${KILLS} kills, ${http.resumed} streams over HTTP`);
});

test("without a leader a stream ends with the reason, and none begins", async () => {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const leader = await cluster.leader();
  const [one, two] = cluster.others(leader) as [TestNode, TestNode];
  assert.is((await fetch(`http://${one.address}/v1/kv/k`, { method: "PUT", body: "v" })).status, 200);
  await using events = await EventReader.open(`http://${one.address}/v1/watch?from=1`);
  assert.is((await events.next())?.type, "message");
  await leader.kill();
  await two.kill();
  const end = await events.nextOf("end");
  assert.is((end.data as { error: { code: string } }).error.code, "NO_LEADER");
  assert.is(await events.next(), null);
  const refused = await fetch(`http://${one.address}/v1/watch?from=1`);
  assert.is(refused.status, 503);
  await refused.body?.cancel();
});

test("curl follows a watch, and is told that it lives while nothing changes", async () => {
  await using cluster = await TestCluster.start({ size: 1, flags: FLAGS });
  await using client = cluster.client();
  await client.run(["set", "c/1", "one"]);
  const { address } = cluster.nodes[0] as TestNode;
  const told = await new Promise<string | null>((resolve) => {
    execFile("curl", ["-sN", "--max-time", "8", `http://${address}/v1/watch?prefix=c/&from=1`], { encoding: "utf8" }, (error, out) => {
      resolve(error?.code === "ENOENT" ? null : out);
    });
  });
  if (told === null) return console.log("skipped: there is no curl on this machine");
  assert.match(told, /^id: \d+\.1\ndata: \{"key":"c\/1","value":"one","revision":\d+,"deleted":false\}\n\nevent: progress\nid: \d+\.0\ndata: \{"index":\d+\}\n\n/);
});

test.run();
