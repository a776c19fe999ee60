/**
 * A state as plain data that shares nothing with it: what a checkpoint holds. A state made from an image goes on exactly
 * as the one that the image was taken of would have.
 */
import type { RandomState } from "../base/random.ts";
import type { Progress } from "./progress.ts";
import { voterSets } from "./quorum.ts";
import type { LeaderReads, PendingRead, PendingStore, RaftState, SentRound, Transfer } from "./state.ts";
import type { Run, Trail } from "./trail.ts";
import type { Configuration, Index, LogPoint, MemberNumber, RaftConfig, Role, Term } from "./types.ts";

/** The fields of a state that are one number each. */
export const NUMBERS = [
  "term", "votedFor", "storedTerm", "storedVote", "storedCommit", "leaderId", "commitIndex", "matchedIndex", "applyRequested", "lastApplied",
  "lastStore", "durableIndex", "durableTerm", "electionDeadlineMs", "leaderHeardMs", "heardFrom", "promiseMaxMs", "silentUntilMs", "timeoutNowTerm",
  "handedOverTo", "handOverNotBeforeMs", "ownVoteStore", "heartbeatDeadlineMs", "snapshotIndex", "fetchingIndex",
  "round", "ownTermIndex", "anchorLogMs", "anchorNowMs", "timeEntryIndex", "wakeBackoffMs", "wakeNotBeforeMs", "deadlineMs",
  "editNumber", "comparedIndex", "toldTerm", "toldLeader", "checkIndex", "checkDigest", "unjudgedSinceMs", "verdictIndex", "verdictNotBeforeMs",
] as const;

export type NumberField = (typeof NUMBERS)[number];

/** What a run has: first index, term, bytes before, chain. */
export const RUN_NUMBERS = 4;

/** The log as the core knows it. */
export interface TrailImage {
  readonly base: LogPoint;
  /** {@link RUN_NUMBERS} a run. */
  readonly runs: Float64Array;
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  readonly lastChain: number;
  readonly lastBytes: number;
  readonly timeMs: number;
  readonly keepFrom: Index;
  readonly recentFirst: Index;
  /** Entries that the rings have room for. */
  readonly capacity: number;
  /** Of the entries `recentFirst`..`lastIndex`. */
  readonly chains: Uint32Array;
  readonly ends: Float64Array;
}

/** A state between two steps. */
export interface RaftImage {
  readonly config: RaftConfig;
  readonly random: RandomState;
  readonly numbers: Readonly<Record<NumberField, number>>;
  readonly role: Role;
  readonly toldRole: Role;
  readonly wakeAtMs: number | null;
  readonly diskStalled: boolean;
  readonly diskFull: boolean;
  readonly trail: TrailImage;
  readonly configurations: readonly Configuration[];
  readonly pendingStores: readonly PendingStore[];
  readonly votes: readonly (readonly [MemberNumber, boolean])[];
  /** In the order in which they are sent to. */
  readonly progress: readonly Progress[];
  readonly transfer: Transfer | null;
  readonly reads: LeaderReads;
  readonly rounds: readonly SentRound[];
  readonly forwardedReads: readonly (readonly [number, number])[];
  readonly dropped: Readonly<Record<string, number>>;
}

/** The image of `state`, which no step is changing. */
export function imageOf(state: RaftState): RaftImage {
  const { role, toldRole, wakeAtMs, diskStalled, diskFull, reads } = state;
  const numbers = {} as Record<NumberField, number>;
  for (const name of NUMBERS) numbers[name] = state[name];
  return {
    config: { ...state.config },
    random: { ...state.random },
    numbers, role, toldRole, wakeAtMs, diskStalled, diskFull,
    trail: trailImage(state.trail),
    // A configuration is never changed once it is there.
    configurations: [...state.configurations],
    pendingStores: state.pendingStores.map((each) => ({ ...each })),
    votes: [...state.votes],
    progress: [...state.progress.values()].map(copyProgress),
    transfer: state.transfer === null ? null : { ...state.transfer },
    reads: copyReads(reads),
    rounds: [...state.rounds],
    forwardedReads: [...state.forwardedReads],
    dropped: { ...state.dropped },
  };
}

