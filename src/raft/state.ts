/**
 * The whole state of one group on one node. Mutated in place by `step`, and by nothing else; plain data, so that it
 * can be copied, hashed and printed.
 */
import type { RandomState } from "../base/random.ts";
import { nextInRange, seedRandom } from "../base/random.ts";
import type { Effect, Now } from "./event.ts";
import type { Message } from "./message.ts";
import { type Progress } from "./progress.ts";
import { type VoterSets, voterSets } from "./quorum.ts";
import type { Trail } from "./trail.ts";
import type { Configuration, HardState, Index, LogEntry, LogStart, MemberNumber, RaftConfig, Role, Term } from "./types.ts";

/** A store that was asked for and is not durable yet. */
export interface PendingStore {
  readonly store: number;
  readonly term: Term;
  /** The last index of the log once it is durable; lowered when a later store truncates. */
  lastIndex: Index;
}

/** A read that waits for its confirmation, or confirmed for its answer. */
export interface PendingRead {
  readonly readId: number;
  /** Who asked; this node itself or a follower, with its boot. */
  readonly from: MemberNumber;
  readonly fromIncarnation: number;
  readonly bootId: number;
  /** The commit index when its round began (dissertation 6.4 step 1). */
  index: Index;
}

/** Reads on the leader, in the order of their way. */
export interface LeaderReads {
  /** No entry of the leader's term is committed yet, or the next round has not begun. */
  waiting: PendingRead[];
  /** Use: one round is out at a time; more reads gather behind it. Invariant: empty if `round` is 0. */
  confirming: PendingRead[];
  round: number;
  /** A quorum confirmed them; they wait until this node has applied their index, to know what falls due. */
  confirmed: PendingRead[];
}

/** A round of a leader, and both clocks when it was sent. */
export interface SentRound extends Now {
  readonly round: number;
}

/** A transfer under way (dissertation 3.10). */
export interface Transfer {
  readonly to: MemberNumber;
  /** The term that it ends. */
  readonly term: Term;
  readonly deadlineMs: number;
  sent: boolean;
}

/** What the records of one step add up to; emptied by every step. */
export interface StepStore {
  truncateFrom: Index;
  reset: LogStart | null;
  entries: LogEntry[];
  messages: Message[];
}

export interface RaftState {
  readonly config: RaftConfig;
  readonly random: RandomState;

  /** Use: the term rule. Invariant: never falls. */
  term: Term;
  /** Use: one vote a term. Invariant: changes within a term only from 0. */
  votedFor: MemberNumber;
  /** Term and vote as last handed to a store. Invariant: equal to the two above outside of a step. */
  storedTerm: Term;
  storedVote: MemberNumber;
  /** Commit index as last handed to a store: what was durable then. Invariant: never falls; storedCommit ≤ commitIndex. */
  storedCommit: Index;
  role: Role;
  /** Use: where to send clients; stickiness. Invariant: at most one other than 0 in a term; self exactly if leader. */
  leaderId: MemberNumber;

  readonly trail: Trail;
  /** Use: a configuration holds from append. Invariant: ascending by index, at least one; the first is committed. */
  readonly configurations: Configuration[];
  /** Derived from the newest configuration. */
  voters: VoterSets;

  /** Invariant: never falls; base.index ≤ commitIndex ≤ lastIndex. */
  commitIndex: Index;
  /** Use: commits are believed up to here only. Invariant: the log through here equals that of the term's leader. */
  matchedIndex: Index;
  /** Use: `apply` effects reach this far. Invariant: lastApplied ≤ applyRequested ≤ commitIndex. */
  applyRequested: Index;
  lastApplied: Index;
  /** The machine's next moment in log time. */
  wakeAtMs: number | null;
  /** Use: what may leave the log. Invariant: a snapshot of it is durable; base.index ≤ snapshotIndex ≤ applyRequested. */
  snapshotIndex: Index;
  /** Use: what this node says of its machine with its acks. Invariant: checkIndex ≤ applyRequested. */
  checkIndex: Index;
  checkDigest: number;
  /** Leaders: log time from which the next verdict is counted; Infinity if there is nothing to judge. */
  unjudgedSinceMs: number;
  /** Followers: what the snapshot that is being fetched holds, or must at least hold; 0: none is being fetched. */
  fetchingIndex: Index;

  /** Use: no vote before the log was compared with a leader's (edited.ts). Number of the offline edit; 0: there is none. */
  editNumber: number;
  /** Use: the comparison ends there. Invariant: told by the leader of this term to this boot; 0 if it told nothing. */
  comparedIndex: Index;

  /** Number of the last store asked for. */
  lastStore: number;
  /** Invariant: ascending by store, each above every one that is durable. */
  readonly pendingStores: PendingStore[];
  /** Use: what may be acknowledged. Invariant: the log through here is durable on this node. */
  durableIndex: Index;
  /** The term that is durable on this node. */
  durableTerm: Term;

  /** Followers and candidates: when to campaign. */
  electionDeadlineMs: number;
  /** When a leader that had heard a quorum was last heard (stickiness, dissertation 4.2.3), and who; 0: none was. */
  leaderHeardMs: number;
  heardFrom: MemberNumber;
  /** Use: no promise is longer. Invariant: the data directory says so durably. */
  promiseMaxMs: number;
  /** Use: what an earlier process of this node promised may hold until then: nobody is voted for. */
  silentUntilMs: number;
  /** Candidates: votes of this round, one a member. */
  readonly votes: Map<MemberNumber, boolean>;
  /** Candidates: the store that makes the own vote durable; it counts only then. */
  ownVoteStore: number;

