/**
 * `--dry-run` of the commands that change the members: what would come of it, step by step, as the leader tried it out on
 * a copy of its state.
 */
import type { Client } from "../client/client.ts";
import { decidersText, lengthText, mayFailText, rehearsalNotes } from "../gateway/rehearsal_words.ts";
import type { MemberRehearsal, RehearsedStep } from "../net/member_rehearsal.ts";
import type { Wanted } from "./admin_members.ts";
import type { RequestSettings } from "./client_options.ts";
import type { Io } from "./io.ts";
import { renderJson, renderTable } from "./render.ts";

/** Prints what the change would lead to. */
export async function rehearseMembers(client: Client, settings: RequestSettings, io: Io, { wishes, force }: Wanted): Promise<void> {
  const { group, timeoutMs, json } = settings;
  const rehearsal = await client.rehearseMembers(wishes, { group, timeoutMs, force });
  if (json) return io.out(renderJson(rehearsal, 0));
  io.err("a dry run: nothing was changed");
  io.out(rehearsal.changed ? rehearsalText(rehearsal) : "nothing to change: it is so already");
}

/** A table of the steps, and below it what to think of. */
export function rehearsalText(rehearsal: MemberRehearsal): string {
  const { now, steps } = rehearsal;
  const rows = [["STEP", "DECIDE", "LEARN", "MAY FAIL", "FOR ABOUT"], row("now", now), ...steps.map((step, at) => row(String(at + 1), step))];
  return [renderTable(rows), ...rehearsalNotes(rehearsal)].join("\n");
}

function row(name: string, step: RehearsedStep): string[] {
  const { learners, aboutMs } = step;
  return [name, decidersText(step), learners.join(" ") || "-", mayFailText(step), aboutMs === null ? "-" : lengthText(aboutMs)];
}
