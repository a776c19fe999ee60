/** Runs a simulated cluster whose nodes may restore machines: that hangs on promises, which need a real turn each. */
import type { SimCluster } from "../../src/sim/sim_cluster.ts";

/** Runs until `isOver`, or for `limitMs` of simulated time; false in that case. */
export async function runUntil(cluster: SimCluster, isOver: () => boolean, limitMs: number): Promise<boolean> {
  let hasPromised = false;
  cluster.watch = { promised: () => void (hasPromised = true) };
  const endMs = cluster.scheduler.nowMs + limitMs;
  while (!isOver()) {
    if (!cluster.step(endMs)) return false;
    if (!hasPromised) continue;
    hasPromised = false;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return true;
}

/** Runs for so long. */
export async function runFor(cluster: SimCluster, ms: number): Promise<void> {
  await runUntil(cluster, () => false, ms);
}
