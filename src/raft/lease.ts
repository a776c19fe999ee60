/**
 * Leader leases (dissertation 6.4.1). A follower that answers its leader says for how long it will refuse to vote,
 * itself included. While such promises of a quorum hold nobody else can lead, so the leader answers reads without asking
 * anybody. A promise is counted from when the leader *sent* what was answered: the follower gave it later than that. It
 * is never stored as one moment for all; each read looks at the configuration in force, so a change of the members needs
 * no rule of its own.
 */
import type { Now } from "./event.ts";
import type { Progress } from "./progress.ts";
import { quorumValue } from "./quorum.ts";
import type { RaftState } from "./state.ts";
import type { MemberNumber } from "./types.ts";

/** By so much of its length a promise is taken for shorter: no two clocks may differ more in pace. */
const DRIFT_PART = 0.1;

/** Rounds whose answers may still come: two a heartbeat, and one a round trip. What is older promises nothing any more. */
const ROUNDS_MAX = 64;

/** A new round begins: what is sent from here on bears its number. */
export function beginRound(state: RaftState, { nowMs, wallMs }: Now): void {
  state.round += 1;
  state.rounds.push({ round: state.round, nowMs, wallMs });
  if (state.rounds.length > ROUNDS_MAX) state.rounds.shift();
}

/** Leaders: an answer to `round` came with a promise. */
export function notePromise(state: RaftState, progress: Progress, round: number, promiseMs: number): void {
  const [oldest] = state.rounds;
  const sent = oldest === undefined ? undefined : state.rounds[round - oldest.round];
  if (sent === undefined) return;
  const untilMs = sent.nowMs + promiseMs * (1 - DRIFT_PART);
  if (untilMs <= progress.promisedUntilMs) return;
  progress.promisedUntilMs = untilMs;
  progress.promisedSkewMs = sent.wallMs - sent.nowMs;
}

/** Leaders: whether nobody else can lead now, and what is committed anywhere is committed here. */
export function holdsLease(state: RaftState, now: Now): boolean {
  if (state.role !== "leader" || state.commitIndex < state.ownTermIndex) return false;
  // Whoever is told to campaign is voted for in spite of any promise, however late it hears of it.
  if (state.timeoutNowTerm === state.term) return false;
  return leaseEndMs(state, now) > now.nowMs;
}

/** Until when a quorum has promised not to vote for anybody else, by the monotonic clock; -Infinity: never. */
export function leaseEndMs(state: RaftState, now: Now): number {
  return quorumValue(state.voters, (member) => promisedUntilMs(state, member, now));
}

function promisedUntilMs(state: RaftState, member: MemberNumber, now: Now): number {
  if (member === state.config.self) return Number.POSITIVE_INFINITY;
  const progress = state.progress.get(member);
  if (progress === undefined) return Number.NEGATIVE_INFINITY;
  // While a machine is suspended its monotonic clock stands still and the others' go on: then the wall clock says so.
  return progress.promisedUntilMs - Math.max(0, now.wallMs - now.nowMs - progress.promisedSkewMs);
}

/**
 * Followers: for how long from now this node votes for nobody but its leader, itself included. No longer than its
 * directory says that it ever promised: whoever starts on that waits for as long.
 */
export function promiseMs(state: RaftState, now: Now): number {
  if (state.leaderId === 0 || state.heardFrom !== state.leaderId) return 0;
  const leftMs = state.leaderHeardMs + state.config.electionMinMs - now.nowMs;
  return Math.floor(Math.max(0, Math.min(leftMs, state.promiseMaxMs)));
}

/** Whether this node may have promised to others not to vote for `candidate` now. */
export function hasPromised(state: RaftState, candidate: MemberNumber, now: Now): boolean {
  if (isSilent(state, now)) return true;
  return candidate !== state.heardFrom && now.nowMs - state.leaderHeardMs < state.config.electionMinMs;
}

/** Whether promises of an earlier process of this node may still hold; nobody knows any more to whom. */
export function isSilent(state: RaftState, { nowMs }: Now): boolean {
  return nowMs < state.silentUntilMs;
}
