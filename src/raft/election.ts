/**
 * Elections: pre-vote (dissertation 9.6), votes (3.4, 3.6.1), stickiness (4.2.3), check-quorum (6.2).
 */
import { assert } from "../base/assert.ts";
import type { Now } from "./event.ts";
import { hasPromised, isSilent } from "./lease.ts";
import { heardQuorum, lostQuorum } from "./liveness.ts";
import { mayCampaign } from "./membership.ts";
import type { TimeoutNow, VoteReply, VoteRequest } from "./message.ts";
import { send, sendStored } from "./output.ts";
import { isVoting, voteOutcome } from "./quorum.ts";
import { becomeFollower, becomeLeader, leaveRole } from "./roles.ts";
import { drawElectionTimeout, drop, type RaftState } from "./state.ts";
import type { MemberNumber, Term } from "./types.ts";

/** The election timeout passed without a leader. */
export function electionTimeout(state: RaftState, now: Now): void {
  state.electionDeadlineMs = isSilent(state, now) ? state.silentUntilMs : now.nowMs + drawElectionTimeout(state);
  if (isSilent(state, now)) return;
  // A disk that stands still could make no vote durable, and would lead nobody.
  if (!mayCampaign(state) || state.diskStalled) return;
  becomePreCandidate(state, now);
}

/** Asks whether a vote would be won, without raising the term: a node that was cut off disturbs nobody (9.6). */
function becomePreCandidate(state: RaftState, now: Now): void {
  leaveRole(state);
  state.role = "pre-candidate";
  state.leaderId = 0;
  state.votes.set(state.config.self, true);
  if (voteOutcome(state.voters, state.votes) === "won") {
    becomeCandidate(state, now, { leader: 0, term: 0 });
    return;
  }
  for (const voter of otherVoters(state)) {
    send(state, voter, { type: "voteRequest", preVote: true, ...lastLog(state), forcedLeader: 0, forcedTerm: 0 }, state.term + 1);
  }
}

/**
 * Campaigns in the next term. The own vote counts once it is durable, and the requests leave behind the same store.
 *
 * @param forced the leader whose transfer this is, and its term; zeros if it is none
 */
function becomeCandidate(state: RaftState, now: Now, forced: { leader: MemberNumber; term: Term }): void {
  leaveRole(state);
  state.role = "candidate";
  state.leaderId = 0;
  state.term += 1;
  state.votedFor = state.config.self;
  state.matchedIndex = state.commitIndex;
  state.ownVoteStore = state.lastStore + 1;
  state.electionDeadlineMs = now.nowMs + drawElectionTimeout(state);
  for (const voter of otherVoters(state)) {
    sendStored(state, voter, {
      type: "voteRequest",
      preVote: false,
      ...lastLog(state),
      forcedLeader: forced.leader,
      forcedTerm: forced.term,
    });
  }
}

function lastLog(state: RaftState): { lastLogIndex: number; lastLogTerm: Term } {
  return { lastLogIndex: state.trail.lastIndex, lastLogTerm: state.trail.lastTerm };
}

function otherVoters(state: RaftState): MemberNumber[] {
  const all = new Set([...state.voters.incoming, ...state.voters.outgoing]);
  all.delete(state.config.self);
  return [...all];
}

/** Any role: somebody asks for a vote. The term rule has run: the request's term is ours, or it is a pre-vote. */
export function voteRequest(state: RaftState, message: VoteRequest, now: Now): void {
  const granted = grants(state, message, now);
  const body = {
    type: "voteReply",
    preVote: message.preVote,
    requestTerm: message.term,
    granted,
    bootId: state.config.bootId,
  } as const;
  if (message.preVote) {
    // A refusal carries our term, so that a candidate with the longer log learns of the higher term and can win in it.
    send(state, message.from, body, granted ? message.term : state.term);
    return;
  }
  if (granted) {
    assert(state.votedFor === 0 || state.votedFor === message.from, "one vote a term", state.votedFor, message.from);
    state.votedFor = message.from;
    if (state.role === "pre-candidate") becomeFollower(state, state.term, 0, now);
    state.electionDeadlineMs = now.nowMs + drawElectionTimeout(state);
    sendStored(state, message.from, body);
    return;
  }
  send(state, message.from, body);
}

