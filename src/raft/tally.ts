/**
 * What the members have reported of this node's newest check point, and what that comes to.
 */
import { dataVoterSets, quorumValue, type VoterSets } from "./quorum.ts";
import { currentConfiguration, type RaftState } from "./state.ts";
import type { Index, MemberNumber } from "./types.ts";
import type { Verdict } from "./verdict_entry.ts";

/** What can be said of the newest check point; null: reports are missing that would decide it. */
export type Tally = Exclude<Verdict, { outcome: "none" }> | null;

/** What the data voters have reported of the newest check point of this node, itself included. */
export function tally(state: RaftState): Tally {
  const { checkIndex: index } = state;
  const sets = dataVoterSets(currentConfiguration(state));
  const digests = reportedDigests(state, sets);
  const wins = (digest: number | null, orSilent: boolean): boolean => quorumValue(sets, (member) => {
    const reported = reportOf(state, member);
    return (reported === null ? orSilent : reported === digest) ? 1 : 0;
  }) === 1;
  for (const digest of digests) if (wins(digest, false)) return { outcome: "majority", index, digest };
  // Whoever has not reported may yet decide it.
  if (wins(null, true) || digests.some((digest) => wins(digest, true))) return null;
  return { outcome: "split", index };
}

/** Whether the follower's machine came to the same as this node's, at or behind `index`. */
export function hasSameState(state: RaftState, member: MemberNumber, index: Index): boolean {
  return state.checkIndex >= index && reportOf(state, member) === state.checkDigest;
}

/** Nobody is left to wait for: what was reported differs, or is too little to say anything. */
export function withoutMajority(state: RaftState): Verdict {
  const digests = reportedDigests(state, dataVoterSets(currentConfiguration(state)));
  return digests.length > 1 ? { outcome: "split", index: state.checkIndex } : { outcome: "none" };
}

function reportedDigests(state: RaftState, { incoming, outgoing }: VoterSets): number[] {
  const digests = new Set<number>();
  for (const member of [...incoming, ...outgoing]) {
    const digest = reportOf(state, member);
    if (digest !== null) digests.add(digest);
  }
  return [...digests];
}

/** The member's digest at this node's newest check point; null if it reported another one, or none. */
function reportOf(state: RaftState, member: MemberNumber): number | null {
  if (member === state.config.self) return state.checkDigest;
  const progress = state.progress.get(member);
  return progress !== undefined && progress.checkIndex === state.checkIndex ? progress.checkDigest : null;
}
