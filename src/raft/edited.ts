/**
 * A log that was edited while its node was stopped. The node may have acknowledged what is gone now, and votes that it
 * gave rest on it; so it neither votes nor campaigns until it holds all that its earlier acknowledgements can have
 * helped to commit. That is what a linearizable read gives (dissertation 6.4): once the leader has heard of this boot
 * it counts nothing that an earlier one acknowledged, so the read index that it answers then bounds it. When the own
 * log is proved equal to the leader's through that index, by term and chain, and durable, the mark is lifted. What was
 * edited in behind it is a conflict like any other, and is cut.
 */
import type { ReadIndexReply } from "./message.ts";
import { send } from "./output.ts";
import type { RaftState } from "./state.ts";

/** The read that an edited log asks for by itself; those of clients are numbered from 1. */
export const EDITED_READ = 0;

/** Followers: a leader was heard, so it can be asked. What is lost is asked again when it is heard again. */
export function askHowFar(state: RaftState): void {
  if (state.editNumber === 0 || state.comparedIndex > 0) return;
  send(state, state.leaderId, { type: "readIndexRequest", readId: EDITED_READ, bootId: state.config.bootId, lease: false });
}

/** Followers: the leader of this term says how far. */
export function noteHowFar(state: RaftState, { index }: ReadIndexReply): void {
  if (state.editNumber > 0) state.comparedIndex = index;
}

/** Lifts the mark once the log is proved to hold what the leader named. */
export function considerEdited(state: RaftState): void {
  const { editNumber, comparedIndex, commitIndex, matchedIndex, durableIndex } = state;
  if (editNumber === 0 || comparedIndex === 0 || state.role !== "follower") return;
  if (Math.min(commitIndex, matchedIndex, durableIndex) < comparedIndex) return;
  state.editNumber = 0;
  state.comparedIndex = 0;
}
