/**
 * What a seed stands for. Each run first draws which features are on, about half of them, and how strong; runs that
 * differ so much find more than runs that do a little of everything (Groce et al., Swarm Testing, 2012).
 */
import { nextFloat, nextInRange } from "../base/random.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { drawFaults } from "./fault_plan.ts";
import { DEPOSED, FEATURES } from "./features.ts";
import { drawOperations } from "./load_plan.ts";
import { drawQueueBytes, drawWays } from "./net_plan.ts";
import { changesVersions, drawMembership, drawWitnesses, withDamage } from "./membership_plan.ts";
import { isKnown } from "./known_machine.ts";
import { drawSessions } from "./session_plan.ts";
import { drawVersions } from "./version_plan.ts";
import type { LibraryClient, Script, Settings, SnapshotSettings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";
import { drawVerdicts } from "./verdict_plan.ts";

/** What a caller may fix. */
export interface SwarmOptions {
  readonly nodes?: number;
  /** Runs without any fault, to see what a quiet cluster costs. */
  readonly quiet?: boolean;
  readonly safetyMs?: number;
  /** Whether some clients are the library's own; drawn if nothing is said. */
  readonly library?: boolean;
  /** Whether single messages are lost, doubled and late; drawn if nothing is said. */
  readonly ways?: boolean;
  /** Whether machines keep their state on disk: those whose snapshots are streams may. Drawn for kv if nothing is said. */
  readonly engines?: boolean;
  /** Whether the machine changes, where it has versions, nobody goes astray and members stay; drawn if nothing is said. */
  readonly versions?: boolean;
  /** Whether members come and go; drawn if nothing is said, unless `nodes` says how many there are: then they stay. */
  readonly membership?: boolean;
  /** Whether some machines are witnesses, where there are three or more and members do not come and go; drawn if nothing is said. */
  readonly witnesses?: boolean;
  /** The machine that clients ask; kv if nothing is said. */
  readonly plugin?: AnyPlugin;
}

/** Sizes are mostly those that people run. */
const SIZES: readonly number[] = [3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 1, 2, 4, 6, 7];

/** The part of runs in which clients of the library take part: a run waits for each promise, and is slower. */
const LIBRARY_PART = 0.2;

/** The part of runs in which machines keep their state on disk. */
const ENGINES_PART = 0.15;

/** The part of runs in which nodes take snapshots. */
const SNAPSHOT_PART = 0.5;

/** The part of these in which one keeps all of its log. */
const HOARDER_PART = 0.3;

/** So many of the runs in which files rot have nodes that read them again. */
const SCRUB_PART = 0.7;

/** The run that `seed` stands for. */
export function drawScript(seed: number, options: SwarmOptions = {}): Script {
  const comeAndGo = options.quiet === true ? null : drawMembership(seed, options);
  const drawn = drawSettings(seed, comeAndGo === null ? options : { ...options, nodes: comeAndGo.nodes });
  const witnesses = options.quiet === true || comeAndGo !== null ? null : drawWitnesses(seed, drawn.nodes, options.witnesses);
  const membership = comeAndGo?.membership ?? witnesses;
  const library = drawLibrary(seed, drawn, options);
  // Where members change nobody is led astray: who is found is a majority's matter, and who votes changes.
  const verdicts = drawVerdicts(seed, drawn, membership === null);
  // A snapshot of one that is astray would lead others there, whom nothing could tell from it.
  const snapshots = verdicts.astray === undefined ? drawSnapshots(seed, drawn.nodes) : null;
  const ways = drawWays(seed, drawn, options.ways);
  const sessions = drawSessions(seed, drawn, library);
  const queueBytesMax = drawQueueBytes(seed);
  // The machine that goes astray is one plugin's.
  const asked = options.versions ?? (comeAndGo === null ? undefined : changesVersions(seed));
  const changes = asked !== false && options.quiet !== true && witnesses === null && verdicts.astray === undefined;
  const versions = !changes ? null : drawVersions(seed, drawn.nodes, options.plugin ?? null, asked);
  const settings: Settings = {
    ...drawn, ...(library.length === 0 ? {} : { library }), ...(snapshots === null ? {} : { snapshots }),
    ...(queueBytesMax === null ? {} : { queueBytesMax }), ...(ways.length === 0 ? {} : { ways }),
    ...(membership === null ? {} : { membership }), ...sessions, ...verdicts, features: withDamage(seed, verdicts.features, membership),
    ...(versions === null ? {} : { versions }), ...drawEngines(seed, options), ...(membership === null ? drawScrub(seed, drawn) : {}),
  };
  return {
    seed,
    settings,
    faults: drawFaults(seed, settings),
    operations: drawOperations(seed, settings, options.plugin === undefined || isKnown(options.plugin) ? null : options.plugin),
  };
}

function drawSettings(seed: number, options: SwarmOptions): Settings {
  const random = streamOf(seed, "swarm");
  const drawnNodes = pick(random, SIZES);
  const nodes = options.nodes ?? drawnNodes;
  const features = Object.keys(FEATURES).filter((name) => nextFloat(random) < (name === DEPOSED ? 0.6 : 0.4));
  const quiet = options.quiet === true || nextInRange(random, 0, 39) === 0;
  const electionMinMs = pick(random, [80, 150, 150, 300, 300]);
  const slowNet = nextFloat(random) < 0.3;
  const clockTrouble = nextFloat(random) < 0.5;
  const gentle = nextFloat(random) < 0.55;
  return {
    nodes,
    heartbeatMs: Math.max(5, Math.floor(electionMinMs / pick(random, [2, 4, 5, 8]))),
    electionMinMs,
    electionMaxMs: electionMinMs + pick(random, [electionMinMs, Math.floor(electionMinMs / 4), 10]),
    tailBytesMax: pick(random, [0, 256, 2048, 65_536, 2 ** 22]),
    segmentBytes: pick(random, [4096, 4096, 8192, 16_384, 65_536]),
    batchBytesMax: pick(random, [512, 4096, 2 ** 20]),
    appendEntriesMax: pick(random, [1, 3, 16, 16_384]),
    inflightAppendsMax: pick(random, [1, 2, 4, 256]),
    uncommittedBytesMax: pick(random, [1000, 20_000, 2 ** 20, 2 ** 20]),
    netDelayMs: slowNet ? pick(random, [3, 8]) : pick(random, [0.1, 0.5, 1]),
    netBytesPerMs: pick(random, [500, 10_000, 100_000]),
    netWindowBytes: pick(random, [2048, 65_536, 262_144]),
    netCutOneIn: pick(random, [0, 2, 4, 16]),
    diskDelayMaxMs: pick(random, [0.2, 0.5, 2, 8]),
    drift: draws(nodes, () => clockTrouble ? (nextFloat(random) - 0.5) * 6e-4 : 0),
    wallOffsetMs: draws(nodes, () => clockTrouble ? nextInRange(random, -5000, 5000) : 0),
    calmStart: quiet || nextFloat(random) < 0.7,
    clients: nextInRange(random, 1, 5),
    safetyMs: options.safetyMs ?? nextInRange(random, 3000, 12_000),
    freezeRest: nextFloat(random) < 0.5,
    gentle,
    faultEveryMs: pick(random, gentle ? [300, 800, 2000] : [80, 200, 500, 1200]),
    features: quiet ? [] : features,
  };
}

function drawLibrary(seed: number, { clients, nodes }: Settings, options: SwarmOptions): LibraryClient[] {
  const random = streamOf(seed, "library");
  const drawn = nextFloat(random) < LIBRARY_PART;
  if (!(options.library ?? drawn)) return [];
  const places = Array.from({ length: nodes }, (_, at) => at + 1);
  const chosen: LibraryClient[] = [];
  for (let client = 1; client <= clients; client++) {
    const isLibrary = client === 1 || nextFloat(random) < 0.5;
    const knows = nextFloat(random) < 0.5 ? places : [pick(random, places)];
    if (isLibrary) chosen.push({ client, knows });
  }
  return chosen;
}

/** Few entries a snapshot, so that logs are cut all the time; and some log behind it, or none. */
function drawSnapshots(seed: number, nodes: number): SnapshotSettings | null {
  const random = streamOf(seed, "snapshots");
  if (nextFloat(random) >= SNAPSHOT_PART) return null;
  // Half of them so soon, and with no log behind, that a snapshot ends within what a deposed leader has that nobody else has.
  const isDense = nextFloat(random) < 0.5;
  const taken = isDense ? { entries: nextInRange(random, 3, 10), retainBytes: 0 } : { entries: nextInRange(random, 5, 50), retainBytes: pick(random, [0, 0, 1000, 10_000]) };
  // Most snapshots here have some kilobytes: many pieces, so that lines break between them, or a rate that makes them late.
  const isSlow = nextFloat(random) < (isDense ? 0.25 : 0.5);
  const pieceBytes = pick(random, [128, 500, 4096, 65_536]);
  const servedBytesPerSecond = isSlow ? pick(random, [2000, 20_000]) : 2 ** 26;
  // Whoever waits longer for a piece than for a line that is dead gives up, and several may wait for one source.
  return { ...taken, pieceBytes: Math.min(pieceBytes, servedBytesPerSecond), servedBytesPerSecond, ...drawHoarder(seed, nodes) };
}

/** Whether what each machine has committed outlives its process. Of other plugins than kv nobody knows whether it may. */
function drawEngines(seed: number, { engines, plugin, quiet }: SwarmOptions): Pick<Settings, "engines"> {
  const isDrawn = nextFloat(streamOf(seed, "engines")) < ENGINES_PART;
  const mayBe = quiet !== true && (plugin === undefined || isKnown(plugin));
  return (engines ?? (isDrawn && mayBe)) ? { engines: true } : {};
}

/** Where files rot, most nodes look for it while they run; the others meet it when they read what they want. */
function drawScrub(seed: number, { features }: Settings): Pick<Settings, "scrubMs"> {
  const random = streamOf(seed, "scrub");
  return features.includes("rot") && nextFloat(random) < SCRUB_PART ? { scrubMs: pick(random, [200, 1000, 4000]) } : {};
}

/** One that keeps all of its log can lead whoever was away on without a snapshot. */
function drawHoarder(seed: number, nodes: number): Pick<SnapshotSettings, "hoards"> {
  const random = streamOf(seed, "hoarder");
  return nodes >= 3 && nextFloat(random) < HOARDER_PART ? { hoards: nextInRange(random, 1, nodes) } : {};
}

function draws(count: number, draw: () => number): number[] {
  return Array.from({ length: count }, draw);
}
