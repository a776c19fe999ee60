/**
 * Changes of role: what each begins with and what it lets go of.
 */
import { assert } from "../base/assert.ts";
import { EntryKind } from "../base/entry.ts";
import type { Now } from "./event.ts";
import { holdAllInStep } from "./in_step.ts";
import { anchorLogTime } from "./log_time.ts";
import { trackMembers } from "./membership.ts";
import { appendAsLeader, emptyEntry } from "./leader.ts";
import { failReads } from "./reads.ts";
import { drawElectionTimeout, type RaftState } from "./state.ts";
import type { MemberNumber, Term } from "./types.ts";

/**
 * Becomes, or stays, a follower in `term`. The vote of the term is kept if the term is (a candidate that steps down
 * within its term voted for itself and must not vote again).
 *
 * @param leaderId who leads the term, 0 if that is not known
 */
export function becomeFollower(state: RaftState, term: Term, leaderId: MemberNumber, now: Now): void {
  assert(term >= state.term, "the term never falls", term, state.term);
  assert(leaderId !== state.config.self, "a follower has another leader", leaderId);
  const raised = term > state.term;
  if (raised) {
    state.term = term;
    state.votedFor = 0;
    state.comparedIndex = 0;
  }
  if (raised || state.role === "leader") {
    // What this leader's log held may be replaced; what other leaders' logs hold of it is not proved yet.
    state.matchedIndex = state.commitIndex;
  }
  if (state.role !== "follower") {
    leaveRole(state);
    state.role = "follower";
  }
  if (raised || state.leaderId !== leaderId) failReads(state, "not-leader");
  state.leaderId = leaderId;
  state.electionDeadlineMs = now.nowMs + drawElectionTimeout(state);
}

/** Becomes the leader of the current term: a no-op of the own term makes what came before committable (3.6.2, 6.4). */
export function becomeLeader(state: RaftState, now: Now): void {
  assert(state.role === "candidate", "a leader was a candidate", state.role);
  const granted = [...state.votes].filter(([, vote]) => vote).map(([member]) => member);
  leaveRole(state);
  state.role = "leader";
  state.leaderId = state.config.self;
  state.electionDeadlineMs = Number.POSITIVE_INFINITY;
  trackMembers(state);
  holdAllInStep(state, now);
  for (const member of granted) {
    const progress = state.progress.get(member);
    if (progress !== undefined) progress.lastHeardMs = now.nowMs;
  }
  state.heartbeatDeadlineMs = now.nowMs + state.config.heartbeatMs;
  state.timeEntryIndex = 0;
  state.wakeBackoffMs = 0;
  state.wakeNotBeforeMs = 0;
  state.verdictIndex = 0;
  anchorLogTime(state, now);
  state.ownTermIndex = state.trail.lastIndex + 1;
  appendAsLeader(state, [emptyEntry(EntryKind.noop)], now);
}

/** Lets go of what only the present role needs. */
export function leaveRole(state: RaftState): void {
  state.votes.clear();
  state.ownVoteStore = 0;
  state.progress.clear();
  state.heartbeatDeadlineMs = Number.POSITIVE_INFINITY;
  state.rounds = [];
  failReads(state, "not-leader");
}
