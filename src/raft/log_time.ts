/**
 * What time an entry bears. Machines see no clock but this: it never falls, passes by entries only, and follows what a
 * majority of the voters' wall clocks have reached, so that one clock that is a year ahead expires nothing.
 */
import { quorumValue } from "./quorum.ts";
import type { RaftState } from "./state.ts";
import type { Now } from "./event.ts";

/** Starts a leader's log time at that of the newest entry. */
export function anchorLogTime(state: RaftState, now: Now): void {
  state.anchorLogMs = state.trail.timeMs;
  state.anchorNowMs = now.nowMs;
}

/**
 * The time that the leader's next entry bears: the newest entry's, continued by the monotonic clock, and forward to the
 * latest moment that the wall clocks of a majority of all voters have reached.
 */
export function logTimeMs(state: RaftState, now: Now): number {
  const continued = Math.floor(state.anchorLogMs + (now.nowMs - state.anchorNowMs));
  const reached = Math.floor(quorumValue(state.voters, (member) => reportedWallMs(state, member, now)));
  if (reached > continued) {
    state.anchorLogMs = reached;
    state.anchorNowMs = now.nowMs;
  }
  return Math.max(continued, reached, state.trail.timeMs);
}

/** What a voter's wall clock shows now, by its last report; one older than an election timeout counts as none. */
function reportedWallMs(state: RaftState, member: number, now: Now): number {
  if (member === state.config.self) return now.wallMs;
  const progress = state.progress.get(member);
  if (progress === undefined) return Number.NEGATIVE_INFINITY;
  const ageMs = now.nowMs - progress.wallHeardMs;
  return ageMs > state.config.electionMaxMs ? Number.NEGATIVE_INFINITY : progress.wallMs + ageMs;
}
