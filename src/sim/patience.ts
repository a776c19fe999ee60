/**
 * How long a healed core may take to serve, and its nodes to stop, and whether it may be expected to keep its leader, by what was drawn for the
 * run: a limit that is too wide hides what is slow, one that is too tight names what only has much to do.
 */
import type { RaftState } from "../raft/state.ts";
import type { Settings } from "./script.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimMachine } from "./sim_machine.ts";
import { DELAY_TAIL, type SimNet } from "./sim_net.ts";

/** For starts, dials and elections: a fixed part, and longest election timeouts. */
const BASE_MS = 6000;
const BASE_TIMEOUTS = 8;

const STOPPING_MS = 15_000;

/** Calls of the disk behind each other until one entry is read back, sent, stored and applied, with some for batches in flight. */
const DISK_CALLS = 16;

/**
 * What a follower costs that is brought up by one entry at a time, the next one behind the answer: that is how a run may
 * be drawn to be. A delay is twice the plain one on average at most, a call of the disk half the longest.
 */
export function entryMs({ netDelayMs, diskDelayMaxMs }: Settings): number {
  return 1 + 2 * 2 * netDelayMs + DISK_CALLS * diskDelayMaxMs / 2;
}

/**
 * Until a member gives up on a source that is cut off without a word: the silence that it bears, dials that come to
 * nothing, and a second source like that.
 */
const SILENT_SOURCE_MS = 40_000;

/** Calls of the disk and ways over the line for one piece of a snapshot. */
const PIECE_CALLS = 8;

/**
 * What fetching snapshots may cost: each of those that lack one may begin with a source that is silent, one node may
 * have to serve them all, and by then a newer one may be wanted.
 */
function fetchMs(settings: Settings, core: readonly SimMachine[]): number {
  const { snapshots, netDelayMs, diskDelayMaxMs } = settings;
  if (snapshots === undefined) return 0;
  const bytes = Math.max(0, ...core.map(({ disk }) => largestSnapshot(disk)));
  const { pieceBytes = bytes + 1, servedBytesPerSecond = Number.POSITIVE_INFINITY } = snapshots;
  const pieces = Math.ceil(bytes / pieceBytes);
  const once = bytes / servedBytesPerSecond * 1000 + pieces * PIECE_CALLS * (netDelayMs + diskDelayMaxMs / 2);
  return SILENT_SOURCE_MS + 2 * core.length * once;
}

function largestSnapshot(disk: SimDisk): number {
  return Math.max(0, ...disk.names.files().filter((path) => path.includes("/snapshots/")).map((path) => disk.content(path)?.length ?? 0));
}

/** How long a core may take that has so many entries to bring, or to read, one behind the other. */
export function patienceMs(settings: Settings, entries: number): number {
  return BASE_MS + BASE_TIMEOUTS * settings.electionMaxMs + entries * entryMs(settings);
}

/**
 * How long a core may take to serve, from now on: what whoever is furthest behind lacks is brought first, behind what is on
 * the lines already. One that has just started applies its log from the beginning; and logs grow meanwhile, for what was
 * not answered is sent again.
 */
export function patienceOf(settings: Settings, core: () => readonly SimMachine[], net: Pick<SimNet, "underWayMs">): () => number {
  const states = (): readonly RaftState[] => core().flatMap(({ state }) => state ?? []);
  const last = (): number => Math.max(0, ...states().map(({ trail }) => trail.lastIndex));
  const applied = Math.min(last(), ...states().map(({ lastApplied }) => lastApplied));
  const fixedMs = fetchMs(settings, core()) + net.underWayMs(core().map(({ id }) => id));
  return () => patienceMs(settings, last() - applied) + fixedMs;
}

/** How long those that are told to stop may take: what is not written yet is written first. */
export function stoppingMs(settings: Settings, stopping: readonly SimMachine[]): number {
  const unwritten = stopping.map(({ state }) => state === null ? 0 : state.trail.lastIndex - state.durableIndex);
  return STOPPING_MS + Math.max(0, ...unwritten) * entryMs(settings);
}

/**
 * Whether no delay that a line may draw makes a leader or its followers miss each other: a heartbeat that is just due
 * comes late, and so does its answer.
 */
export function isQuickEnough({ heartbeatMs, netDelayMs, electionMinMs }: Settings): boolean {
  return heartbeatMs + 2 * DELAY_TAIL * netDelayMs < electionMinMs;
}
