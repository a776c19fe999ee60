/**
 * When a quorum was last heard: what keeps a leader in office (check-quorum, dissertation 6.2) and lets it renew its
 * followers' stickiness.
 */
import type { Now } from "./event.ts";
import { quorumValue } from "./quorum.ts";
import type { RaftState } from "./state.ts";
import type { MemberNumber } from "./types.ts";

/** When a majority, this node included, was last heard: the oldest moment of the freshest majority. */
export function quorumHeardMs(state: RaftState, now: Now): number {
  const heard = (member: MemberNumber): number =>
    member === state.config.self ? now.nowMs : (state.progress.get(member)?.lastHeardMs ?? Number.NEGATIVE_INFINITY);
  return quorumValue(state.voters, heard);
}

/** Whether, as far as this leader can know, `member` is there: it is linked, and was heard within the shortest election timeout. */
export function isThere(state: RaftState, member: MemberNumber, now: Now): boolean {
  if (member === state.config.self) return true;
  const progress = state.progress.get(member);
  return progress !== undefined && !progress.isCut && now.nowMs - progress.lastHeardMs < state.config.electionMinMs;
}

/** Whether this leader heard a quorum within one election timeout. */
export function heardQuorum(state: RaftState, now: Now): boolean {
  return now.nowMs - quorumHeardMs(state, now) < state.config.electionMinMs;
}

/** Whether no quorum was heard for the longest election timeout: then a leader steps down. */
export function lostQuorum(state: RaftState, now: Now): boolean {
  return now.nowMs - quorumHeardMs(state, now) >= state.config.electionMaxMs;
}
