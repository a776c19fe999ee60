/** What a change of the members would lead to, in the words that operators decide by. Pure. */
import type { MemberRehearsal, RehearsedStep } from "../net/member_rehearsal.ts";

const MIB = 1024 * 1024;

/** What to think of before it is done, a sentence each. */
export function rehearsalNotes({ now, steps, isWhole, copiedBytes, fromSnapshot }: MemberRehearsal): string[] {
  const notes: string[] = [];
  const rising = [...new Set(steps.flatMap((step) => step.rising))];
  if (rising.length > 0) {
    const copy = `${fromSnapshot ? "a snapshot and " : ""}${Math.max(1, Math.round(copiedBytes / MIB))} MiB of log`;
    notes.push(`${rising.join(", ")} must catch up first: copies ${copy}; who has not within 10 minutes stays a learner`);
  }
  const bare = steps.filter(({ spare }) => spare <= 0).map((step) => steps.indexOf(step) + 1);
  const last = steps.at(-1);
  if (bare.length > 0) notes.push(`in step ${bare.join(", ")} nothing can be written once one more voter fails`);
  if (last !== undefined && last.spare < now.spare) notes.push(`afterwards ${mayFailText(last)} of the voters that are there may fail, now it is ${mayFailText(now)}`);
  const witnesses = last?.witnesses ?? [];
  if (witnesses.length > 0) {
    notes.push(`${witnesses.join(", ")} ${witnesses.length > 1 ? "are witnesses and keep" : "is a witness and keeps"} no data: while a data node is out, losing another one stops the group, without loss`);
  }
  const absent = [...new Set(steps.flatMap((step) => step.absent))];
  if (absent.length > 0) notes.push(`not there now: ${absent.join(", ")}`);
  if (!isWhole) notes.push("it would NOT come to its end: too few of those who decide are there; draft admin why");
  return notes;
}

/** How many of whom decide in a step. */
export function decidersText({ voters, outgoing, quorum, outgoingQuorum }: RehearsedStep): string {
  const half = (ids: readonly string[], needed: number): string => `${needed} of ${ids.join(" ")}`;
  return outgoing.length > 0 ? `${half(outgoing, outgoingQuorum)}, and ${half(voters, quorum)}` : half(voters, quorum);
}

/** How many of the voters that are there may fail. */
export function mayFailText({ spare }: Pick<RehearsedStep, "spare">): string {
  return spare < 0 ? `${-spare} too few` : String(spare);
}

/** A rough length of time. */
export function lengthText(aboutMs: number): string {
  if (aboutMs < 1000) return `${Math.max(1, Math.round(aboutMs))} ms`;
  return aboutMs < 120_000 ? `${Math.round(aboutMs / 1000)} s` : `${Math.round(aboutMs / 60_000)} min`;
}
