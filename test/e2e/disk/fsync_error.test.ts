/** A sync that fails, by strace: the node ends and tries nothing twice; what it had acknowledged is there. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, draftBinary, sleep, TestCluster, type TestNode, until } from "../processes.ts";
import { Workload } from "../workload.ts";
import { canTry, underStrace, whyNoStrace } from "./file_system.ts";

const test = suite("fsync_error");
const FLAGS = ["--heartbeat-ms", "60", "--election-ms", "300-600"];

async function failsAt(when: number, onLeader: boolean): Promise<string> {
  await using cluster = await TestCluster.start({ flags: FLAGS });
  const leader = await cluster.leader();
  const victim = onLeader ? leader : cluster.others(leader)[0] as TestNode;
  await victim.stop();
  // Counted in each thread by itself, so the first thread that has done so many fails.
  victim.program = underStrace(draftBinary(), `fdatasync:error=EIO:when=${when}`);
  const running = await victim.start();
  if (onLeader) {
    await using client = cluster.client();
    // It is refused at once while the others are only linking to it.
    await until("it leads", () => client.transfer(victim.id).then(() => true, () => false));
  }
  await using workload = new Workload(cluster.addresses);
  assert.is(await running.end(), 12, running.err);
  const last = running.err.trim().split("\n").at(-1) ?? "";
  assert.match(last, /^\(error\) STORAGE_FAILED .*cannot be written: .*EIO.*; check the disk, then: draft serve --data \S+$/, last);
  assert.match(last, victim.data);
  const flight = join(victim.data, "flight/2.rec");
  assert.match(running.err, `draft sim --replay ${flight}`);
  const replayed = await draft(["sim", "--replay", flight]);
  assert.is(replayed.code, 0, replayed.err);
  assert.match(replayed.out, new RegExp(`${victim.id} ends: STORAGE_FAILED, .*EIO[^]*each did again what it had done`));
  victim.running = null;
  await cluster.leader();
  const before = workload.told.acked;
  await until("the others go on", () => workload.told.acked > before + 100);
  victim.program = [draftBinary()];
  await victim.start();
  await sleep(300);
  await workload.stop();
  await using client = cluster.client();
  await workload.check(client);
  return workload.summary();
}

if (canTry("EIO from fdatasync", whyNoStrace())) {
  test("F11: EIO from fdatasync ends the node with 12, and the cluster loses nothing", async () => {
    console.log(`\nEIO on a follower: ${await failsAt(40, false)}`);
    console.log(`EIO on the leader: ${await failsAt(60, true)}`);
  });
} else {
  test.skip("F11: EIO from fdatasync");
}

test.run();
