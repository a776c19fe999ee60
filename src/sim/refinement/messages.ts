/** The rules of what is said: each message tells the truth about the log, the vote and the term of its sender. */
import type { Message } from "../../raft/message.ts";
import { currentConfiguration } from "../../raft/state.ts";
import { held, isSame } from "./abstract.ts";
import { entryAfter } from "./logs.ts";
import { isLeftOut } from "./terms.ts";
import { actsAsLeader, isUpToDate, type Rule, saidBy, type Step } from "./step.ts";

/** Looks at each message that a step asks for. */
export const whySaid: Rule = (step) => {
  for (const said of saidBy(step.effects)) {
    const why = whyOne(step, said);
    if (why !== null) return `it says ${said.type} to ${said.to}: ${why}`;
  }
  return null;
};

function whyOne(step: Step, said: Message): string | null {
  switch (said.type) {
    case "voteRequest": return whyAsks(step, said);
    case "voteReply": return said.granted ? whyGrants(step, said) : null;
    case "appendRequest": return whyAppends(step, said);
    case "appendReply": return said.success ? whyAcks(step, said) : null;
    case "heartbeat":
      return actsAsLeader(step) && said.leaderCommit <= step.after.commitIndex ? null : `a ${step.after.role} at commit ${step.after.commitIndex}`;
    case "timeoutNow": return whyHandsOver(step, said);
    default: return null;
  }
}

function whyAsks({ after, message }: Step, said: Message & { type: "voteRequest" }): string | null {
  if (said.lastLogIndex !== after.lastIndex || said.lastLogTerm !== after.lastTerm) {
    return `its log ends at ${after.lastIndex}@${after.lastTerm}, not at ${said.lastLogIndex}@${said.lastLogTerm}`;
  }
  if (said.term !== after.term + (said.preVote ? 1 : 0)) return `it asks for term ${said.term} in term ${after.term}`;
  if (said.forcedLeader === 0) return null;
  const isTransfer = message?.type === "timeoutNow" && message.from === said.forcedLeader && message.term === said.forcedTerm;
  return isTransfer && !said.preVote ? null : `${said.forcedLeader} has not handed term ${said.forcedTerm} over`;
}

/** A vote that is told was given; a pre-vote is what a vote would be. */
function whyGrants({ before, after, message }: Step, said: Message & { type: "voteReply" }): string | null {
  if (message?.type !== "voteRequest" || message.from !== said.to || message.preVote !== said.preVote || message.term !== said.requestTerm) {
    return "nobody asked for it";
  }
  if (!isUpToDate(message, before)) return `the asker's log ends at ${message.lastLogIndex}@${message.lastLogTerm}, its own at ${before.lastIndex}@${before.lastTerm}`;
  if (said.preVote) return said.requestTerm >= after.term ? null : `term ${said.requestTerm} is over`;
  return after.votedFor === said.to && after.term === said.requestTerm ? null : `its vote of term ${after.term} is ${after.votedFor}'s`;
}

function whyAppends(step: Step, said: Message & { type: "appendRequest" }): string | null {
  const { after } = step;
  if (!actsAsLeader(step) || said.term !== after.term) return `it is a ${after.role} of term ${after.term}`;
  if (said.lastIndex > after.lastIndex || said.leaderCommit > after.commitIndex) return `through ${said.lastIndex} of ${after.lastIndex}, commit ${said.leaderCommit} of ${after.commitIndex}`;
  if (said.prevLogIndex === 0) return null;
  const previous = entryAfter(step, said.prevLogIndex);
  return isSame(previous, { term: said.prevLogTerm, chain: said.prevLogChain }) ? null : `its entry ${said.prevLogIndex} is not of term ${said.prevLogTerm}`;
}

/** An ack names what equals the log of the term's leader. */
function whyAcks(step: Step, said: Message & { type: "appendReply" }): string | null {
  const { message, cluster } = step;
  if (message?.type !== "appendRequest" || message.from !== said.to) return "nobody sent entries";
  if (said.matchIndex === 0) return null;
  const leaderLog = cluster.leaders.get(said.term)?.log ?? [];
  const own = entryAfter(step, said.matchIndex);
  return own !== undefined && isSame(own, leaderLog[said.matchIndex - 1]) ? null : `its log through ${said.matchIndex} is not the leader's`;
}

/** TimeoutNow: a leader's, to one that holds all that it does, unless it cannot serve any more. */
function whyHandsOver(step: Step, said: Message & { type: "timeoutNow" }): string | null {
  const { before, node, cluster, event, after, state } = step;
  if (before.role !== "leader" || said.term !== before.term) return `it is a ${before.role} of term ${before.term}`;
  if (event.type === "readFailed" || event.type === "diskStalled" || isLeftOut(step)) return null;
  const target = cluster.nodes.get(cluster.seats.in(currentConfiguration(state), said.to));
  if (target === undefined) return null;
  return held(target, after.lastIndex, node.log.at(-1)) ? null : `${said.to} holds ${target.disk.log.length} of ${after.lastIndex} entries`;
}
