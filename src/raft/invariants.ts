/**
 * What must hold of a state, and between a state and what became of it. Run after every step in tests and in the
 * simulator; each throws AssertionFailed.
 */
import { assert } from "../base/assert.ts";
import type { RaftState } from "./state.ts";
import { RUN_ENTRIES_MAX, type Run, chainAt, termAt } from "./trail.ts";
import type { Index, MemberNumber, Role, Term } from "./types.ts";

/** What `checkTransition` needs of the state before a step. */
export interface Before {
  readonly term: Term;
  readonly votedFor: MemberNumber;
  readonly role: Role;
  readonly commitIndex: Index;
  readonly lastApplied: Index;
  readonly lastStore: number;
  readonly lastIndex: Index;
  readonly lastChain: number;
  readonly leaderId: MemberNumber;
}

/** Notes what a step may not break. */
export function noteBefore(state: RaftState): Before {
  const { term, votedFor, role, commitIndex, lastApplied, lastStore, leaderId, trail } = state;
  const { lastIndex, lastChain } = trail;
  return { term, votedFor, role, commitIndex, lastApplied, lastStore, leaderId, lastIndex, lastChain };
}

/** Holds of every state between steps. */
export function checkState(state: RaftState): void {
  checkTrail(state);
  const { trail, commitIndex, applyRequested, lastApplied, matchedIndex } = state;
  assert(trail.base.index <= commitIndex && commitIndex <= trail.lastIndex, "base ≤ commit ≤ last", commitIndex, trail.lastIndex);
  assert(lastApplied <= applyRequested && applyRequested <= commitIndex, "applied ≤ asked for ≤ commit", applyRequested, commitIndex);
  assert(state.durableIndex <= trail.lastIndex, "what is durable is in the log", state.durableIndex, trail.lastIndex);
  assert(state.checkIndex <= applyRequested, "a check point was asked for", state.checkIndex, applyRequested);
  if (state.role === "follower") assert(matchedIndex <= trail.lastIndex, "what matches is in the log", matchedIndex);
  assert((state.role === "leader") === (state.leaderId === state.config.self), "exactly a leader names itself", state.role, state.leaderId);
  assert(state.role === "leader" || state.progress.size === 0, "only leaders keep progress", state.role);
  assert(state.storedTerm === state.term && state.storedVote === state.votedFor, "hard state is handed to a store within its step", state.term);
  assert(state.storedCommit <= commitIndex, "only what is committed is stored as such", state.storedCommit, commitIndex);
  assert(state.durableTerm <= state.term, "no later term is durable", state.durableTerm, state.term);
  checkProgress(state);
  checkStores(state);
}

function checkTrail(state: RaftState): void {
  const { trail } = state;
  let previous: Run | null = null;
  for (const run of trail.runs) {
    const first = previous === null ? trail.base.index + 1 : previous.first + 1;
    assert(run.first >= first, "runs ascend", run.first, first);
    assert(run.term >= (previous?.term ?? trail.base.term), "terms never fall along the log", run.term);
    const cut = previous === null || run.term !== previous.term || run.first % RUN_ENTRIES_MAX === 0;
    assert(cut, "runs are cut alike on all nodes", run.first);
    previous = run;
  }
  if (previous !== null) assert(previous.chain === trail.lastChain, "the last run ends with the log", trail.lastIndex);
  assert(chainAt(trail, trail.lastIndex) === trail.lastChain, "the last chain is known", trail.lastIndex);
  assert(termAt(trail, trail.lastIndex) === trail.lastTerm, "the last term is known", trail.lastIndex);
  assert(trail.lastTerm <= state.term, "no entry is of a later term", trail.lastTerm, state.term);
}

function checkProgress(state: RaftState): void {
  for (const progress of state.progress.values()) {
    assert(progress.matchIndex < progress.nextIndex, "matchIndex is below nextIndex", progress.matchIndex, progress.nextIndex);
    assert(progress.nextIndex <= state.trail.lastIndex + 1, "nextIndex is at most behind the end", progress.nextIndex);
    const bytes = progress.inflight.reduce((sum, append) => sum + append.bytes, 0);
    assert(Math.abs(bytes - progress.inflightBytes) < 1, "bytes in flight sum up", bytes, progress.inflightBytes);
    assert(progress.inflight.length <= state.config.inflightAppendsMax, "the window holds", progress.inflight.length);
  }
}

function checkStores(state: RaftState): void {
  let previous = 0;
  for (const pending of state.pendingStores) {
    assert(pending.store > previous && pending.store <= state.lastStore, "stores ascend", pending.store, previous);
    assert(pending.lastIndex <= state.trail.lastIndex, "a store ends within the log", pending.lastIndex);
    previous = pending.store;
  }
}

/** Holds between the state before a step and after it. */
export function checkTransition(before: Before, state: RaftState): void {
  assert(state.term >= before.term, "the term never falls", before.term, state.term);
  assert(state.commitIndex >= before.commitIndex, "commitIndex never falls", before.commitIndex, state.commitIndex);
  assert(state.lastApplied >= before.lastApplied, "lastApplied never falls", before.lastApplied, state.lastApplied);
  assert(state.lastStore - before.lastStore <= 1, "one store a step at most", before.lastStore, state.lastStore);
  if (state.term === before.term) {
    assert(before.votedFor === 0 || state.votedFor === before.votedFor, "one vote a term", before.votedFor, state.votedFor);
    assert(before.role !== "leader" || state.role !== "candidate", "a leader of a term does not campaign in it", state.term);
    const twoLeaders = before.leaderId !== 0 && state.leaderId !== 0 && before.leaderId !== state.leaderId;
    assert(!twoLeaders, "one leader a term", before.leaderId, state.leaderId);
  }
  if (before.role === "leader" && state.role === "leader") {
    // Thesis 3.5, Leader Append-Only.
    assert(state.trail.lastIndex >= before.lastIndex, "a leader cuts nothing", before.lastIndex, state.trail.lastIndex);
    const chain = chainAt(state.trail, before.lastIndex);
    assert(chain === null || chain === before.lastChain, "a leader rewrites nothing", before.lastIndex);
  }
}
