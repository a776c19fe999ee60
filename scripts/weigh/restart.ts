/** A start of one node with a long log: how long until it is ready, what it says meanwhile, and what it takes of memory. */
import { type Running, sleep, TestCluster, type TestNode, until } from "../../test/e2e/processes.ts";
import { fill } from "./load.ts";
import { MIB, Usage, usageOf, waitedMs } from "./usage.ts";
import { median, type Outcome, programOf, type Say, type WeighOptions } from "./weigh.ts";

const READY_LIMIT_MS = 300_000;

/** Between two looks at a node that catches up: to be asked costs it time. */
const LOOK_MS = 50;

/** How long a start took, in milliseconds. */
interface Start {
  readonly readyMs: number;
  readonly caughtUpMs: number;
  readonly progressLines: number;
  /** How much of that it waited for a processor that others had. */
  readonly waitedMs: number;
  /** Whether it said of itself that it was not ready before it had caught up, and that it was afterwards. */
  readonly toldSo: boolean;
}

/** @returns medians over the rounds; `caughtUpMs`: until all that was known committed is applied */
export async function weighRestart(options: WeighOptions, say: Say): Promise<Outcome> {
  const { bytes, keys, valueBytes, rounds } = options;
  await using cluster = await TestCluster.start({
    size: 1, flags: ["--snapshot-entries", "1000000000", "--snapshot-bytes", "64GiB"], ...programOf(options),
  });
  const [node] = cluster.nodes as [TestNode];
  await fillLog(cluster, { bytes, keys, valueBytes, say });
  const { lastIndex, stateHash } = await node.mainStatus();
  const { logBytes, memoryBytes } = usageOf(node);
  say(`${lastIndex} entries, ${Math.round(logBytes / MIB)} MiB of log; ${Math.round(memoryBytes / MIB)} MiB of memory before it is killed`);
  const usage = new Usage(cluster.nodes);
  const starts: Start[] = [];
  let isSame = true;
  for (let round = 0; round < rounds; round++) {
    await node.kill();
    usage.reset();
    const start = await timed(node, lastIndex);
    usage.look();
    starts.push(start);
    const after = await node.mainStatus(60_000);
    isSame = isSame && after.stateHash === stateHash && start.toldSo;
    say(`ready after ${Math.round(start.readyMs)} ms, caught up after ${Math.round(start.caughtUpMs)} ms (${Math.round(start.waitedMs)} ms of it without a processor), ` +
      `${start.progressLines} lines of progress, memory ${usage.text("memoryBytes")}`);
  }
  usage.stop();
  return {
    isSound: isSame,
    figures: {
      entries: lastIndex, logBytes,
      readyMs: median(starts.map(({ readyMs }) => readyMs)), caughtUpMs: median(starts.map(({ caughtUpMs }) => caughtUpMs)),
      waitedMs: median(starts.map((start) => start.waitedMs)), progressLines: median(starts.map(({ progressLines }) => progressLines)), memoryBytes: usage.most.get(node.id)?.memoryBytes ?? 0,
    },
  };
}

/** One entry for each value, as clients write them; keys are overwritten in turn. */
async function fillLog(cluster: TestCluster, { bytes, keys, valueBytes, say }: Pick<WeighOptions, "bytes" | "keys" | "valueBytes"> & { say: Say }): Promise<void> {
  await using client = cluster.client(60_000);
  const node = cluster.nodes[0] as TestNode;
  const each = Math.min(keys, 20_000);
  for (let round = 0; usageBehind(await node.mainStatus(60_000), valueBytes) < bytes; round++) {
    const from = round * each % keys;
    await fill(client, { from, end: Math.min(keys, from + each), valueBytes, round, single: true });
    if (round % 10 === 0) say(`filling: ${Math.round(usageBehind(await node.mainStatus(60_000), valueBytes) / MIB)} of ${Math.round(bytes / MIB)} MiB`);
  }
}

/** Bytes of so many entries, about: header, envelope of the command, key. */
function usageBehind({ lastIndex }: { readonly lastIndex: number }, valueBytes: number): number {
  return lastIndex * (valueBytes + 120);
}

async function timed(node: TestNode, lastIndex: number): Promise<Start> {
  const beganMs = performance.now();
  const running = node.launch();
  await until("the node is ready", () => isReady(running), READY_LIMIT_MS);
  const readyMs = performance.now() - beganMs;
  let toldSo = true;
  await until("the node has caught up", async () => {
    const { ready, groups: [main] } = await node.status(60_000);
    const hasAll = (main?.appliedIndex ?? 0) >= lastIndex;
    toldSo = toldSo && (hasAll || !ready);
    await sleep(LOOK_MS);
    return ready && hasAll;
  }, READY_LIMIT_MS);
  const caughtUpMs = performance.now() - beganMs;
  const progressLines = running.err.match(/reads its log|restores its machine|entries applied/g)?.length ?? 0;
  return { readyMs, caughtUpMs, progressLines, waitedMs: waitedMs(running.pid), toldSo };
}

function isReady(running: Running): boolean {
  if (running.child.exitCode !== null) throw new Error(`the node ended: ${running.err}`);
  return running.out.includes("ready ");
}
