/**
 * Leadership transfer (dissertation 3.10): hold new proposals, bring the target up to date, tell it to campaign. It
 * ends, or is given up, within one election timeout.
 */
import type { Now, Refusal } from "./event.ts";
import { isThere } from "./liveness.ts";
import { currentMember } from "./membership.ts";
import { send } from "./output.ts";
import type { RaftState } from "./state.ts";
import type { MemberNumber } from "./types.ts";

/** Somebody asks this node to make `to` the leader. */
export function transfer(state: RaftState, to: MemberNumber, now: Now): void {
  const refusal = refusalOf(state, to, now);
  if (refusal !== null || to === state.config.self) {
    state.effects.push({ type: "transferEnded", to, refusal });
    return;
  }
  if (state.transfer?.to === to) return;
  endTransfer(state, "replaced");
  beginTransfer(state, to, now);
}

/** Leaders: from now on no proposals are taken, until it has ended. */
export function beginTransfer(state: RaftState, to: MemberNumber, now: Now): void {
  state.transfer = { to, term: state.term, deadlineMs: now.nowMs + state.config.electionMinMs, sent: false };
}

/** A target that is not there would hold proposals up, and end the term's lease, for nothing. */
function refusalOf(state: RaftState, to: MemberNumber, now: Now): Refusal | null {
  if (state.role !== "leader") return "not-leader";
  const member = currentMember(state, to);
  if (member === null) return "unknown-member";
  if (member.role !== "voter") return "not-a-voter";
  return isThere(state, to, now) ? null : "given-up";
}

/** Leaders: tells the target to campaign once its log is as long as ours. */
export function advanceTransfer(state: RaftState): void {
  const { transfer: current } = state;
  if (current === null || current.sent || current.term !== state.term) return;
  const progress = state.progress.get(current.to);
  if (progress === undefined || progress.matchIndex < state.trail.lastIndex) return;
  current.sent = true;
  state.timeoutNowTerm = state.term;
  send(state, current.to, { type: "timeoutNow" });
}

/** Whether proposals are held because leadership is on its way to another. */
export function isTransferring(state: RaftState): boolean {
  return state.role === "leader" && state.transfer !== null;
}

/** Ends a transfer that another node's leadership, a new term of one's own, or the deadline has decided. */
export function settleTransfer(state: RaftState, now: Now): void {
  const { transfer: current } = state;
  if (current === null) return;
  if (state.leaderId === current.to) endTransfer(state, null);
  // A change of the membership passed it.
  else if (state.role === "leader" && currentMember(state, current.to)?.role !== "voter") endTransfer(state, "not-a-voter");
  else if (state.leaderId !== 0 && state.term !== current.term) endTransfer(state, "not-leader");
  else if (now.nowMs >= current.deadlineMs) endTransfer(state, current.sent ? "in-doubt" : "given-up");
}

function endTransfer(state: RaftState, refusal: Refusal | null): void {
  if (state.transfer === null) return;
  state.effects.push({ type: "transferEnded", to: state.transfer.to, refusal });
  state.transfer = null;
}

/**
 * The other voter with the longest log as far as this leader knows, of those that were heard about as lately as any: one
 * that is down would not take over. 0 if there is none.
 *
 * @param but not this one
 */
export function bestSuccessor(state: RaftState, but: MemberNumber = 0): MemberNumber {
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const progress of state.progress.values()) newestMs = Math.max(newestMs, progress.lastHeardMs);
  let best: MemberNumber = 0;
  let bestMatch = -1;
  for (const progress of state.progress.values()) {
    const isVoter = currentMember(state, progress.member)?.role === "voter";
    const isSilent = progress.lastHeardMs < newestMs - state.config.electionMinMs;
    if (!isVoter || isSilent || progress.isCut || progress.matchIndex <= bestMatch || progress.member === but) continue;
    best = progress.member;
    bestMatch = progress.matchIndex;
  }
  return best;
}

/**
 * Leaders: this node can no longer do its duty (its disk stands still, or cannot be read). It makes the follower with
 * the longest log campaign at once, and does not lead while that follower tries.
 */
export function handOver(state: RaftState): void {
  const successor = bestSuccessor(state);
  if (successor !== 0) send(state, successor, { type: "timeoutNow" });
}
