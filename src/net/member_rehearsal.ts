/**
 * What a change of the members would lead to, as a leader tells it that has tried it out on a copy of its state.
 */
import { recordFrom, unreadable } from "./client_answers.ts";

/** As the message of one that cannot be read calls it. */
const WHAT = "rehearsal";

/** One configuration on the way. */
export interface RehearsedStep {
  /** Names of those whose majority decides; of a joint step that of the new half. */
  readonly voters: readonly string[];
  /** Of a joint step: those whose majority must agree, too; else empty. */
  readonly outgoing: readonly string[];
  /** Those that keep positions and no data, or are to. */
  readonly witnesses: readonly string[];
  readonly learners: readonly string[];
  /** Those that are to vote once they have caught up. */
  readonly rising: readonly string[];
  /** How many of each half must be there. */
  readonly quorum: number;
  readonly outgoingQuorum: number;
  /** How many of the voters that are there now may fail, and something can still be decided; below 0: nothing can. */
  readonly spare: number;
  /** Names of voters that are not there now. */
  readonly absent: readonly string[];
  /** How long the step lasts, in milliseconds, by a rough guess; null: it is the last one. */
  readonly aboutMs: number | null;
}

/** All of it. */
export interface MemberRehearsal {
  /** False: it is so already, and nothing would be done. */
  readonly changed: boolean;
  /** How it is now. */
  readonly now: RehearsedStep;
  readonly steps: readonly RehearsedStep[];
  /** Whether it would come to its end with those who are there. */
  readonly isWhole: boolean;
  /** What a newcomer has to copy, in bytes of log, and whether a snapshot comes before that. */
  readonly copiedBytes: number;
  readonly fromSnapshot: boolean;
}

/** Checks as much as its readers rely on. @throws DraftError BAD_REQUEST */
export function rehearsalFrom(value: unknown): MemberRehearsal {
  const { now, steps } = recordFrom(value, WHAT);
  if (!Array.isArray(steps)) throw unreadable(WHAT);
  for (const step of [now, ...steps as unknown[]]) {
    const { voters, outgoing, witnesses, learners, rising, absent, quorum, spare } = recordFrom(step, WHAT);
    if (![voters, outgoing, witnesses, learners, rising, absent].every(Array.isArray) || typeof quorum !== "number" || typeof spare !== "number") throw unreadable(WHAT);
  }
  return value as MemberRehearsal;
}
