/** Draws on which ways messages are lost, doubled, late and kept, and how many may wait before a connection. */
import { nextFloat } from "../base/random.ts";
import type { LossyWay, Settings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";

/** The part of runs with faults in which single messages meet them, too. */
const WAYS_PART = 0.4;

/** The part of runs in which what waits for a peer soon is too much. */
const QUEUE_PART = 0.25;

/** Ways that are as good as any connection. */
const SOUND_PART = 0.25;

/** The ways of `seed`; `drawn` says whether there are any, if it is said. */
export function drawWays(seed: number, { nodes, features, electionMinMs }: Settings, drawn?: boolean): LossyWay[] {
  const random = streamOf(seed, "ways");
  const isDrawn = nextFloat(random) < WAYS_PART && features.length > 0;
  if (!(drawn ?? isDrawn)) return [];
  // Each is off in about every other run: what is lost hides what comes twice.
  const most = {
    lost: pick(random, [0, 0, 0.05, 0.3]), doubled: pick(random, [0, 0, 0.1, 0.3]),
    late: pick(random, [0, 0.05, 0.3]), kept: pick(random, [0, 0.1, 0.5]),
  };
  const lateMs = pick(random, [1, electionMinMs / 10, electionMinMs]);
  const ways: LossyWay[] = [];
  for (let from = 1; from <= nodes; from++) {
    for (let to = 1; to <= nodes; to++) {
      const part = nextFloat(random);
      const rates = {
        lost: most.lost * nextFloat(random), doubled: most.doubled * nextFloat(random),
        late: most.late * nextFloat(random), kept: most.kept * nextFloat(random),
      };
      if (from !== to && part >= SOUND_PART) ways.push({ from, to, ...rates, lateMs: lateMs * (0.5 + nextFloat(random)) });
    }
  }
  return Object.values(most).some((rate) => rate > 0) ? ways : [];
}

/** How many bytes may wait for one peer in the run of `seed`; null: as many as on a node that is told nothing. */
export function drawQueueBytes(seed: number): number | null {
  const random = streamOf(seed, "queues");
  return nextFloat(random) < QUEUE_PART ? pick(random, [1000, 5000, 20_000]) : null;
}
