/** The way to a violation, told in words. */
import { byNumber, messageWords } from "../../raft/words.ts";
import { act, actionWords, localWords, unpackAction } from "./actions.ts";
import { firstStart, type Local, type Shape } from "./local.ts";
import type { Tables } from "./tables.ts";

/** Walks these actions from the start of a cluster, and tells what happens. */
export function storyOf(tables: Tables, shape: Shape, actions: readonly number[]): string[] {
  const story: string[] = [];
  const cluster: Local[] = Array.from({ length: shape.members }, (_, i) => firstStart(i + 1, shape));
  for (const packed of actions) {
    const action = unpackAction(packed);
    const message = tables.messageOf(action);
    story.push(actionWords(action, message));
    if (action.name === "drop") continue;
    const { local, sent } = act(cluster[action.member - 1] as Local, action, message);
    cluster[action.member - 1] = local;
    for (const each of sent) story.push(`  says ${messageWords(each)} to ${byNumber(each.to)}`);
    story.push(`  ${localWords(local)}`);
  }
  return story;
}
