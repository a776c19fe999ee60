/**
 * Majorities, of one set of voters or, during a joint step, of both (dissertation 4.3). Everything that a quorum decides
 * is one question here: what is the greatest value that a majority has reached?
 */
import type { Configuration, MemberNumber, MemberRole } from "./types.ts";

/** Who votes. Witnesses do, learners do not. */
export interface VoterSets {
  readonly incoming: readonly MemberNumber[];
  /** Empty unless the configuration is joint. */
  readonly outgoing: readonly MemberNumber[];
}

/** Whether a member of this role votes. "leaving", as member lists have it, is none. */
export function votes(role: MemberRole | "leaving" | null): boolean {
  return role === "voter" || role === "witness";
}

/** The voters of `configuration`. */
export function voterSets({ members, joint }: Configuration): VoterSets {
  return {
    incoming: members.filter(({ role }) => votes(role)).map(({ number }) => number),
    outgoing: joint ? members.filter(({ outgoingRole }) => votes(outgoingRole)).map(({ number }) => number) : [],
  };
}

/** The voters that keep the state: they alone can say what it comes to. */
export function dataVoterSets({ members, joint }: Configuration): VoterSets {
  return {
    incoming: members.filter(({ role }) => role === "voter").map(({ number }) => number),
    outgoing: joint ? members.filter(({ outgoingRole }) => outgoingRole === "voter").map(({ number }) => number) : [],
  };
}

/** Whether this member votes in either half. */
export function isVoting(sets: VoterSets, number: MemberNumber): boolean {
  return sets.incoming.includes(number) || sets.outgoing.includes(number);
}

/** How many of `voters` are a majority. */
export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The greatest value that a majority of the voters has reached, in both halves if joint: the commit index from match
 * indexes, the confirmed round from acknowledged rounds, the time of the last quorum from times heard.
 *
 * @param valueOf what each voter has reached; -Infinity for none
 * @returns -Infinity if nobody votes
 */
export function quorumValue(sets: VoterSets, valueOf: (member: MemberNumber) => number): number {
  const incoming = majorityValue(sets.incoming, valueOf);
  if (sets.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(sets.outgoing, valueOf));
}

/** Asked in every step of a leader: counting costs less for a handful of voters than a sorted copy. */
function majorityValue(voters: readonly MemberNumber[], valueOf: (member: MemberNumber) => number): number {
  const majority = majorityOf(voters.length);
  let best = Number.NEGATIVE_INFINITY;
  for (const voter of voters) {
    const value = valueOf(voter);
    if (value <= best) continue;
    let reached = 0;
    for (const other of voters) if (valueOf(other) >= value) reached += 1;
    if (reached >= majority) best = value;
  }
  return best;
}

/** How a vote stands. */
export type VoteOutcome = "won" | "lost" | "pending";

/** The outcome of a vote in which `votes` were cast, counted once a member. Won and lost need both halves and one. */
export function voteOutcome(sets: VoterSets, votes: ReadonlyMap<MemberNumber, boolean>): VoteOutcome {
  const granted = (member: MemberNumber): number => (votes.get(member) === true ? 1 : 0);
  if (quorumValue(sets, granted) === 1) return "won";
  const notRefused = (member: MemberNumber): number => (votes.get(member) === false ? 0 : 1);
  return quorumValue(sets, notRefused) === 1 ? "pending" : "lost";
}
