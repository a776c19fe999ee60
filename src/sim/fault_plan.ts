/** Draws what goes wrong in a run, and when. */
import { nextFloat, nextInRange, type RandomState } from "../base/random.ts";
import { DEPOSED, FEATURES } from "./features.ts";
import { drawDeafFetches, drawLateFetches, drawLateSnapshots } from "./fetch_acts.ts";
import { drawChanges } from "./membership_plan.ts";
import type { Fault, FaultBody, FaultKind, Settings, Who } from "./script.ts";
import { drawLeaseFaults } from "./lease_plan.ts";
import { pick, streamOf } from "./streams.ts";
import { drawInstalls } from "./version_plan.ts";

/** How much rarer faults of one feature come than if all came equally often. */
const RARITIES: readonly number[] = [0.4, 1, 2.5];

/** Longest election timeouts that a leader is cut off, and then has to catch up; the terms come one after the other. */
const DEPOSED_TIMEOUTS: readonly number[] = [1, 2, 3];
/** None: whoever is back meets the third of its leaders before the second could tell it anything. */
const BACK_TIMEOUTS: readonly number[] = [0, 0, 0.05, 0.5, 2];

/** What damages a machine beyond what its node can promise: at most a minority may be met. */
const DAMAGE: ReadonlySet<FaultKind> = new Set(["wipe", "flip", "rot-at-rest", "bad-sector", "misdirect", "lost-write", "lie"]);

interface Plan {
  readonly settings: Settings;
  readonly random: RandomState;
  /** Machines that may be damaged. */
  readonly fragile: readonly number[];
}

/** The faults of `seed`, in the order of their times. */
export function drawFaults(seed: number, settings: Settings): Fault[] {
  const shuffle = streamOf(seed, "fragile");
  const places = Array.from({ length: settings.nodes }, (_, at) => at + 1);
  const fragile: number[] = [];
  const fragileMax = fragileOf(settings);
  while (fragile.length < fragileMax) {
    fragile.push(places.splice(nextInRange(shuffle, 0, places.length - 1), 1)[0] as number);
  }
  const faults: Fault[] = [];
  for (const feature of settings.features) {
    const random = streamOf(seed, feature);
    const plan: Plan = { settings, random, fragile };
    if (feature === DEPOSED) {
      faults.push(...drawDepositions(random, settings));
      continue;
    }
    const everyMs = settings.faultEveryMs * settings.features.length * pick(random, RARITIES);
    for (let atMs = wait(random, everyMs); atMs < settings.safetyMs; atMs += wait(random, everyMs)) {
      const kind = pick(random, FEATURES[feature] ?? []);
      const body = drawBody(plan, kind);
      if (body !== null) faults.push({ id: "", atMs, ...body });
    }
  }
  faults.push(...drawCrashesAtSnapshots(seed, settings));
  faults.push(...drawInstalls(seed, settings));
  faults.push(...drawDeafFetches(seed, settings), ...drawLateFetches(seed, settings), ...drawLateSnapshots(seed, settings), ...drawChanges(seed, settings));
  faults.push(...drawLeaseFaults(seed, settings));
  faults.sort((a, b) => a.atMs - b.atMs);
  return faults.map((fault, at) => ({ ...fault, id: `f${at + 1}` }));
}

/** A minority. Where members come and go a minority of the machines may be a majority of the voters: each act looks then. */
function fragileOf({ nodes, membership }: Settings): number {
  if (membership === undefined) return Math.floor((nodes - 1) / 2);
  return membership.besides?.includes("damage") === true ? Math.ceil(nodes / 2) : 0;
}

/** In some of the runs with snapshots and faults, one machine after the other is told to end at its next one. */
function drawCrashesAtSnapshots(seed: number, settings: Settings): Fault[] {
  const random = streamOf(seed, "crashes at snapshots");
  if (settings.snapshots === undefined || settings.features.length === 0 || nextFloat(random) >= 0.4) return [];
  const plan: Plan = { settings, random, fragile: [] };
  const faults: Fault[] = [];
  for (let atMs = wait(random, 500); atMs < settings.safetyMs; atMs += wait(random, settings.gentle ? 2000 : 1000)) {
    const forMs = settings.electionMaxMs * pick(random, [0.1, 0.5, 1]);
    faults.push({ id: "", atMs, kind: "crash-at-snapshot", who: someMachine(plan), fetched: nextFloat(random) < 0.7, forMs, downMs: pick(random, [5, 50, 400]) });
  }
  return faults;
}

/** Whoever leads is cut off for so long that another one is elected; when it is back, that one's turn comes. */
function drawDepositions(random: RandomState, { safetyMs, electionMaxMs }: Settings): Fault[] {
  const faults: Fault[] = [];
  const timeouts = (choices: readonly number[]): number => electionMaxMs * pick(random, choices) * (0.7 + 0.6 * nextFloat(random));
  for (let atMs = timeouts(BACK_TIMEOUTS); atMs < safetyMs;) {
    const forMs = timeouts(DEPOSED_TIMEOUTS);
    faults.push({ id: "", atMs, kind: "isolate", who: 0, forMs });
    atMs += forMs + timeouts(BACK_TIMEOUTS);
  }
  return faults;
}

