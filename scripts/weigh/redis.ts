/**
 * SET as redis-benchmark sends it: on the leader and on a follower of three nodes, beside a Redis alone that syncs before
 * it answers, and an etcd of three nodes, turn by turn on the same disk. Ratios are of the same round.
 */
import { TestCluster, type TestNode } from "../../test/e2e/processes.ts";
import { type Etcd, putsPerSecond, startEtcd } from "./etcd.ts";
import { isInstalled, type SetLoad, setsPerSecond, startRedis } from "./redis_tools.ts";
import { median, type Outcome, programOf, type Say, type WeighOptions } from "./weigh.ts";

const CONNECTIONS = [1, 64, 256];
const PIPELINES = [1, 16];
const ETCD_INFLIGHTS = [64, 256];

/** One caller at a time: fewer sets tell as much. */
const ONE_CALLER_FACTOR = 1 / 20;

const PIPELINES_FACTOR = 4;

function portOf({ address }: TestNode): number {
  return Number(address.split(":").at(-1));
}

/** @returns medians over the rounds, and of the ratios within a round */
export async function weighRedis(options: WeighOptions, say: Say): Promise<Outcome> {
  if (!isInstalled("redis-server") || !isInstalled("redis-benchmark")) throw new Error("redis-server and redis-benchmark are not installed");
  const figures: Record<string, number | string> = {};
  await using cluster = await TestCluster.start(programOf(options));
  const leader = await cluster.leader();
  const redis = await startRedis();
  const places = [["redis", redis.port], ["leader", portOf(leader)], ["follower", portOf(cluster.others(leader)[0] as TestNode)]] as const;
  await Promise.all(places.map(([, port]) => setsPerSecond(port, loadOf(options, 64, 16))));
  for (const pipeline of PIPELINES) {
    for (const connections of CONNECTIONS) {
      const load = loadOf(options, connections, pipeline);
      const rates: Record<string, number[]> = { redis: [], leader: [], follower: [] };
      for (let round = 0; round < options.rounds; round++) {
        for (const [place, port] of places) rates[place]?.push(await setsPerSecond(port, load));
        say(`-c ${connections} -P ${pipeline}: ${Object.entries(rates).map(([place, all]) => `${place} ${Math.round(all.at(-1) ?? 0)}`).join(", ")} a second`);
      }
      figures[`-c ${connections} -P ${pipeline}`] = toldBeside(rates);
    }
  }
  await redis.stop();
  if (isInstalled("etcd") && isInstalled("etcdctl", ["version"])) Object.assign(figures, await besideEtcd(options, portOf(leader), say));
  else say("etcd is not installed: nothing is said of it");
  return { isSound: true, figures };
}

/** As many sets as there are keys; fewer from one caller, more from many that send several at once. */
function loadOf({ keys, valueBytes }: WeighOptions, connections: number, pipeline: number): SetLoad {
  const factor = connections * pipeline === 1 ? ONE_CALLER_FACTOR : connections > 1 && pipeline > 1 ? PIPELINES_FACTOR : 1;
  return { connections, pipeline, requests: Math.ceil(keys * factor), keys, valueBytes };
}

function toldBeside(rates: Readonly<Record<string, readonly number[]>>): string {
  const alone = rates["redis"] ?? [];
  const beside = (place: string): string => {
    const all = rates[place] ?? [];
    return `${place} ${Math.round(median(all))}, ${median(all.map((rate, round) => rate / (alone[round] ?? rate))).toFixed(2)} of it`;
  };
  return `redis ${Math.round(median(alone))} a second; ${beside("leader")}; ${beside("follower")}`;
}

async function besideEtcd(options: WeighOptions, port: number, say: Say): Promise<Record<string, string>> {
  const etcd: Etcd = await startEtcd();
  const figures: Record<string, string> = {};
  try {
    const requests = options.keys;
    const { keys, valueBytes } = options;
    await putsPerSecond(etcd.leader, { inflight: 64, requests: Math.ceil(requests / 4), keys, valueBytes });
    for (const inflight of ETCD_INFLIGHTS) {
      const theirs: number[] = [];
      const ratios: number[] = [];
      const micros: number[] = [];
      for (let round = 0; round < options.rounds; round++) {
        const { perSecond, clientMicros } = await putsPerSecond(etcd.leader, { inflight, requests, keys, valueBytes });
        const ours = await setsPerSecond(port, loadOf(options, inflight, 1));
        theirs.push(perSecond);
        ratios.push(ours / perSecond);
        micros.push(clientMicros);
        say(`${inflight} callers: etcd ${Math.round(perSecond)}, draft ${Math.round(ours)} a second`);
      }
      figures[`etcd, ${inflight} callers`] = `${Math.round(median(theirs))} a second, of which its client takes ${median(micros).toFixed(0)} µs each; draft's leader ${median(ratios).toFixed(1)} times that`;
    }
  } finally {
    await etcd.stop();
  }
  return figures;
}
