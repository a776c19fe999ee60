/** Marks of reads and log time. */
import type { Step } from "./marks_step.ts";

/** What may happen to a read. */
export const READ_MARKS = [
  "read waited for the no-op", "several reads in one round", "read waited for the next round", "read answered behind an apply",
  "read of a leader failed with its leadership", "forwarded read failed", "forwarded read timed out", "forwarded read refused",
  "late read answer ignored",
  "read answer to an earlier boot ignored", "time entry", "read waited for a time entry", "several time entries in one term",
] as const;

/** One of them. */
export type ReadMark = (typeof READ_MARKS)[number];

type Note = (mark: ReadMark) => void;

/** Notes what this step was. */
export function markReads(step: Step, note: Note): void {
  const { before, state, event, effects } = step;
  const { reads } = state;
  if (state.role === "leader") {
    const isRead = event.type === "read" || (event.type === "receive" && event.message.type === "readIndexRequest");
    if (isRead && state.commitIndex < state.ownTermIndex) note("read waited for the no-op");
    if (isRead && reads.confirming.length > 0 && reads.waiting.length > 0) note("read waited for the next round");
    if (reads.confirming.length > 1) note("several reads in one round");
    if (state.timeEntryIndex > before.timeEntryIndex && before.role === "leader") {
      note("time entry");
      if (before.timeEntryIndex > 0) note("several time entries in one term");
    }
  }
  if (event.type === "receive" && event.message.type === "readIndexReply") {
    if (event.message.index === 0) note("forwarded read refused");
    else if (effects.length === 0) note("late read answer ignored");
    if (event.message.bootId !== state.config.bootId) note("read answer to an earlier boot ignored");
  }
  for (const effect of effects) {
    if (effect.type === "answerRead") {
      if (effect.index > state.lastApplied) note("read answered behind an apply");
      if (state.role === "leader" && event.type === "applied" && effect.index === state.timeEntryIndex) note("read waited for a time entry");
    } else if (effect.type === "failPending") {
      if (before.role === "leader") note("read of a leader failed with its leadership");
      else note(effect.reason === "timed-out" ? "forwarded read timed out" : "forwarded read failed");
    }
  }
}
