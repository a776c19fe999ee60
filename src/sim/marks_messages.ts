/** Marks of messages that fared as a connection lets none fare. */
import type { MessageArrival } from "./lossy_ways.ts";
import type { Step } from "./marks_step.ts";

/** What may happen to a message. */
export const MESSAGE_MARKS = [
  "message overtaken", "message came in a later connection", "ack of an earlier boot ignored", "doubled vote ignored",
  "message of an old term came to a leader",
] as const;

/** One of them. */
export type MessageMark = (typeof MESSAGE_MARKS)[number];

type Note = (mark: MessageMark) => void;

/** By how it came. */
export const ARRIVAL_MARKS: Readonly<Record<MessageArrival, MessageMark>> = {
  overtaken: "message overtaken",
  "in a later connection": "message came in a later connection",
};

/** Notes what this step was. */
export function markMessages({ before, state, event }: Step, note: Note): void {
  if (event.type !== "receive") return;
  const { dropped } = state;
  if ((dropped["ack-of-earlier-boot"] ?? 0) > before.earlierBootAcks) note("ack of an earlier boot ignored");
  if ((dropped["doubled-vote"] ?? 0) > before.doubledVotes) note("doubled vote ignored");
  if (before.role === "leader" && event.message.term < before.term) note("message of an old term came to a leader");
}
