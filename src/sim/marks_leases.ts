/** Marks of leases and of the promises behind them. */
import { hasPromised, holdsLease, isSilent, leaseEndMs } from "../raft/lease.ts";
import type { VoteRequest } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { Step } from "./marks_step.ts";

/** What may happen around leases. */
export const LEASE_MARKS = [
  "lease read without a round", "lease read of a follower without a round", "lease read before any lease", "lease read after the lease",
  "lease read after a hand-over", "promise made durable", "vote refused by a promise of an earlier process",
  "vote refused by a promise to the leader of an earlier term", "vote given in spite of a promise",
] as const;

/** One of them. */
export type LeaseMark = (typeof LEASE_MARKS)[number];

type Note = (mark: LeaseMark) => void;

/** Notes what this step was. */
export function markLeases(step: Step, note: Note): void {
  const { state, event } = step;
  if (event.type === "promiseReady") note("promise made durable");
  if (event.type === "read" && event.lease && state.role === "leader") note(ofRead(state, step, "lease read without a round"));
  if (event.type !== "receive") return;
  const { message } = event;
  if (message.type === "readIndexRequest" && message.lease && state.role === "leader" && message.term === state.term) {
    note(ofRead(state, step, "lease read of a follower without a round"));
  }
  if (message.type === "voteRequest" && message.term > step.before.term) markVote(step, message, note);
}

function ofRead(state: RaftState, { event }: Step, held: LeaseMark): LeaseMark {
  if (holdsLease(state, event)) return held;
  if (state.timeoutNowTerm === state.term) return "lease read after a hand-over";
  return Number.isFinite(leaseEndMs(state, event)) ? "lease read after the lease" : "lease read before any lease";
}

function markVote({ before, state, event }: Step, message: VoteRequest, note: Note): void {
  const isGiven = !message.preVote && state.votedFor === message.from && state.term === message.term;
  if (isGiven && before.role === "follower" && hasPromised(state, message.from, event)) note("vote given in spite of a promise");
  if (state.term === message.term || state.role !== "follower") return;
  if (isSilent(state, event)) note("vote refused by a promise of an earlier process");
  else if (state.leaderId !== state.heardFrom && hasPromised(state, message.from, event)) note("vote refused by a promise to the leader of an earlier term");
}
