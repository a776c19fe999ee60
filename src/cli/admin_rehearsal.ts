/**
 * `--dry-run` of the commands that change the members: what would come of it, step by step, as the leader tried it out on
 * a copy of its state.
 */
import type { Client } from "../client/client.ts";
import type { MemberRehearsal, RehearsedStep } from "../net/member_rehearsal.ts";
import type { Wanted } from "./admin_members.ts";
import type { RequestSettings } from "./client_options.ts";
import type { Io } from "./io.ts";
import { renderJson, renderTable } from "./render.ts";

const MIB = 1024 * 1024;

/** Prints what the change would lead to. */
export async function rehearseMembers(client: Client, settings: RequestSettings, io: Io, { wishes, force }: Wanted): Promise<void> {
  const { group, timeoutMs, json } = settings;
  const rehearsal = await client.rehearseMembers(wishes, { group, timeoutMs, force });
  if (json) return io.out(renderJson(rehearsal, 0));
  io.err("a dry run: nothing was changed");
  io.out(rehearsal.changed ? rehearsalText(rehearsal) : "nothing to change: it is so already");
}

/** A table of the steps, and below it what to think of. */
export function rehearsalText({ now, steps, isWhole, copiedBytes, fromSnapshot }: MemberRehearsal): string {
  const rows = [["STEP", "DECIDE", "LEARN", "MAY FAIL", "FOR ABOUT"], row("now", now), ...steps.map((step, at) => row(String(at + 1), step))];
  const notes: string[] = [];
  const rising = [...new Set(steps.flatMap((step) => step.rising))];
  if (rising.length > 0) {
    const copy = `${fromSnapshot ? "a snapshot and " : ""}${Math.max(1, Math.round(copiedBytes / MIB))} MiB of log`;
    notes.push(`${rising.join(", ")} must catch up first: copies ${copy}; who has not within 10 minutes stays a learner`);
  }
  const bare = steps.filter(({ spare }) => spare <= 0).map((step) => steps.indexOf(step) + 1);
  const last = steps.at(-1);
  if (bare.length > 0) notes.push(`in step ${bare.join(", ")} nothing can be written once one more voter fails`);
  if (last !== undefined && last.spare < now.spare) notes.push(`afterwards ${mayFail(last)} of the voters that are there may fail, now it is ${mayFail(now)}`);
  const witnesses = last?.witnesses ?? [];
  if (witnesses.length > 0) {
    notes.push(`${witnesses.join(", ")} ${witnesses.length > 1 ? "are witnesses and keep" : "is a witness and keeps"} no data: while a data node is out, losing another one stops the group, without loss`);
  }
  const absent = [...new Set(steps.flatMap((step) => step.absent))];
  if (absent.length > 0) notes.push(`not there now: ${absent.join(", ")}`);
  if (!isWhole) notes.push("it would NOT come to its end: too few of those who decide are there; draft admin why");
  return [renderTable(rows), ...notes].join("\n");
}

function row(name: string, step: RehearsedStep): string[] {
  const { voters, outgoing, quorum, outgoingQuorum, learners, aboutMs } = step;
  const half = (ids: readonly string[], needed: number): string => `${needed} of ${ids.join(" ")}`;
  const decide = outgoing.length > 0 ? `${half(outgoing, outgoingQuorum)}, and ${half(voters, quorum)}` : half(voters, quorum);
  return [name, decide, learners.join(" ") || "-", mayFail(step), aboutMs === null ? "-" : lengthText(aboutMs)];
}

function mayFail({ spare }: RehearsedStep): string {
  return spare < 0 ? `${-spare} too few` : String(spare);
}

function lengthText(aboutMs: number): string {
  if (aboutMs < 1000) return `${Math.max(1, Math.round(aboutMs))} ms`;
  return aboutMs < 120_000 ? `${Math.round(aboutMs / 1000)} s` : `${Math.round(aboutMs / 60_000)} min`;
}