  /** Leaders: every other member. */
  readonly progress: Map<MemberNumber, Progress>;
  heartbeatDeadlineMs: number;
  /** Counts rounds of this node over all its terms, so that no answer fits two. */
  round: number;
  /** Leaders: the newest rounds of this term, one after the other. */
  rounds: SentRound[];
  /** The last term in which this node as its leader told another to campaign; 0: none. */
  timeoutNowTerm: Term;
  /** Leaders: index of the first entry of the own term; reads and commits wait for it. */
  ownTermIndex: Index;
  transfer: Transfer | null;
  readonly reads: LeaderReads;
  /** Followers: reads that were asked of the leader and not answered, and when, in the order of asking. */
  forwardedReads: Map<number, number>;
  /** Leaders: log time continues from `anchorLogMs` at `anchorNowMs`. */
  anchorLogMs: number;
  anchorNowMs: number;
  /** Leaders: index of the newest time entry; 0 if none of this term. */
  timeEntryIndex: Index;
  /** A machine whose moment does not move is asked again after this, doubling. */
  wakeBackoffMs: number;
  wakeNotBeforeMs: number;
  /** Leaders: index of the newest verdict entry; 0 if none of this term. Use: the next waits until it is applied. */
  verdictIndex: Index;
  /** Use: log time is asked for no earlier. */
  verdictNotBeforeMs: number;

  /** The disk makes no progress: no candidacy until a store completes. */
  diskStalled: boolean;
  diskFull: boolean;
  /** Leaders: whom this node asked last to take over because it serves badly; 0: nobody. And no earlier again than this. */
  handedOverTo: MemberNumber;
  handOverNotBeforeMs: number;

  /** Use: the node's one timer. The moment of the next `deadline` event; Infinity if none is wanted. */
  deadlineMs: number;
  /** What `step` last told with roleChanged. */
  toldRole: Role;
  toldTerm: Term;
  toldLeader: MemberNumber;

  readonly step: StepStore;
  /** Reused by every step. */
  readonly effects: Effect[];
  /** Input that was dropped, by reason. */
  readonly dropped: Record<string, number>;
}

/** What was found on disk. */
export interface Recovered {
  readonly hardState: HardState;
  /** The log, whole. Everything in it is durable. */
  readonly trail: Trail;
  /** Ascending by index; the first is the genesis' or the snapshot's. */
  readonly configurations: readonly Configuration[];
  /** The machine was restored from the snapshot of this entry; 0 if there is none. */
  readonly snapshotIndex: Index;
  /** Number of the offline edit that is not compared with a leader's log yet; 0 if there is none. */
  readonly editNumber: number;
}

/** A follower as it stands after a start. Its first event is `start`. */
export function createRaft(config: RaftConfig, recovered: Recovered): RaftState {
  const { hardState, trail } = recovered;
  const newest = recovered.configurations.at(-1) as Configuration;
  // What a snapshot holds was committed, whatever the hard state knew of it.
  const restored = Math.max(recovered.snapshotIndex, trail.base.index);
  const commitIndex = Math.min(Math.max(hardState.commitIndex, restored), trail.lastIndex);
  trail.keepFrom = commitIndex;
  return {
    config,
    random: seedRandom(config.seed),
    term: hardState.term,
    votedFor: hardState.votedFor,
    storedTerm: hardState.term,
    storedVote: hardState.votedFor,
    storedCommit: Math.min(hardState.commitIndex, commitIndex),
    role: "follower",
    leaderId: 0,
    trail,
    configurations: [...recovered.configurations],
    voters: voterSets(newest),
    commitIndex,
    matchedIndex: commitIndex,
    applyRequested: restored,
    lastApplied: restored,
    wakeAtMs: null,
    snapshotIndex: restored,
    checkIndex: 0, checkDigest: 0,
    unjudgedSinceMs: Number.POSITIVE_INFINITY,
    fetchingIndex: 0,
    editNumber: recovered.editNumber,
    comparedIndex: 0, lastStore: 0,
    pendingStores: [],
    durableIndex: trail.lastIndex,
    durableTerm: hardState.term,
    electionDeadlineMs: Number.POSITIVE_INFINITY,
    leaderHeardMs: Number.NEGATIVE_INFINITY,
    heardFrom: 0,
    promiseMaxMs: config.promisedMs,
    silentUntilMs: config.promisedMs > 0 ? Number.POSITIVE_INFINITY : 0,
    votes: new Map(),
    ownVoteStore: 0,
    progress: new Map(),
    heartbeatDeadlineMs: Number.POSITIVE_INFINITY,
    round: 0,
    rounds: [],
    timeoutNowTerm: 0,
    ownTermIndex: 0,
    transfer: null,
    reads: { waiting: [], confirming: [], round: 0, confirmed: [] },
    forwardedReads: new Map(),
    anchorLogMs: 0,
    anchorNowMs: 0,
    timeEntryIndex: 0,
    wakeBackoffMs: 0,
    wakeNotBeforeMs: 0,
    verdictIndex: 0,
    verdictNotBeforeMs: 0,
    diskStalled: false,
    diskFull: false,
    handedOverTo: 0,
    handOverNotBeforeMs: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
    toldRole: "follower",
    toldTerm: hardState.term,
    toldLeader: 0,
    step: { truncateFrom: 0, reset: null, entries: [], messages: [] },
    effects: [],
    dropped: {},
  };
}

/** The configuration in force: the newest in the log, committed or not (dissertation 4.1). */
export function currentConfiguration(state: RaftState): Configuration {
  return state.configurations.at(-1) as Configuration;
}

/** An election timeout, drawn anew. */
export function drawElectionTimeout(state: RaftState): number {
  return nextInRange(state.random, state.config.electionMinMs, state.config.electionMaxMs);
}

/** Counts input that is ignored. */
export function drop(state: RaftState, reason: string): void {
  state.dropped[reason] = (state.dropped[reason] ?? 0) + 1;
}
