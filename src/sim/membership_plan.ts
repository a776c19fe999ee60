/** Draws how the members of a run change: who founds, who waits to be added, and what is asked when. */
import { nextFloat, nextInRange, type RandomState } from "../base/random.ts";
import type { Besides, Fault, FaultBody, MembershipSettings, PlannedWish, Settings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";

/** Machines of a run, at most. */
const MACHINES_MAX = 7;

/** The part of runs with faults in which a number is likely to be given twice. */
const RIVAL_PART = 0.3;

/** The part of the runs of three machines and more in which there are witnesses. */
const WITNESS_PART = 0.1;

/** How many vote, one resize after the other. */
const WALKS: readonly (readonly number[])[] = [[3, 5, 3, 1, 3], [1, 3, 1, 3], [2, 1, 2, 3], [5, 3, 5], [4, 3, 4, 2], [3, 3, 3]];

/** Changes that are asked for in one request, and how often. */
const WISHES: readonly PlannedWish["what"][] = ["add", "add", "add", "learn", "remove", "remove", "promote", "promote", "demote", "replace"];

/** Where some of those that come are witnesses. */
const WITNESS_WISHES: readonly PlannedWish["what"][] = [...WISHES, "witness", "witness", "witness", "turn", "replace"];

/** What else may happen where members come and go, and the part of these runs in which some of it does. */
const BESIDES: readonly Besides[] = ["witnesses", "damage"];
const BESIDES_PART = 0.5;

/** The part of runs in which members come and go where the machine changes, too. */
const VERSIONS_PART = 0.3;

/** The part of runs in which members come and go, where nobody says how many nodes there are. */
const MEMBERS_PART = 1 / 3;

/**
 * Whether members come and go in the run of `seed`, and then how many machines it takes; null: all stay.
 *
 * @param asked `membership` decides, if it is there
 */
export function drawMembership(seed: number, asked: { nodes?: number; membership?: boolean }): { readonly nodes: number; readonly membership: MembershipSettings } | null {
  const { nodes, membership = nodes === undefined && nextFloat(streamOf(seed, "members")) < MEMBERS_PART } = asked;
  if (!membership) return null;
  const random = streamOf(seed, "membership");
  const founders = pick(random, [1, 2, 3, 3, 3, 4, 5]);
  const spares = nextInRange(random, 1, 4);
  const promoteWithinMs = pick(random, [300, 2000, 2000, 20_000]);
  const all = nodes ?? Math.min(founders + spares, MACHINES_MAX);
  const besides = drawBesides(seed);
  return { nodes: all, membership: { founders: Math.min(founders, all), promoteWithinMs, ...(besides.length === 0 ? {} : { besides }) } };
}

function drawBesides(seed: number): Besides[] {
  const random = streamOf(seed, "besides");
  if (nextFloat(random) >= BESIDES_PART) return [];
  return BESIDES.filter(() => nextFloat(random) < 0.6);
}

/** Whether the machine changes while members come and go. */
export function changesVersions(seed: number): boolean {
  return nextFloat(streamOf(seed, "versions besides")) < VERSIONS_PART;
}

/** What may go wrong in the run: where disks are to be damaged, something of that kind. */
export function withDamage(seed: number, features: readonly string[], membership: MembershipSettings | null): readonly string[] {
  const damaging = ["rot", "lies", "wipes"];
  const isWanted = membership?.besides?.includes("damage") === true && features.length > 0;
  return !isWanted || damaging.some((name) => features.includes(name)) ? features : [...features, pick(streamOf(seed, "damage besides"), damaging)];
}

/**
 * The part of the seeds in which some machines are witnesses: fewer than those that found the cluster with data. Where
 * members come and go there are none.
 */
export function drawWitnesses(seed: number, nodes: number, asked?: boolean): MembershipSettings | null {
  const random = streamOf(seed, "witnesses");
  const drawn = nextFloat(random) < WITNESS_PART;
  if (nodes < 3 || !(asked ?? drawn)) return null;
  return { founders: Math.floor(nodes / 2) + 1, promoteWithinMs: 20_000, witnesses: true };
}

/** They are asked for as soon as there is a cluster, and once more in case that came to nothing. */
function drawWitnessWishes(seed: number, { safetyMs, nodes }: Settings, founders: number): Fault[] {
  const random = streamOf(seed, "changes");
  const wishes = Array.from({ length: nodes - founders }, (_, at): PlannedWish => ({ what: "witness", who: founders + 1 + at, by: 0 }));
  return [10 * nextFloat(random), safetyMs * 0.4].map((atMs): Fault => ({ id: "", atMs, kind: "change", wishes, via: nextInRange(random, 1, founders), tries: 20 }));
}

/** What is asked, and what goes wrong just then, in any order. */
export function drawChanges(seed: number, settings: Settings): Fault[] {
  const { membership, safetyMs, nodes } = settings;
  if (membership === undefined) return [];
  if (membership.witnesses === true) return drawWitnessWishes(seed, settings, membership.founders);
  const random = streamOf(seed, "changes");
  const asking = (body: FaultBody, atMs: number): Fault => ({ id: "", atMs, ...body });
  const faults: Fault[] = [];
  if (nextFloat(random) < 0.6) {
    const walk = pick(random, WALKS);
    for (const [at, voters] of walk.entries()) {
      const atMs = safetyMs * (at + 0.5 * nextFloat(random)) / walk.length;
      faults.push(asking({ kind: "resize", voters, from: nextInRange(random, 0, nodes), via: nextInRange(random, 1, nodes), tries: 12 }, atMs));
    }
  }
  const everyMs = pick(random, [200, 500, 1000, 2500]);
  for (let atMs = everyMs * nextFloat(random); atMs < safetyMs; atMs += everyMs * (0.3 + 1.4 * nextFloat(random))) {
    faults.push(asking({ kind: "change", wishes: drawWishes(random, settings), via: nextInRange(random, 1, nodes), tries: pick(random, [1, 3, 8]) }, atMs));
    // Somebody else asks for something at the same time.
    if (nextFloat(random) < 0.2) faults.push(asking({ kind: "change", wishes: drawWishes(random, settings), via: nextInRange(random, 1, nodes), tries: 2 }, atMs + 50 * nextFloat(random)));
  }
  faults.push(...drawTroubles(random, settings), ...drawRivals(seed, settings), ...drawRepairs(seed, settings));
  return faults.filter(({ atMs }) => atMs < safetyMs);
}

function drawWishes(random: RandomState, { nodes, membership }: Settings): PlannedWish[] {
  if (nextFloat(random) < 0.1) return [{ what: "cancel", who: 0, by: 0 }];
  const count = pick(random, [1, 1, 1, 2, 3]);
  const wishes = membership?.besides?.includes("witnesses") === true ? WITNESS_WISHES : WISHES;
  return Array.from({ length: count }, () => ({ what: pick(random, wishes), who: nextInRange(random, 0, nodes), by: nextInRange(random, 0, nodes) }));
}

/** Where disks are damaged somebody looks after them, again and again. */
function drawRepairs(seed: number, { membership, safetyMs, nodes }: Settings): Fault[] {
  if (membership?.besides?.includes("damage") !== true) return [];
  const random = streamOf(seed, "repairs");
  const faults: Fault[] = [];
  for (let atMs = 1000 * nextFloat(random); atMs < safetyMs; atMs += 1000 + 2000 * nextFloat(random)) {
    const by = nextFloat(random) < 0.6 ? 0 : nextInRange(random, 1, nodes);
    faults.push({ id: "", atMs, kind: "change", wishes: [{ what: "replace", who: nextInRange(random, 0, nodes), by }], via: nextInRange(random, 1, nodes), tries: 10 });
  }
  return faults;
}

/** In some runs whoever takes a newcomer in is cut off with it, while the others take in another one. */
function drawRivals(seed: number, { safetyMs, electionMaxMs, features }: Settings): Fault[] {
  const random = streamOf(seed, "rivals");
  if (features.length === 0 || nextFloat(random) >= RIVAL_PART) return [];
  const faults: Fault[] = [];
  for (let atMs = 1000 * nextFloat(random); atMs < safetyMs; atMs += 3000 * (0.3 + 1.4 * nextFloat(random))) {
    faults.push({ id: "", atMs, kind: "at-change", when: "learner", how: "rival", afterMs: pick(random, [0, 0, 3]) * nextFloat(random), forMs: electionMaxMs * pick(random, [3, 6]) });
  }
  return faults;
}

/** What befalls a change while it is under way, and members whose directory is lost and which somebody has to replace. */
function drawTroubles(random: RandomState, { safetyMs, electionMaxMs, nodes, features, gentle }: Settings): Fault[] {
  const faults: Fault[] = [];
  if (features.length === 0) return faults;
  const everyMs = gentle ? 2000 : 900;
  for (let atMs = everyMs * nextFloat(random); atMs < safetyMs; atMs += everyMs * (0.3 + 1.4 * nextFloat(random))) {
    const forMs = electionMaxMs * pick(random, [0.1, 1, 3]) * (0.5 + nextFloat(random));
    faults.push({
      id: "", atMs, kind: "at-change", when: pick(random, ["learner", "joint", "joint", "left"] as const),
      how: pick(random, ["crash", "crash", "isolate", "aside", "newcomer", "transfer", "crash-all"] as const), afterMs: pick(random, [0, 0, 0.5, 3, 20]) * nextFloat(random), forMs,
    });
  }
  if (nextFloat(random) < 0.4) {
    const atMs = safetyMs * 0.8 * nextFloat(random);
    const who = nextInRange(random, 0, nodes);
    faults.push({ id: "", atMs, kind: "lose", who, downMs: 50 + 200 * nextFloat(random) });
    const by = nextFloat(random) < 0.6 ? 0 : nextInRange(random, 1, nodes);
    faults.push({ id: "", atMs: atMs + 400 * nextFloat(random), kind: "change", wishes: [{ what: "replace", who, by }], via: nextInRange(random, 1, nodes), tries: 20 });
  }
  return faults;
}
