/** Marks of witnesses: what their votes and answers decide, and what they are told when. */
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { Step } from "./marks_step.ts";
import { saidBy } from "./refinement/step.ts";

/** What may happen where some members keep positions alone. */
export const WITNESS_MARKS = [
  "witness gave its vote", "witness's vote made a leader", "witness refused one that holds less", "witness's answer committed entries",
  "witness told of positions", "witness told of what a data voter lacks", "log of a witness began anew",
] as const;

/** One of them. */
export type WitnessMark = (typeof WITNESS_MARKS)[number];

export function markWitnesses({ before, state, event, effects }: Step, note: (mark: WitnessMark) => void): void {
  const said = saidBy(effects);
  const heard = event.type === "receive" ? event.message : null;
  if (state.config.witness) {
    if (heard?.type === "voteRequest") markVote(state, heard, said, note);
    if (effects.some((effect) => effect.type === "store" && effect.reset !== null)) note("log of a witness began anew");
    return;
  }
  if (state.role !== "leader") return;
  const isFromWitness = heard !== null && state.progress.get(heard.from)?.witness === true;
  if (isFromWitness && before.role === "candidate" && heard.type === "voteReply") note("witness's vote made a leader");
  if (isFromWitness && state.commitIndex > before.commitIndex) note("witness's answer committed entries");
  for (const message of said) {
    if (message.type !== "appendRequest" || message.lastIndex === message.prevLogIndex || state.progress.get(message.to)?.witness !== true) continue;
    note("witness told of positions");
    const lacks = [...state.progress.values()].some(({ witness, member, matchIndex }) => !witness && state.voters.incoming.includes(member) && matchIndex < message.lastIndex);
    if (lacks) note("witness told of what a data voter lacks");
  }
}

function markVote(state: RaftState, asked: Message & { type: "voteRequest" }, said: readonly Message[], note: (mark: WitnessMark) => void): void {
  const answer = said.find((message) => message.type === "voteReply");
  if (answer?.type !== "voteReply") return;
  const { lastTerm, lastIndex } = state.trail;
  const holdsLess = asked.lastLogTerm < lastTerm || (asked.lastLogTerm === lastTerm && asked.lastLogIndex < lastIndex);
  if (answer.granted && !asked.preVote) note("witness gave its vote");
  if (!answer.granted && holdsLess) note("witness refused one that holds less");
}
