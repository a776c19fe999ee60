/** Redis's own tools and four client libraries, as they are, on the leader and on a follower of three real nodes. */
import { spawnSync } from "node:child_process";
import { RedisClient } from "bun";
import Redis6, { Cluster as Cluster6 } from "ioredis";
import Redis5, { Cluster as Cluster5 } from "ioredis-5";
import * as node6 from "redis";
import * as node5 from "redis-5";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run, TestCluster, type TestNode } from "./processes.ts";

const test = suite("redis clients");

let cluster: TestCluster;
/** The leader, and a follower. */
let nodes: TestNode[];
test.before(async () => {
  cluster = await TestCluster.start();
  const leader = await cluster.leader();
  nodes = [leader, ...cluster.others(leader).slice(0, 1)];
});
test.after(() => cluster[Symbol.asyncDispose]());

function portOf({ address }: TestNode): number {
  return Number(address.split(":").at(-1));
}

/** Whether Debian's redis-tools are there; said if not. */
function hasTools(): boolean {
  const isThere = spawnSync("redis-cli", ["--version"]).status === 0 && spawnSync("redis-benchmark", ["--version"]).status === 0;
  if (!isThere) console.log("\nskipped: redis-cli and redis-benchmark are not installed");
  return isThere;
}

if (hasTools()) {
  test("redis-cli: commands, RESP3, a transaction from its input, a scan, the cluster's nodes", async () => {
    for (const node of nodes) {
      const cli = async (args: readonly string[], input: string = ""): Promise<string> => (await run(["redis-cli", "-p", String(portOf(node)), ...args], { input })).out;
      assert.is(await cli(["set", "cli", "a b"]), "OK\n");
      assert.is(await cli(["--no-raw", "-3", "mget", "cli", "none"]), '1) "a b"\n2) (nil)\n');
      assert.is(await cli([], "multi\nset cli 1\nincr cli\nexec\n"), "OK\nQUEUED\nQUEUED\nOK\n2\n");
      assert.is(await cli(["incr", "cli", "x"]), "ERR wrong number of arguments for 'incr' command\n\n");
      assert.is(await cli(["--scan", "--pattern", "cl?"]), "cli\n");
      assert.is((await cli(["cluster", "nodes"])).trim().split("\n").length, 3);
    }
  });

  test("redis-cli -c follows MOVED, and reads where it may", async () => {
    const follower = nodes[1] as TestNode;
    const { out } = await run(["redis-cli", "-c", "-p", String(portOf(follower))], { input: "cluster slots\nset moved 1\nget moved\n" });
    assert.match(out, new RegExp(`-> Redirected to slot \\[\\d+\\] located at ${cluster.nodes.find((node) => node === nodes[0])?.address ?? ""}`));
    assert.match(out, /OK\n1\n/);
  });

  test("redis-benchmark: ping, set, get, incr and mset, plain and in pipelines", async () => {
    for (const node of nodes) {
      for (const [pipeline, connections] of [[1, 64], [16, 64], [16, 1]] as const) {
        const { out, err, code } = await run(["redis-benchmark", "-p", String(portOf(node)), "-t", "ping,set,get,incr,mset", "-n", "2000", "-c", String(connections), "-P", String(pipeline), "-r", "100", "--csv"], { limitMs: 60_000 });
        assert.is(code, 0, err);
        assert.equal(out.match(/^"(?:PING_INLINE|PING_MBULK|SET|GET|INCR|MSET \(10 keys\))"/gm)?.length, 6, out + err);
        assert.not.match(out + err, /error|warning/i);
      }
    }
  });
}

/** What each library is asked for, in its own words. */
interface Library {
  set(key: string, value: string): Promise<unknown>;
  get(key: string): Promise<unknown>;
  incr(key: string): Promise<unknown>;
  /** INCR and GET of the key, as one. */
  transact(key: string): Promise<unknown>;
  close(): Promise<unknown>;
}

type AnyIoredis = Redis6 | Cluster6;

