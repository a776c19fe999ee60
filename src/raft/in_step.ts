/**
 * How a leader measures that a follower keeps up: by rounds (dissertation 4.2.1). A round is to make durable what stood in
 * the log when it began. A learner that did so within an election timeout may vote. A voter that keeps payloads and does so
 * is *in step*, and no witness is told of a position that one in step has not made durable yet: so a witness trails the
 * data in normal running, and whichever data voter is left wins its vote. One that was silent for an election timeout, or
 * left a position unacknowledged for as long, is out of step and held up for no longer, else losing it would stop all writes.
 */
import type { Now } from "./event.ts";
import type { Progress } from "./progress.ts";
import { dataVoterSets } from "./quorum.ts";
import { currentConfiguration, type RaftState } from "./state.ts";
import type { Index } from "./types.ts";

/** Whether the last round took the follower less than an election timeout. Begins the next one, so it is to be asked often. */
export function keepsUp(state: RaftState, progress: Progress, now: Now): boolean {
  const { electionMinMs } = state.config;
  if (progress.roundSinceMs === Number.NEGATIVE_INFINITY) beginRound(state, progress, now);
  else if (progress.matchIndex >= progress.roundIndex) {
    const isHeard = now.nowMs - progress.lastHeardMs < electionMinMs;
    progress.caughtUp = isHeard && now.nowMs - progress.roundSinceMs < electionMinMs;
    beginRound(state, progress, now);
  } else if (now.nowMs - progress.roundSinceMs >= electionMinMs) progress.caughtUp = false;
  return progress.caughtUp;
}

function beginRound(state: RaftState, progress: Progress, now: Now): void {
  progress.roundIndex = state.trail.lastIndex;
  progress.roundSinceMs = now.nowMs;
}

/** A new leader does not know who keeps up: it holds every data voter in step until that one has fallen out. */
export function holdAllInStep(state: RaftState, now: Now): void {
  for (const progress of dataVoters(state)) {
    progress.caughtUp = true;
    progress.roundIndex = state.trail.lastIndex + 1;
    progress.roundSinceMs = now.nowMs;
  }
}

/** Leaders: up to here a witness may be told positions: every data voter in step, and this node itself, has them durably. */
export function witnessEnd(state: RaftState, now: Now): Index {
  let end = state.durableIndex;
  for (const progress of dataVoters(state)) {
    if (keepsUp(state, progress, now)) end = Math.min(end, progress.matchIndex);
  }
  return end;
}

/** What is known of the other voters that keep payloads, in either half. */
function dataVoters(state: RaftState): Progress[] {
  const { incoming, outgoing } = dataVoterSets(currentConfiguration(state));
  return [...state.progress.values()].filter(({ member }) => incoming.includes(member) || outgoing.includes(member));
}
