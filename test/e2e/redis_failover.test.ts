/**
 * Client libraries write while the leader of three real nodes is killed, again and again. What was acknowledged is there;
 * and whoever is connected to a node that stays hears of no error, and every INCR of his is done once.
 */
import Redis6, { Cluster as Cluster6 } from "ioredis";
import { createClient, createCluster, createSentinel } from "redis";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sleep, TestCluster, type TestNode, until } from "./processes.ts";

const KILLS = 6;

const test = suite("redis failover");

/** One program that writes: its counter, and a key of its own for each write. */
interface Writer {
  readonly name: string;
  /** Whether its node is never killed. */
  readonly stays: boolean;
  readonly set: (key: string, value: string) => Promise<unknown>;
  readonly incr: (key: string) => Promise<number>;
  readonly close: () => unknown;
}

/** What became of one writer's writes. */
interface Told {
  readonly acknowledged: string[];
  readonly counts: number[];
  incrsSent: number;
  readonly errors: string[];
}

function address(node: TestNode): { host: string; port: number } {
  const [host = "", port = ""] = node.address.split(":");
  return { host, port: Number(port) };
}

const ignore = (): void => {};

async function openWriters(nodes: readonly TestNode[], stays: TestNode): Promise<Writer[]> {
  const all = nodes.map(address);
  const url = `redis://${stays.address}`;
  const direct6 = new Redis6({ ...address(stays) });
  const sentinel6 = new Redis6({ sentinels: all, name: "main", autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, sentinelRetryStrategy: () => 50, retryStrategy: () => 50 });
  const cluster6 = new Cluster6(all, { clusterRetryStrategy: () => 50, retryDelayOnFailover: 50 });
  const directNode = createClient({ url });
  const clusterNode = createCluster({ rootNodes: all.map((socket) => ({ socket })) });
  const sentinelNode = createSentinel({ name: "main", sentinelRootNodes: all });
  for (const client of [direct6, sentinel6, cluster6, directNode, clusterNode, sentinelNode]) (client as Redis6).on("error", ignore);
  await Promise.all([directNode.connect(), clusterNode.connect(), sentinelNode.connect()]);
  return [
    { name: "ioredis", stays: true, set: (key, value) => direct6.set(key, value), incr: (key) => direct6.incr(key), close: () => direct6.disconnect() },
    { name: "ioredis sentinel", stays: false, set: (key, value) => sentinel6.set(key, value), incr: (key) => sentinel6.incr(key), close: () => sentinel6.disconnect() },
    { name: "ioredis cluster", stays: false, set: (key, value) => cluster6.set(key, value), incr: (key) => cluster6.incr(key), close: () => cluster6.disconnect() },
    { name: "node-redis", stays: true, set: (key, value) => directNode.set(key, value), incr: (key) => directNode.incr(key), close: () => directNode.destroy() },
    { name: "node-redis cluster", stays: false, set: (key, value) => clusterNode.set(key, value), incr: (key) => clusterNode.incr(key), close: () => clusterNode.destroy() },
    { name: "node-redis sentinel", stays: false, set: (key, value) => sentinelNode.set(key, value), incr: (key) => sentinelNode.incr(key), close: () => sentinelNode.destroy() },
  ];
}

/** Writes until it is told to stop, a few at a time. */
async function write({ name, set, incr }: Writer, told: Told, goesOn: () => boolean): Promise<void> {
  for (let i = 0; goesOn(); i++) {
    const noted = (what: Promise<unknown>, done: (value: unknown) => void): Promise<void> => what.then(done, (error: Error) => void told.errors.push(error.message));
    const key = `w/${name}/${i}`;
    told.incrsSent += 1;
    await Promise.all([
      noted(set(key, String(i)), () => told.acknowledged.push(key)),
      noted(incr(`n/${name}`), (count) => told.counts.push(Number(count))),
    ]);
    await sleep(2);
  }
}

test(`${KILLS} kills of the leader lose no acknowledged write, and double none`, async () => {
  await using cluster = await TestCluster.start({ flags: ["--heartbeat-ms", "40", "--election-ms", "150-300"] });
  const stays = cluster.others(await cluster.leader())[0] as TestNode;
  const writers = await openWriters(cluster.nodes, stays);
  const told = writers.map((): Told => ({ acknowledged: [], counts: [], incrsSent: 0, errors: [] }));
  let goesOn = true;
  const done = writers.map((writer, at) => write(writer, told[at] as Told, () => goesOn));
  for (let round = 0; round < KILLS; round++) {
    await sleep(500);
    const leader = await cluster.leader();
    // Whoever stays may have come to lead: it hands over, for it is not to be killed.
    const victim = leader === stays ? await handOver(cluster, stays) : leader;
    await victim.kill();
    await sleep(700);
    await victim.start();
  }
  await cluster.leader();
  await sleep(1000);
  goesOn = false;
  await Promise.all(done);
  for (const writer of writers) writer.close();

  await using client = cluster.client();
  for (const [at, { name, stays: isDirect }] of writers.entries()) {
    const { acknowledged, counts, incrsSent, errors } = told[at] as Told;
    const missing = [];
    for (const key of acknowledged) if ((await client.run(["get", key])).result !== key.split("/").at(-1)) missing.push(key);
    assert.equal(missing, [], `${name}: acknowledged and not there`);
    assert.equal(counts, [...new Set(counts)].sort((a, b) => a - b), `${name}: counts go up, each once`);
    const { result } = await client.run(["get", `n/${name}`]);
    assert.ok(acknowledged.length > 50, `${name} got somewhere: ${acknowledged.length}`);
    assert.ok(Number(result) >= counts.length, `${name}: ${String(result)} counted, ${counts.length} acknowledged`);
    if (isDirect) assert.equal([errors, Number(result)], [[], incrsSent], `${name}: every command is done once`);
    console.log(`\n${name}: ${acknowledged.length} of ${incrsSent} acknowledged, ${errors.length} errors ${JSON.stringify([...new Set(errors)].slice(0, 3))}`);
  }
});

/** Lets another node than `stays` lead; which. A transfer may come to nothing, and is asked for again then. */
async function handOver(cluster: TestCluster, stays: TestNode): Promise<TestNode> {
  const [other] = cluster.others(stays);
  await using client = cluster.client();
  return await until("another one leads", async () => {
    const leader = await cluster.leader();
    if (leader !== stays) return leader;
    await client.transfer(other?.id ?? "");
    return false;
  }, 30_000);
}

test.run();
