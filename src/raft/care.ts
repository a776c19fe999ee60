/**
 * A leader that serves worse than another one would hands over, in good order: it goes on until the other is up to date,
 * and leads on if nobody takes over. That is less than a disk that stands still asks for, whose leader gives up at once.
 */
import type { Now } from "./event.ts";
import { isSoleVoter } from "./membership.ts";
import type { RaftState } from "./state.ts";
import { beginTransfer, bestSuccessor } from "./transfer.ts";

/** Nobody took over: so many election timeouts until another one is asked. */
const RETRY_TIMEOUTS = 8;

/**
 * The node's loop stood still. A leader that was not heard for the shortest election timeout broke its followers' peace,
 * whether or not one of them noticed.
 */
export function loopStalled(state: RaftState, forMs: number, now: Now): void {
  if (state.role === "leader" && forMs >= state.config.electionMinMs) handOverInOrder(state, now);
}

/** The disk ran full, or has room again. */
export function diskFull(state: RaftState, full: boolean): void {
  state.diskFull = full;
  state.handOverNotBeforeMs = 0;
}

/** Leaders, at the end of each step: who may take no entry in lets another lead, which may have room. */
export function considerHandOver(state: RaftState, now: Now): void {
  if (state.diskFull && now.nowMs >= state.handOverNotBeforeMs) handOverInOrder(state, now);
}

function handOverInOrder(state: RaftState, now: Now): void {
  // An entry of its own term is committed first: so long every leader leads.
  if (state.transfer !== null || isSoleVoter(state) || state.commitIndex < state.ownTermIndex) return;
  // Whoever was asked in vain may have no room either.
  const successor = bestSuccessor(state, state.handedOverTo) || bestSuccessor(state);
  if (successor === 0) return;
  state.handedOverTo = successor;
  state.handOverNotBeforeMs = now.nowMs + RETRY_TIMEOUTS * state.config.electionMaxMs;
  beginTransfer(state, successor, now);
}