/** A state that goes on from `image`. */
export function stateOf(image: RaftImage): RaftState {
  const { role, toldRole, wakeAtMs, diskStalled, diskFull } = image;
  return {
    ...image.numbers,
    config: { ...image.config },
    random: { ...image.random },
    role, toldRole, wakeAtMs, diskStalled, diskFull,
    trail: trailOf(image.trail),
    configurations: [...image.configurations],
    voters: voterSets(image.configurations.at(-1) as Configuration),
    pendingStores: image.pendingStores.map((each) => ({ ...each })),
    votes: new Map(image.votes),
    progress: new Map(image.progress.map((each) => [each.member, copyProgress(each)])),
    transfer: image.transfer === null ? null : { ...image.transfer },
    reads: copyReads(image.reads),
    rounds: [...image.rounds],
    forwardedReads: new Map(image.forwardedReads),
    step: { truncateFrom: 0, reset: null, entries: [], messages: [] },
    effects: [],
    dropped: { ...image.dropped },
  };
}

function copyProgress(progress: Progress): Progress {
  return { ...progress, inflight: progress.inflight.map((each) => ({ ...each })) };
}

function copyReads({ waiting, confirming, round, confirmed }: LeaderReads): LeaderReads {
  const copy = (reads: readonly PendingRead[]): PendingRead[] => reads.map((each) => ({ ...each }));
  return { waiting: copy(waiting), confirming: copy(confirming), round, confirmed: copy(confirmed) };
}

function trailImage(trail: Trail): TrailImage {
  const { lastIndex, lastTerm, lastChain, lastBytes, timeMs, keepFrom, recentFirst } = trail;
  const capacity = trail.chains.length;
  const count = Math.max(0, lastIndex - recentFirst + 1);
  const runs = new Float64Array(trail.runs.length * RUN_NUMBERS);
  let at = 0;
  for (const run of trail.runs) {
    runs[at++] = run.first;
    runs[at++] = run.term;
    runs[at++] = run.bytesBefore;
    runs[at++] = run.chain;
  }
  return {
    base: { ...trail.base }, runs, lastIndex, lastTerm, lastChain, lastBytes, timeMs, keepFrom, recentFirst, capacity,
    chains: unrolled(trail.chains, recentFirst, new Uint32Array(count)),
    ends: unrolled(trail.ends, recentFirst, new Float64Array(count)),
  };
}

/** What the ring holds from `first` on, in order. */
function unrolled<T extends Uint32Array | Float64Array>(ring: T, first: Index, into: T): T {
  const from = first & (ring.length - 1);
  const untilEnd = Math.min(into.length, ring.length - from);
  into.set(ring.subarray(from, from + untilEnd));
  into.set(ring.subarray(0, into.length - untilEnd), untilEnd);
  return into;
}

function trailOf(image: TrailImage): Trail {
  const { base, lastIndex, lastTerm, lastChain, lastBytes, timeMs, keepFrom, recentFirst, capacity } = image;
  const runs: Run[] = [];
  for (let at = 0; at < image.runs.length; at += RUN_NUMBERS) {
    const [first = 0, term = 0, bytesBefore = 0, chain = 0] = image.runs.subarray(at, at + RUN_NUMBERS);
    runs.push({ first, term, bytesBefore, chain });
  }
  const chains = new Uint32Array(capacity);
  const ends = new Float64Array(capacity);
  for (let i = 0; i < image.chains.length; i++) {
    const at = (recentFirst + i) & (capacity - 1);
    chains[at] = image.chains[i] as number;
    ends[at] = image.ends[i] as number;
  }
  return { base: { ...base }, runs, lastIndex, lastTerm, lastChain, lastBytes, timeMs, keepFrom, recentFirst, chains, ends };
}
