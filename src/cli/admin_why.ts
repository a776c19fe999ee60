/**
 * `draft admin why`: asks every node how it is and what it decided of late, and says what is wrong.
 */
import { DraftError } from "../base/errors.ts";
import type { Client } from "../client/client.ts";
import type { MemberList } from "../net/client_answers.ts";
import { diagnose } from "../gateway/diagnosis.ts";
import { askEach, survey } from "../gateway/survey.ts";
import { decodeRecording, mergeStories } from "../node/recording.ts";
import type { RequestSettings } from "./client_options.ts";
import type { Io } from "./io.ts";
import { renderJson } from "./render.ts";

/** Prints the findings, all of them or those about one node. */
export async function explain(client: Client, { group, timeoutMs, json }: RequestSettings, io: Io, id: string | null): Promise<void> {
  const asked = { group, timeoutMs };
  const states = await survey(client, asked);
  const told = await answersOf(() => askEach(client, asked, (address) => client.recording("story", { ...asked, address })));
  const lists = await answersOf(() => askEach(client, asked, (address) => client.members({ ...asked, address })));
  const stories = told.map((body) => decodeRecording(body).story);
  const members = lists.sort((a, b) => b.index - a.index)[0] ?? null;
  const findings = diagnose({ group, states, members, story: mergeStories(stories) });
  if (id !== null && !isKnown(id, states.map(({ nodeId }) => nodeId), members)) {
    throw new DraftError("NOT_FOUND", `no node is called '${id}': see draft admin states`);
  }
  const shown = id === null ? findings : findings.filter(({ about }) => about === id || about === "leader");
  if (json) return io.out(renderJson(shown, members?.index ?? 0));
  io.out(shown.map(({ about, says }) => `${about}: ${says}`).join("\n"));
}

function isKnown(id: string, nodes: readonly string[], members: MemberList | null): boolean {
  return nodes.includes(id) || (members?.members ?? []).some((member) => member.id === id);
}

/** What whoever could answered; nodes that are in no cluster yet cannot. */
async function answersOf<T>(ask: () => Promise<{ readonly answers: readonly { readonly answer: T }[] }>): Promise<T[]> {
  try {
    return (await ask()).answers.map(({ answer }) => answer);
  } catch (error) {
    if (error instanceof DraftError && error.outcome === "not-done" && error.code !== "WRONG_IDENTITY") return [];
    throw error;
  }
}
