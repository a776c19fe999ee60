/** Draws what happens at leases: to leaders whose promises are about to end, and to those who gave them. */
import { nextFloat, type RandomState } from "../base/random.ts";
import type { Fault, Settings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";

/** The part of runs with faults in which leases are looked for. */
const LEASES_PART = 0.5;

/** So often, in election timeouts. */
const EVERY_TIMEOUTS: readonly number[] = [4, 6, 10];

/** What may be done, in any order. */
const WAYS = ["late answers", "restart", "hand over", "hand over late", "clock back"] as const;

/** The faults, in the order of their times. */
export function drawLeaseFaults(seed: number, { nodes, features, safetyMs, electionMinMs, electionMaxMs }: Settings): Fault[] {
  const random = streamOf(seed, "leases");
  if (nodes < 3 || features.length === 0 || nextFloat(random) >= LEASES_PART) return [];
  const everyMs = electionMaxMs * pick(random, EVERY_TIMEOUTS);
  const faults: Fault[] = [];
  for (let atMs = everyMs * nextFloat(random); atMs < safetyMs; atMs += everyMs * (0.5 + nextFloat(random))) {
    const how = pick(random, WAYS);
    const afterMs = electionMinMs * within(random, how);
    faults.push({ id: "", atMs, kind: "at-lease", how, afterMs, forMs: electionMaxMs * pick(random, [1, 2, 4]) });
  }
  return faults;
}

/** In election timeouts. */
function within(random: RandomState, how: (typeof WAYS)[number]): number {
  if (how === "restart") return 0.45 + 0.2 * nextFloat(random);
  return how === "hand over late" ? 1 + 0.03 * nextFloat(random) : 0.75 + 0.2 * nextFloat(random);
}
