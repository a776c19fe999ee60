/** A counter is exactly right, though the nodes that count are killed and the writers ask again (X01). */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { connect } from "../../src/client/client.ts";
import { sleep, TestCluster } from "./processes.ts";

const KILLS = 8;
const CLIENTS = 4;
const LANES = 8;
const TIMEOUT_MS = 20_000;

const test = suite("exactly once");

interface Counted {
  acked: number;
  unknown: number;
  notDone: number;
}

/** Adds one, again and again, until `isOver`. */
async function count(addresses: readonly string[], counted: Counted, isOver: () => boolean): Promise<void> {
  await using client = connect(addresses, { timeoutMs: TIMEOUT_MS });
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      try {
        await client.write(["add", 1]);
        counted.acked += 1;
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        if (error.outcome === "unknown") counted.unknown += 1;
        else counted.notDone += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

test(`${KILLS} kills of the leader under ${CLIENTS * LANES} writers: what was acknowledged was counted, once, and nothing else`, async () => {
  await using cluster = await TestCluster.start({ flags: ["--machine", "counter", "--heartbeat-ms", "40", "--election-ms", "150-300"] });
  let isOver = false;
  const counted: Counted = { acked: 0, unknown: 0, notDone: 0 };
  const writers = Array.from({ length: CLIENTS }, () => count(cluster.addresses, counted, () => isOver));
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(300);
    const leader = await cluster.leader();
    await leader.kill();
    await sleep(100 + 60 * kill);
    await leader.start();
  }
  isOver = true;
  await Promise.all(writers);
  await using client = cluster.client(TIMEOUT_MS);
  const { result } = await client.read(["total"]);
  console.log(`\nexactly once: ${KILLS} kills, ${counted.acked} acknowledged, ${counted.unknown} unknown, ${counted.notDone} not done; total ${String(result)}`);
  assert.equal([counted.unknown, result], [0, counted.acked]);
  assert.ok(counted.acked > 500, "the writers got somewhere");
});

test.run();