/** Between nothing and twice as long, whole milliseconds with some fraction, so that faults fall between events. */
function wait(random: RandomState, everyMs: number): number {
  return 1 + nextFloat(random) * 2 * everyMs;
}

function drawBody(plan: Plan, kind: FaultKind): FaultBody | null {
  if (DAMAGE.has(kind)) return drawDamage(plan, kind);
  return drawProcessFault(plan, kind) ?? drawNetworkFault(plan, kind) ?? drawDiskFault(plan, kind);
}

function drawProcessFault(plan: Plan, kind: FaultKind): FaultBody | null {
  const { random } = plan;
  const downMs = pick(random, [5, 50, 400, 2000]) * (0.5 + nextFloat(random));
  switch (kind) {
    case "crash": return { kind, who: someone(plan), downMs, silent: nextFloat(random) < 0.3 };
    case "crash-all": return { kind, downMs };
    case "crash-at-call": {
      const again = Array.from({ length: nextInRange(random, 0, 3) }, () => nextInRange(random, 1, 40));
      return { kind, who: someone(plan), calls: nextInRange(random, 1, 60), killed: nextFloat(random) < 0.3, again, downMs };
    }
    case "kill": return { kind, who: someone(plan), downMs };
    case "stop": return { kind, who: someone(plan), downMs };
    case "pause": return { kind, who: someone(plan), forMs: lasting(plan), atTurn: nextFloat(random) < 0.5 };
    case "wall-jump": return { kind, who: someone(plan), byMs: pick(random, [-3_600_000, -2000, -50, 50, 2000, 86_400_000, 31_536_000_000]) };
    case "transfer": return { kind, to: someMachine(plan) };
    default: return null;
  }
}

function drawNetworkFault(plan: Plan, kind: FaultKind): FaultBody | null {
  const { random, settings } = plan;
  const forMs = lasting(plan);
  switch (kind) {
    case "split": return { kind, sides: Array.from({ length: settings.nodes }, () => nextInRange(random, 0, 1)), forMs };
    case "isolate": return { kind, who: someone(plan), forMs };
    case "ring": return { kind, forMs };
    case "bridge": return { kind, who: someMachine(plan), forMs };
    case "one-way": return { kind, from: someone(plan), to: someMachine(plan), forMs };
    case "deaf": return { kind, who: someone(plan), forMs };
    case "mute": return { kind, who: someone(plan), forMs };
    case "reset": return { kind, a: someone(plan), b: someMachine(plan) };
    case "clog": return { kind, from: someone(plan), to: someMachine(plan), bytesPerMs: pick(random, [0.5, 5, 50]), forMs };
    default: return null;
  }
}

function drawDiskFault(plan: Plan, kind: FaultKind): FaultBody | null {
  const { random } = plan;
  const forMs = lasting(plan);
  switch (kind) {
    case "slow-disk": return { kind, who: someone(plan), factor: pick(random, [5, 20, 100]), forMs };
    case "stall": return { kind, who: someone(plan), forMs, call: pick(random, ["sync", "write", "any"] as const) };
    case "eio": return {
      kind, who: someone(plan), call: pick(random, ["read", "write", "sync", "syncDirectory"] as const), afterCalls: nextInRange(random, 0, 20),
      powerCycle: nextFloat(random) < 0.5, downMs: nextInRange(random, 5, 1000),
    };
    case "full": return { kind, who: someone(plan), slackBytes: pick(random, [0, 1000, 10_000]), forMs };
    case "short-writes": return { kind, who: someone(plan), forMs };
    default: return null;
  }
}

function drawDamage(plan: Plan, kind: FaultKind): FaultBody | null {
  const { random, fragile } = plan;
  if (fragile.length === 0) return null;
  const who = pick(random, fragile);
  switch (kind) {
    case "wipe": return { kind, who, downMs: nextInRange(random, 5, 1000) };
    case "flip": return { kind, who, file: nextInRange(random, 0, 63), position: nextFloat(random), bit: nextInRange(random, 0, 7), restart: nextFloat(random) < 0.5 };
    case "rot-at-rest": return { kind, who, backBytes: nextInRange(random, 0, 200), bit: nextInRange(random, 0, 7) };
    case "misdirect": return { kind, who, byBytes: pick(random, [-4096, -512, 8, 512, 2048]) };
    case "bad-sector": return { kind, who, file: nextInRange(random, 0, 63), position: nextFloat(random), restart: nextFloat(random) < 0.5 };
    case "lost-write": return { kind, who };
    // Mostly for so short that the mark file does not vouch for what is lost: nobody can tell then.
    case "lie": return { kind, who, forMs: pick(random, [10, 50, 50, 200, 200, lasting(plan)]), powerCycle: nextFloat(random) < 0.7, downMs: nextInRange(random, 5, 1000) };
    default: return null;
  }
}

/** Long against an election timeout, or short. */
function lasting({ random, settings }: Plan): number {
  return settings.electionMaxMs * pick(random, [0.1, 0.5, 1, 2, 5]) * (0.5 + nextFloat(random));
}

function someMachine({ random, settings }: Plan): number {
  return nextInRange(random, 1, settings.nodes);
}

/** Any machine; often the leader, whose faults matter most. */
function someone(plan: Plan): Who {
  return nextInRange(plan.random, 0, 2) === 0 ? 0 : someMachine(plan);
}
