/** What goes wrong while a follower fetches a snapshot, besides what goes wrong at any time. */
import { nextFloat, nextInRange } from "../base/random.ts";
import { type Act, around, atNextStep, cutFor, type FaultHands, handOverTo, ms, others, withMachine } from "./fault_hands.ts";
import type { Fault, Settings } from "./script.ts";
import type { FaultRule } from "./sim_faults.ts";
import type { SimMachine } from "./sim_machine.ts";
import { pick, streamOf } from "./streams.ts";

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

/** The part of runs with snapshots and faults in which one's own snapshot is late. */
const LATE_PART = 0.3;

/** Where somebody keeps all of its log, followers that begin to fetch hear the entries from it meanwhile. */
export function drawLateFetches(seed: number, settings: Settings): Fault[] {
  const random = streamOf(seed, "late fetches");
  if (settings.snapshots?.hoards === undefined || settings.features.length === 0) return [];
  const faults: Fault[] = [];
  for (let atMs = 2000 * nextFloat(random); atMs < settings.safetyMs; atMs += 500 + 3000 * nextFloat(random)) {
    faults.push({ id: "", atMs, kind: "late-at-fetch", forMs: pick(random, [2, 4, 8]) * settings.electionMaxMs });
  }
  return faults;
}

/** In some of the runs with snapshots, one's own is so slow that it fetches a newer one meanwhile. */
export function drawLateSnapshots(seed: number, settings: Settings): Fault[] {
  const random = streamOf(seed, "late snapshots");
  if (settings.snapshots === undefined || settings.features.length === 0 || settings.nodes < 3 || nextFloat(random) >= LATE_PART) return [];
  const faults: Fault[] = [];
  for (let atMs = 2000 * nextFloat(random); atMs < settings.safetyMs; atMs += 500 + 4000 * nextFloat(random)) {
    const cutMs = pick(random, [1, 2, 4]) * settings.electionMaxMs;
    faults.push({ id: "", atMs, kind: "late-at-snapshot", who: nextInRange(random, 1, settings.nodes), cutMs, forMs: cutMs + pick(random, [2, 4, 8]) * settings.electionMaxMs });
  }
  return faults;
}

/** The acts of fetches. */
export const FETCH_FAULTS: { readonly [K in "deaf-at-fetch" | "late-at-fetch" | "late-at-snapshot"]: Act<K> } = {
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
  "late-at-fetch": (hands, { forMs }) => {
    atNextFetch(hands, (machine) => {
      // Before that, whoever hears that it need not go on gives up.
      const rule: FaultRule = ({ kind, path }) => kind === "rename" && path.endsWith(".fetching") ? { stall: true } : null;
      const troubles = hands.troubles(machine);
      troubles.add(rule);
      handOver(hands, others(hands, machine).filter((each) => hasWhatFollows(each, machine)));
      hands.later(forMs, () => {
        troubles.remove(rule);
        machine.disk.release();
      });
    });
    return `will let the last step of whoever fetches a snapshot next stand still for ${ms(forMs)}, and somebody lead whose log goes back far enough`;
  },
  "late-at-snapshot": (hands, { who, cutMs, forMs }) => withMachine(hands, who, (machine) => {
    const troubles = hands.troubles(machine);
    let isNamed = false;
    const rule: FaultRule = ({ kind, path }) => {
      // From there on nothing takes it back: what it waits for is the log.
      if (kind === "rename" && path.endsWith(".writing") && !isNamed) {
        isNamed = true;
        cutFor(hands, around(machine, others(hands, machine)), cutMs);
        hands.later(forMs, () => {
          troubles.remove(rule);
          machine.disk.release();
        });
      }
      return isNamed && kind === "sync" && path.endsWith(".seg") ? { stall: true } : null;
    };
    troubles.add(rule);
    return `will let the log of ${machine.id} stand still at its next snapshot for ${ms(forMs)}, and isolate it for ${ms(cutMs)}`;
  }),
};

/** Whether the log of `one` begins no later than that of `other` ends. */
function hasWhatFollows(one: SimMachine, other: SimMachine): boolean {
  return one.state !== null && other.state !== null && one.state.trail.base.index <= other.state.trail.lastIndex;
}

/** Whoever leads hands over to another of these. */
function handOver(hands: FaultHands, among: readonly SimMachine[]): void {
  const leader = hands.cluster.leaderMachine();
  const heir = among.find((each) => each !== leader && each.isUp);
  if (heir !== undefined) handOverTo(hands, heir);
}

function atNextFetch(hands: FaultHands, act: (machine: SimMachine) => void): void {
  atNextStep(hands, (_machine, state) => state.fetchingIndex !== 0, (machine) => hands.later(0, () => act(machine)));
}
