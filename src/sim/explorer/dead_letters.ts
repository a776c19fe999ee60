/**
 * Messages that nobody will ever act on: answers to a term that their receiver has left for good, on its disk. To leave
 * them in the bag would multiply states by every subset of them. The core is asked too: what it would act on now stays,
 * so that a core that believes late answers is still found out.
 */
import type { Message } from "../../raft/message.ts";
import type { Local } from "./local.ts";

/** Whether a core that keeps to its terms drops this message, now and ever after. */
export function comesTooLate(message: Message, { durable: { hardState } }: Local): boolean {
  switch (message.type) {
    case "voteReply":
      if (message.term < hardState.term) return true;
      return message.term === hardState.term && message.requestTerm < hardState.term + (message.preVote ? 1 : 0);
    case "appendReply":
    case "heartbeatReply":
    case "readIndexReply":
    case "timeoutNow":
      return message.term < hardState.term;
    default: return false;
  }
}
