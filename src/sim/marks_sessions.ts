/** Marks of sessions: commands that were sent again, and the limits of what is remembered. */
import { DraftError } from "../base/errors.ts";
import type { Sessions, SessionTally } from "../machine/sessions.ts";
import { termAt } from "../raft/trail.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Index } from "../raft/types.ts";
import type { ClientOperation, SimMember } from "./property.ts";

/** What may befall a command under a session. */
export const SESSION_MARKS = [
  "session: written", "session: written by a later try", "session: refused by a later try", "session: unknown in the end",
  "session: not done in the end", "session: gone, and another one opened", "session: gone, unknown",
  "session: answered from the table", "session: answered from the table, run in an earlier term",
  "session: answered from the table, run before a restart",
  "session: expired", "session: made room, there were too many", "session: made room, they took too much",
  "session: its window gave up a sequence", "session: refused behind its window", "session: came before its turn", "session: answer not kept",
] as const;

/** One of them. */
export type SessionMark = (typeof SESSION_MARKS)[number];

/** Notes how a write ended that had a session. */
export function markSessionWrite({ answer, read, sent = [] }: ClientOperation, note: (mark: SessionMark) => void): void {
  const [first] = sent;
  // Item 1 of the envelope is 0 without a session.
  if (read !== null || first === undefined || first[1] === 0) return;
  const sessions = new Set(sent.map((envelope) => envelope.subarray(2, 18).join()));
  if (sessions.size > 1) note("session: gone, and another one opened");
  if (!(answer instanceof DraftError)) note(sent.length > sessions.size ? "session: written by a later try" : "session: written");
  else if (answer.code === "SESSION_EXPIRED") note("session: gone, unknown");
  else if (answer.code === "REJECTED" || answer.code === "CONFLICT") {
    if (sent.length > sessions.size) note("session: refused by a later try");
  } else note(answer.outcome === "unknown" ? "session: unknown in the end" : "session: not done in the end");
}

/**
 * Looks at the last entry of a page that was applied: whether its command had been run before.
 *
 * @param foundAt the last index that the member's process found on its disk
 */
export function markDuplicate(member: SimMember, state: RaftState, event: Event, foundAt: Index, note: (mark: SessionMark) => void): void {
  if (event.type !== "applied" || member.applier === null) return;
  const { answeredIndex } = member.applier;
  if (answeredIndex === event.index) return;
  note("session: answered from the table");
  const ranIn = termAt(state.trail, answeredIndex);
  if (ranIn !== null && ranIn !== termAt(state.trail, event.index)) note("session: answered from the table, run in an earlier term");
  if (answeredIndex <= foundAt && event.index > foundAt) note("session: answered from the table, run before a restart");
}

const LIMIT_MARKS: Readonly<Record<keyof SessionTally, SessionMark>> = {
  expired: "session: expired", evictedByCount: "session: made room, there were too many", evictedByBytes: "session: made room, they took too much",
  slid: "session: its window gave up a sequence", below: "session: refused behind its window", early: "session: came before its turn",
  notKept: "session: answer not kept",
};

/** Notes which limits of its sessions each member met. */
export class LimitMarks {
  readonly #seen: Map<SimMember, { of: Sessions; tally: SessionTally }> = new Map();

  /** Looks at what the member's table counted since this was called last; a table that is new began with 0. */
  stepped(member: SimMember, note: (mark: SessionMark) => void): void {
    const sessions = member.applier?.sessions;
    if (sessions === undefined) return;
    const { tally } = sessions;
    const seen = this.#seen.get(member);
    const before = seen?.of === sessions ? seen.tally : null;
    let isNew = before === null;
    for (const name in LIMIT_MARKS) {
      const kind = name as keyof SessionTally;
      if (tally[kind] === (before?.[kind] ?? 0)) continue;
      note(LIMIT_MARKS[kind]);
      isNew = true;
    }
    if (isNew) this.#seen.set(member, { of: sessions, tally: { ...tally } });
  }
}
