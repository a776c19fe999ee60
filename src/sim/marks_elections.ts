/** Marks of elections and transfers. */
import type { VoteRequest } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { Step } from "./marks_step.ts";

/** What may happen around votes. */
export const ELECTION_MARKS = [
  "pre-candidacy", "candidacy", "leadership", "candidacy that ran out",
  "candidate stepped down on an append of its term", "candidate stepped down on a higher term",
  "candidate learned of a higher term from a refusal", "candidate lost",
  "leader stepped down by check-quorum", "leader stepped down on a higher term", "leader gave up for its disk",
  "leader with a full disk handed over", "leader whose loop stood still handed over", "transfer refused by a full disk",
  "leader elected against a refusal", "leader alone in its cluster", "leader of term 10 or later",
  "vote refused to a shorter log", "vote refused, given to another",
  "vote given to a longer log of the same term", "vote given to a higher last term",
  "pre-vote refused by stickiness", "vote refused by stickiness", "late vote ignored", "term rose by several at once",
  "no candidacy while the disk stands still",
  "transfer done", "transfer in doubt", "transfer given up", "transfer replaced", "transfer waited for its target",
  "transfer made a candidate", "transfer notice of an old term",
] as const;

/** One of them. */
export type ElectionMark = (typeof ELECTION_MARKS)[number];

type Note = (mark: ElectionMark) => void;

/** Notes what this step was. */
export function markElections(step: Step, note: Note): void {
  const { before, state, event } = step;
  if (before.role !== state.role || before.term !== state.term) markRole(step, note);
  if (state.term > before.term + 1) note("term rose by several at once");
  if (event.type === "deadline") markDeadline(step, note);
  if (event.type === "receive") {
    const { message } = event;
    if (message.type === "voteRequest") markVoteRequest(step, message, note);
    else if (message.type === "voteReply" && (state.dropped["late-vote"] ?? 0) > before.lateVotes) note("late vote ignored");
    else if (message.type === "timeoutNow") {
      if (message.term < before.term) note("transfer notice of an old term");
      else if (state.role === "candidate") note("transfer made a candidate");
    }
  }
  markTransfer(step, note);
}

function markRole(step: Step, note: Note): void {
  const { before, state, event } = step;
  const wasCandidate = before.role === "candidate" || before.role === "pre-candidate";
  const message = event.type === "receive" ? event.message : null;
  if (state.role === "pre-candidate") note("pre-candidacy");
  if (state.role === "candidate" && before.role !== "candidate") note("candidacy");
  if (state.role === "leader") markLeader(step, note);
  if (wasCandidate && state.role === "follower") {
    if (state.term > before.term) {
      note("candidate stepped down on a higher term");
      if (message?.type === "voteReply") note("candidate learned of a higher term from a refusal");
    } else if (message?.type === "appendRequest" || message?.type === "heartbeat") {
      note("candidate stepped down on an append of its term");
    } else if (message?.type === "voteReply") note("candidate lost");
  }
  if (before.role === "leader" && state.role !== "leader") {
    if (state.term > before.term) note("leader stepped down on a higher term");
    else if (event.type === "deadline") note("leader stepped down by check-quorum");
    else if (event.type === "diskStalled" || event.type === "readFailed") note("leader gave up for its disk");
  }
}

function markLeader({ before, state }: Step, note: Note): void {
  const voters = state.voters.incoming.length;
  note("leadership");
  if (voters === 1) note("leader alone in its cluster");
  if (state.term >= 10) note("leader of term 10 or later");
  if (before.role === "candidate" && before.refusals > 0) note("leader elected against a refusal");
}

function markDeadline({ before, state, event }: Step, note: Note): void {
  if (before.role === "candidate" && state.role !== "leader") note("candidacy that ran out");
  if (before.role === "follower" && state.role === "follower" && state.diskStalled &&
    before.electionDeadlineMs <= event.nowMs && event.nowMs < state.electionDeadlineMs) {
    note("no candidacy while the disk stands still");
  }
}

function markVoteRequest({ before, state, effects }: Step, message: VoteRequest, note: Note): void {
  const granted = effects.some((effect) =>
    (effect.type === "send" && effect.message.type === "voteReply" && effect.message.granted) ||
    (effect.type === "store" && effect.messages.some((each) => each.type === "voteReply" && each.granted)));
  const { trail } = state;
  const isLonger = message.lastLogTerm === trail.lastTerm && message.lastLogIndex > trail.lastIndex;
  const isShorter = message.lastLogTerm < trail.lastTerm ||
    (message.lastLogTerm === trail.lastTerm && message.lastLogIndex < trail.lastIndex);
  if (granted) {
    if (isLonger) note("vote given to a longer log of the same term");
    if (message.lastLogTerm > trail.lastTerm) note("vote given to a higher last term");
    return;
  }
  if (message.term < before.term) return;
  if (isShorter) note("vote refused to a shorter log");
  else if (message.preVote && hasLeader(state)) note("pre-vote refused by stickiness");
  else if (message.term > state.term) note("vote refused by stickiness");
  else if (!message.preVote && state.votedFor !== 0 && state.votedFor !== message.from) note("vote refused, given to another");
}

function hasLeader(state: RaftState): boolean {
  return state.leaderId !== 0;
}

function markTransfer({ before, state, event, effects }: Step, note: Note): void {
  if (state.role === "leader" && state.transfer !== null && state.transfer.to === state.handedOverTo && before.handOverNotBeforeMs !== state.handOverNotBeforeMs) {
    note(event.type === "loopStalled" ? "leader whose loop stood still handed over" : "leader with a full disk handed over");
  }
  if (event.type === "receive" && event.message.type === "timeoutNow" && state.diskFull && event.message.term === state.term) note("transfer refused by a full disk");
  if (event.type === "transfer" && state.transfer !== null && !state.transfer.sent) note("transfer waited for its target");
  for (const effect of effects) {
    if (effect.type !== "transferEnded") continue;
    if (effect.refusal === null) note("transfer done");
    else if (effect.refusal === "in-doubt") note("transfer in doubt");
    else if (effect.refusal === "given-up") note("transfer given up");
    else if (effect.refusal === "replaced") note("transfer replaced");
  }
}