function grants(state: RaftState, message: VoteRequest, now: Now): boolean {
  if (message.term < state.term || state.editNumber > 0) return false;
  if (isSticky(state, message, now)) return false;
  const raises = message.preVote && message.term > state.term;
  const free = state.votedFor === message.from || (state.votedFor === 0 && state.leaderId === 0) || raises;
  return free && isUpToDate(state, message);
}

/** Thesis 3.6.1: the later last term wins; in the same term the longer log. */
function isUpToDate(state: RaftState, message: VoteRequest): boolean {
  const { lastTerm, lastIndex } = state.trail;
  if (message.lastLogTerm !== lastTerm) return message.lastLogTerm > lastTerm;
  return message.lastLogIndex >= lastIndex;
}

/**
 * Whether a working leader was heard so lately that nobody else is voted for (4.2.3); that leader was promised as much
 * (lease.ts), so a higher term changes nothing about it. Not against the leader itself, which may have lost its quorum
 * and ask again, and not in the one candidacy that this leader's transfer made.
 */
export function isSticky(state: RaftState, message: VoteRequest, now: Now): boolean {
  const forced = message.forcedLeader !== 0 && message.forcedTerm + 1 === message.term;
  const ofThisLeader = state.term !== message.forcedTerm || state.leaderId === 0 || state.leaderId === message.forcedLeader;
  if (forced && ofThisLeader && !message.preVote) return false;
  if (state.role === "leader") return heardQuorum(state, now);
  return hasPromised(state, message.from, now);
}

/** Candidates: an answer to a vote request of this round. */
export function candidateVoteReply(state: RaftState, message: VoteReply, now: Now): void {
  const preVoting = state.role === "pre-candidate";
  const roundTerm = preVoting ? state.term + 1 : state.term;
  if (message.preVote !== preVoting || message.requestTerm !== roundTerm) return drop(state, "late-vote");
  if (!isVoting(state.voters, message.from)) return drop(state, "vote-of-no-voter");
  if (state.votes.has(message.from)) return drop(state, "doubled-vote");
  state.votes.set(message.from, message.granted);
  countVotes(state, now);
}

/** Acts on the votes cast so far. */
export function countVotes(state: RaftState, now: Now): void {
  const outcome = voteOutcome(state.voters, state.votes);
  if (outcome === "pending") return;
  if (outcome === "lost") becomeFollower(state, state.term, 0, now);
  else if (state.role === "candidate") becomeLeader(state, now);
  else becomeCandidate(state, now, { leader: 0, term: 0 });
}

/** A candidate's own vote is durable, and counts from now on. */
export function ownVoteStored(state: RaftState, now: Now): void {
  assert(state.role === "candidate", "only a candidate waits for its own vote", state.role);
  state.ownVoteStore = 0;
  state.votes.set(state.config.self, true);
  countVotes(state, now);
}

/** Followers: the leader hands over. One candidacy, in the next term, past pre-vote and stickiness. */
export function followerTimeoutNow(state: RaftState, message: TimeoutNow, now: Now): void {
  // A full disk may have room for the vote, and would have none for what comes then.
  if (!mayCampaign(state) || state.diskStalled || state.diskFull) return drop(state, "transfer-to-no-candidate");
  becomeCandidate(state, now, { leader: message.from, term: message.term });
}

/** Leaders: steps down if no quorum was heard for an election timeout (6.2), so that clients look elsewhere. */
export function checkQuorum(state: RaftState, now: Now): boolean {
  if (!lostQuorum(state, now)) return true;
  becomeFollower(state, state.term, 0, now);
  return false;
}
