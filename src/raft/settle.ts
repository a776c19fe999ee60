/**
 * What follows from an event, whatever it was: commits, reads, appends, one numbered store, the next deadline.
 */
import { commitByCounting, requestApply } from "./commit.ts";
import type { Now } from "./event.ts";
import { sendAppends } from "./leader.ts";
import { answerConfirmed, confirmReads, startReadRound, wakeDeadlineMs } from "./reads.ts";
import type { RaftState } from "./state.ts";
import { advanceTransfer, settleTransfer } from "./transfer.ts";

/** Ends a step: everything here holds for any event. */
export function settle(state: RaftState, now: Now): void {
  if (state.role === "leader") {
    commitByCounting(state);
    startReadRound(state, now);
    confirmReads(state);
    answerConfirmed(state, now);
    sendAppends(state, now);
    advanceTransfer(state);
  }
  settleTransfer(state, now);
  emitStore(state);
  requestApply(state);
  tellRole(state);
  state.deadlineMs = nextDeadlineMs(state, now);
}

/** One numbered store for all that this step wants durable, and the messages that wait for it. */
function emitStore(state: RaftState): void {
  const { step: records, term, votedFor } = state;
  const hardStateChanged = term !== state.storedTerm || votedFor !== state.storedVote;
  if (!hardStateChanged && records.entries.length === 0 && records.messages.length === 0) return;
  state.lastStore += 1;
  state.storedTerm = term;
  state.storedVote = votedFor;
  state.pendingStores.push({ store: state.lastStore, term, lastIndex: state.trail.lastIndex });
  state.effects.push({
    type: "store",
    store: state.lastStore,
    hardState: hardStateChanged ? { term, votedFor, commitIndex: state.commitIndex } : null,
    truncateFrom: records.truncateFrom,
    entries: records.entries,
    messages: records.messages,
  });
  state.step.entries = [];
  state.step.messages = [];
  state.step.truncateFrom = 0;
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
