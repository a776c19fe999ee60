/** What goes wrong while a follower fetches a snapshot, besides what goes wrong at any time. */
import { nextFloat } from "../base/random.ts";
import { type Act, around, atNextStep, cutFor, type FaultHands, ms, others } from "./fault_hands.ts";
import type { Fault, Settings } from "./script.ts";
import type { SimMachine } from "./sim_machine.ts";
import { pick, streamOf } from "./streams.ts";

const TRANSFER_TIMEOUT_MS = 1000;

/** The part of runs with snapshots and faults in which one fetches that hears nothing. */
const DEAF_PART = 0.3;

/** In some of the runs with snapshots, followers that begin to fetch hear nothing meanwhile. */
export function drawDeafFetches(seed: number, settings: Settings): Fault[] {
  const random = streamOf(seed, "deaf fetches");
  if (settings.snapshots === undefined || settings.features.length === 0 || settings.nodes < 3 || nextFloat(random) >= DEAF_PART) return [];
  const faults: Fault[] = [];
  for (let atMs = 2000 * nextFloat(random); atMs < settings.safetyMs; atMs += 500 + 4000 * nextFloat(random)) {
    const [cutMs, forMs] = [pick(random, [0.5, 1, 2]), pick(random, [2, 4, 8])].map((timeouts) => timeouts * settings.electionMaxMs) as [number, number];
    faults.push({ id: "", atMs, kind: "deaf-at-fetch", cutMs, forMs });
  }
  return faults;
}

/** The acts of fetches. */
export const FETCH_FAULTS: { readonly "deaf-at-fetch": Act<"deaf-at-fetch"> } = {
  "deaf-at-fetch": (hands, { cutMs, forMs }) => {
    atNextFetch(hands, (machine) => {
      const rest = others(hands, machine);
      cutFor(hands, around(machine, rest), cutMs);
      for (const { id } of rest) hands.cluster.net.ways.silence(id, machine.id);
      handOver(hands, rest);
      hands.later(cutMs + forMs, () => hands.cluster.net.ways.speak(machine.id));
    });
    return `will cut off whoever fetches a snapshot next for ${ms(cutMs)}, and let it hear no message for ${ms(forMs)} more`;
  },
};

/** Whoever leads hands over to another of these. */
function handOver(hands: FaultHands, among: readonly SimMachine[]): void {
  const leader = hands.cluster.leaderMachine();
  const heir = among.find((each) => each !== leader && each.isUp);
  if (leader === null || leader.server === null || leader.gate.isShut || heir === undefined) return;
  leader.server.requests.transfer("main", heir.id, TRANSFER_TIMEOUT_MS, () => {});
}

function atNextFetch(hands: FaultHands, act: (machine: SimMachine) => void): void {
  atNextStep(hands, (_machine, state) => state.fetchingIndex !== 0, (machine) => hands.later(0, () => act(machine)));
}
