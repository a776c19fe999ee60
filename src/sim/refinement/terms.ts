/** The rules of terms, votes and roles: who may vote, campaign, lead and step down. */
import { inForce, isQuorum } from "./configurations.ts";
import { isFromLeader, isUpToDate, type Rule, type Step } from "./step.ts";

/** Term and vote: UpdateTerm, GrantVote, BecomeCandidate. */
export const whyTerm: Rule = (step) => {
  const { before, after, message } = step;
  if (after.term < before.term) return `the term falls from ${before.term} to ${after.term}`;
  if (after.term === before.term) return after.votedFor === before.votedFor ? null : whyVote(step, before.votedFor);
  if (after.role === "candidate" && after.votedFor === step.node.number) return whyCandidate(step);
  // A snapshot's last entry may be of a term that its receiver never heard of.
  if (step.event.type === "snapshotFetched" && step.event.point.term === after.term) return after.role === "follower" && after.votedFor === 0 ? null : `it enters term ${after.term} as ${after.role}`;
  if (message === null || message.term !== after.term) return `the term rises to ${after.term} without a message of that term`;
  const isPreVote = message.type === "voteRequest" ? message.preVote : message.type === "voteReply" && message.preVote && message.granted;
  if (isPreVote) return `a pre-vote raises the term to ${after.term}`;
  if (after.role !== "follower") return `it enters term ${after.term} as ${after.role}`;
  return after.votedFor === 0 ? null : whyVote(step, 0);
};

/** GrantVote: once a term, to whom asks, if its log is at least as complete. */
function whyVote({ before, after, message, cluster, node }: Step, votedFor: number): string | null {
  if (votedFor !== 0) return `its vote of term ${after.term} changes from ${votedFor} to ${after.votedFor}`;
  if (message?.type !== "voteRequest" || message.preVote || message.from !== after.votedFor || message.term !== after.term) {
    return `it votes for ${after.votedFor}, who did not ask for it in term ${after.term}`;
  }
  if (!isUpToDate(message, before)) {
    return `it votes for ${message.from}, whose log ends at ${message.lastLogIndex}@${message.lastLogTerm}, its own at ${before.lastIndex}@${before.lastTerm}`;
  }
  const known = cluster.votes.get(after.term)?.get(node.seat);
  return known === undefined || known === after.votedFor || node.lost.some(({ term }) => term === after.term) ? null : `it voted for ${known} in term ${after.term} before`;
}

/** BecomeCandidate: in the next term, by a majority of pre-votes or because the leader says so. */
function whyCandidate(step: Step): string | null {
  const { before, after, message, node, event } = step;
  if (message?.type === "timeoutNow") {
    if (after.term !== message.term + 1 || message.term < before.term) return `it campaigns in term ${after.term} for a transfer of term ${message.term}`;
    return isFromLeader(step, message) ? null : `it campaigns because ${message.from} says so, who does not lead term ${message.term}`;
  }
  if (after.term !== before.term + 1) return `it campaigns in term ${after.term}, the next one is ${before.term + 1}`;
  const isAlone = isQuorum(step, (seat) => seat === node.seat);
  if (isAlone && (event.type === "deadline" || event.type === "start")) return null;
  if (before.role !== "pre-candidate") return `it campaigns without asking for pre-votes`;
  if (!isQuorum(step, (seat) => node.preVotes.has(seat))) return `it campaigns with pre-votes of ${[...node.preVotes].join(" ")} only`;
  return null;
}

/** Roles: Timeout, BecomeLeader, StepDown. Candidates were looked at with the term. */
export const whyRole: Rule = (step) => {
  const { before, after, event } = step;
  if (after.leaderId !== 0) {
    const leader = after.role === "leader" ? step.node.number : step.cluster.leaders.get(after.term)?.number;
    if (leader !== after.leaderId) return `it follows ${after.leaderId} in term ${after.term}, which ${leader ?? "nobody"} leads`;
  }
  if (after.role === before.role && (after.term === before.term || after.role === "follower")) return null;
  switch (after.role) {
    case "pre-candidate": return event.type === "deadline" || event.type === "start" ? null : `it asks for pre-votes though no timeout passed`;
    case "candidate": return after.term > before.term ? null : `it becomes a candidate within term ${after.term}`;
    case "leader": return whyLeader(step);
    case "follower": return whyStepDown(step);
  }
};

/** BecomeLeader: a majority gave it their votes of this term, durably, and told it so; nobody else led the term. */
function whyLeader(step: Step): string | null {
  const { before, after, node, cluster } = step;
  if (before.role !== "candidate" || before.term !== after.term) return `it leads term ${after.term} without having been a candidate in it`;
  const voted = cluster.votes.get(after.term);
  const has = (seat: number): boolean => node.votes.has(seat) && voted?.get(seat) === node.number;
  if (!isQuorum(step, has)) return `it leads term ${after.term} with votes of ${[...node.votes].filter(has).join(" ") || "nobody"} only`;
  const known = cluster.leaders.get(after.term);
  return known === undefined || known.number === node.number ? null : `two leaders in term ${after.term}: ${known.number} leads it`;
}

/** Whether it is committed that this leader votes no more (dissertation 4.2.2). */
export function isLeftOut({ node, after }: Step): boolean {
  const { index, halves } = inForce(node);
  return index <= after.commitIndex && !halves.some((voters) => voters.includes(node.seat));
}

/** StepDown: for a higher term, the term's leader, a vote that was lost or given, or silence; a leader also if it cannot serve. */
function whyStepDown(step: Step): string | null {
  const { before, after, event, message } = step;
  if (after.term > before.term) return null;
  if (before.role === "leader") {
    const mayEnd = isLeftOut(step) || event.type === "deadline" || event.type === "readFailed" || event.type === "diskStalled";
    return mayEnd ? null : `a leader steps down in its own term because of ${event.type}`;
  }
  if (message === null) return event.type === "stored" ? null : `a ${before.role} steps down because of ${event.type}`;
  const isLeaders = message.type === "appendRequest" || message.type === "heartbeat" || message.type === "installSnapshot";
  if (isLeaders) return isFromLeader(step, message) ? null : `it follows ${message.from}, who does not lead term ${message.term}`;
  const isOver = (message.type === "voteReply" && !message.granted) || (message.type === "voteRequest" && before.role === "pre-candidate");
  return isOver ? null : `a ${before.role} steps down because of ${message.type}`;
}
