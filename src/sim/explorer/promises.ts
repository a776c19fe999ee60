/** What a message promises, and whether that is durable on its sender. Decided by its fields, not by the core's code. */
import type { Message } from "../../raft/message.ts";

/** What is durable on the sender when it speaks. */
export interface DurableParts {
  readonly hardState: { readonly term: number; readonly votedFor: number };
  /** The chain of the entry at `index`: undefined if there is none, null if nobody remembers it. */
  readonly chainAt: (index: number) => number | null | undefined;
}

/** Why `message` may not leave yet, or null. Dissertation 3.8: term, vote and entries are durable before they are told of. */
export function whyTooEarly(message: Message, { hardState, chainAt }: DurableParts): string | null {
  // A pre-vote, asked for or given, bears a term that nobody has entered yet.
  const isPreVote = (message.type === "voteRequest" && message.preVote) ||
    (message.type === "voteReply" && message.preVote && message.granted);
  if (!isPreVote && message.term > hardState.term) return `${message.type} tells of term ${message.term}, durable is ${hardState.term}`;
  if (message.type === "voteReply" && message.granted && !message.preVote && hardState.term === message.term && hardState.votedFor !== message.to) {
    return `the vote for ${message.to} in term ${message.term} is told before it is durable`;
  }
  if (message.type === "voteRequest" && !isPreVote && hardState.term === message.term && hardState.votedFor !== message.from) {
    return `${message.from} campaigns in term ${message.term} before its own vote is durable`;
  }
  if (message.type === "appendReply" && message.success && message.matchIndex > 0 && chainAt(message.matchIndex) === undefined) {
    return `entry ${message.matchIndex} is acknowledged before it is durable`;
  }
  if ("durableIndex" in message && message.durableIndex > 0) {
    const held = chainAt(message.durableIndex);
    if (held === undefined || (held !== null && held !== message.durableChain)) return `entry ${message.durableIndex} is called durable and is not`;
  }
  return null;
}