function ioredis(client: AnyIoredis): Library {
  return {
    set: (key, value) => client.set(key, value),
    get: (key) => client.get(key),
    incr: (key) => client.incr(key),
    transact: async (key) => (await client.multi().incr(key).get(key).exec())?.map(([error, value]) => error ?? value),
    close: () => client.quit(),
  };
}

async function nodeRedis(given: unknown): Promise<Library> {
  const client = given as ReturnType<typeof node6.createClient>;
  client.on("error", (error: Error) => console.log(`\n${error.message}`));
  await client.connect();
  return {
    set: (key, value) => client.set(key, value),
    get: (key) => client.get(key),
    incr: (key) => client.incr(key),
    transact: (key) => client.multi().incr(key).get(key).exec(),
    close: () => client.close(),
  };
}

/** Each library, in each of its ways to find the leader. */
function libraries(port: number): Record<string, () => Library | Promise<Library>> {
  const [host, url] = ["127.0.0.1", `redis://127.0.0.1:${port}`];
  const sentinel = { name: "mymaster", sentinelRootNodes: [{ host, port }] };
  const sentinels = { name: "mymaster", sentinels: [{ host, port }] };
  // The older releases are called as the newer ones are.
  const [older5, olderCluster5] = [Redis5, Cluster5] as unknown as [typeof Redis6, typeof Cluster6];
  return {
    "ioredis 6": () => ioredis(new Redis6({ host, port })),
    "ioredis 6, RESP3": () => ioredis(new Redis6({ host, port, protocol: 3 })),
    "ioredis 6, cluster": () => ioredis(new Cluster6([{ host, port }])),
    "ioredis 6, sentinel": () => ioredis(new Redis6(sentinels)),
    "ioredis 5": () => ioredis(new older5({ host, port })),
    "ioredis 5, cluster": () => ioredis(new olderCluster5([{ host, port }])),
    "ioredis 5, sentinel": () => ioredis(new older5(sentinels)),
    "node-redis 6": () => nodeRedis(node6.createClient({ url })),
    "node-redis 6, RESP2": () => nodeRedis(node6.createClient({ url, RESP: 2 })),
    "node-redis 6, cluster": () => nodeRedis(node6.createCluster({ rootNodes: [{ url }] })),
    "node-redis 6, sentinel": () => nodeRedis(node6.createSentinel(sentinel)),
    "node-redis 5": () => nodeRedis(node5.createClient({ url })),
    "node-redis 5, RESP3": () => nodeRedis(node5.createClient({ url, RESP: 3 })),
    "node-redis 5, cluster": () => nodeRedis(node5.createCluster({ rootNodes: [{ url }] })),
    "node-redis 5, sentinel": () => nodeRedis(node5.createSentinel(sentinel)),
    "Bun's client": () => {
      const client = new RedisClient(url);
      return {
        set: (key, value) => client.set(key, value),
        get: (key) => client.get(key),
        incr: (key) => client.incr(key),
        transact: async (key) => [await client.incr(key), await client.get(key)],
        close: async () => client.close(),
      };
    },
  };
}

for (const [name, open] of Object.entries(libraries(0)).map(([each]) => [each, (port: number) => libraries(port)[each]?.()] as const)) {
  test(`${name}: values, counters, a transaction and a pipeline, on the leader and on a follower`, async () => {
    for (const node of nodes) {
      const library = await open(portOf(node)) as Library;
      const key = `${name} on ${node.id}`;
      assert.equal([await library.set(key, "1"), await library.get(key), await library.incr(key), await library.get(`${key}?`)], ["OK", "1", 2, null]);
      assert.equal(await library.transact(key), [3, "3"]);
      const pipeline = Array.from({ length: 200 }, (_, i) => (i % 4 === 3 ? library.get(key) : library.incr(key)));
      let count = 3;
      assert.equal(await Promise.all(pipeline), Array.from({ length: 200 }, (_, i) => (i % 4 === 3 ? String(count) : ++count)));
      await library.close();
    }
  });
}

test.run();
