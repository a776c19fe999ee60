/**
 * What follows from an event, whatever it was: commits, reads, appends, one numbered store, the next deadline.
 */
import { considerHandOver } from "./care.ts";
import { commitByCounting, requestApply } from "./commit.ts";
import { considerEdited } from "./edited.ts";
import type { Now } from "./event.ts";
import { sendAppends } from "./leader.ts";
import { advanceMembership } from "./membership_change.ts";
import { answerConfirmed, confirmReads, startReadRound, wakeDeadlineMs } from "./reads.ts";
import { drop, type RaftState } from "./state.ts";
import { advanceTransfer, settleTransfer } from "./transfer.ts";
import { considerVerdict } from "./verdicts.ts";

/** Beyond so many stores that are not durable, answers no longer wait for the disk. */
const PENDING_STORES_MAX = 1024;

/** Ends a step: everything here holds for any event. */
export function settle(state: RaftState, now: Now): void {
  if (state.role === "leader") {
    commitByCounting(state);
    advanceMembership(state, now);
  }
  // Whoever was removed leads no longer.
  if (state.role === "leader") {
    startReadRound(state, now);
    confirmReads(state);
    answerConfirmed(state, now);
    considerVerdict(state, now);
    considerHandOver(state, now);
    sendAppends(state, now);
    advanceTransfer(state);
  }
  settleTransfer(state, now);
  considerEdited(state);
  emitStore(state);
  requestApply(state);
  tellRole(state);
  state.deadlineMs = nextDeadlineMs(state, now);
}

/** One numbered store for all that this step wants durable, and the messages that wait for it. */
function emitStore(state: RaftState): void {
  const { step: records, term, votedFor } = state;
  const hardStateChanged = term !== state.storedTerm || votedFor !== state.storedVote;
  if (!hardStateChanged && records.entries.length === 0 && records.reset === null) {
    if (records.messages.length === 0) return;
    if (state.pendingStores.length >= PENDING_STORES_MAX) {
      // The disk stands still: what would only be said later may as well be lost.
      records.messages.length = 0;
      return drop(state, "disk-behind");
    }
  }
  state.lastStore += 1;
  state.storedTerm = term;
  state.storedVote = votedFor;
  // What this very batch replaces may be what survives of it: only what is durable already is called committed. Behind a
  // snapshot that takes the place of the log nothing is, but what was before has not become less.
  if (hardStateChanged) state.storedCommit = Math.max(state.storedCommit, Math.min(state.commitIndex, state.durableIndex));
  state.pendingStores.push({ store: state.lastStore, term, lastIndex: state.trail.lastIndex });
  state.effects.push({
    type: "store",
    store: state.lastStore,
    hardState: hardStateChanged ? { term, votedFor, commitIndex: state.storedCommit } : null,
    truncateFrom: records.truncateFrom,
    reset: records.reset,
    entries: records.entries,
    messages: records.messages,
  });
  // Behind the store that names it: whoever restores waits for what was stored before, and removes older snapshots then.
  if (records.reset !== null && !state.config.witness) state.effects.push({ type: "installSnapshot", point: records.reset.point });
  state.step.entries = [];
  state.step.messages = [];
  state.step.truncateFrom = 0;
  state.step.reset = null;
}

function tellRole(state: RaftState): void {
  const { role, term, leaderId } = state;
  if (role === state.toldRole && term === state.toldTerm && leaderId === state.toldLeader) return;
  state.toldRole = role;
  state.toldTerm = term;
  state.toldLeader = leaderId;
  state.effects.push({ type: "roleChanged", role, term, leaderId });
}

function nextDeadlineMs(state: RaftState, now: Now): number {
  const transferMs = state.transfer?.deadlineMs ?? Number.POSITIVE_INFINITY;
  if (state.role !== "leader") return Math.min(state.electionDeadlineMs, transferMs);
  return Math.min(state.heartbeatDeadlineMs, transferMs, wakeDeadlineMs(state, now));
}
