/** A step in words, for whoever reads why it was refused. */
import type { Event } from "../../raft/event.ts";
import { messageWords } from "../explorer/actions.ts";
import type { View } from "./abstract.ts";

/** What happened. */
export function eventWords(event: Event): string {
  switch (event.type) {
    case "receive": return messageWords(event.message);
    case "stored": return `stored ${event.store}`;
    case "propose": return `propose ${event.entries.length}`;
    case "read": return `read ${event.readId}`;
    case "transfer": return `transfer to ${event.to}`;
    default: return event.type;
  }
}

/** What is different after the step, field by field. */
export function differenceWords(before: View, after: View): string {
  const names = Object.keys(after) as (keyof View)[];
  const changes = names.filter((name) => before[name] !== after[name]).map((name) => `${name} ${before[name]} → ${after[name]}`);
  return changes.length === 0 ? "nothing else changed" : changes.join(", ");
}
