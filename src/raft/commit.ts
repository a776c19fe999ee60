/**
 * The commit index: how it moves on leaders (dissertation 3.6.2) and followers, and what is applied because of it.
 */
import { assert } from "../base/assert.ts";
import { quorumValue } from "./quorum.ts";
import type { RaftState } from "./state.ts";
import { termAt } from "./trail.ts";
import type { Index } from "./types.ts";

/** Raises the commit index to `index` if that is higher. */
export function commitTo(state: RaftState, index: Index): void {
  if (index <= state.commitIndex) return;
  assert(index <= state.trail.lastIndex, "what commits is in the log", index, state.trail.lastIndex);
  state.commitIndex = index;
  state.trail.keepFrom = index;
}

/**
 * Leaders: commits what a quorum has made durable. This node counts itself by what is durable on its own disk.
 *
 * Thesis 3.6.2: only entries of the leader's own term are committed by counting; earlier ones commit with them.
 */
export function commitByCounting(state: RaftState): void {
  const { self } = state.config;
  if (state.commitIndex === state.trail.lastIndex) return;
  const reached = quorumValue(state.voters, (member) =>
    member === self ? state.durableIndex : (state.progress.get(member)?.matchIndex ?? 0));
  if (reached <= state.commitIndex) return;
  if (termAt(state.trail, reached) !== state.term) return;
  commitTo(state, reached);
}

/**
 * Asks for the application of what is committed and was not asked for yet. A follower applies what is durable on its
 * own disk; a leader may be ahead of its disk, for a quorum without it has the entry.
 */
export function requestApply(state: RaftState): void {
  const limit = state.role === "leader" ? state.commitIndex : Math.min(state.commitIndex, state.durableIndex);
  if (limit <= state.applyRequested) return;
  if (state.config.witness) {
    // It has no machine: what is committed is all done.
    state.applyRequested = limit;
    state.lastApplied = limit;
    return;
  }
  state.effects.push({ type: "apply", from: state.applyRequested + 1, to: limit });
  state.applyRequested = limit;
}
