/** Draws which clients write under sessions, and how little nodes remember of these. */
import { nextFloat, type RandomState } from "../base/random.ts";
import { SESSION_LIMITS, type SessionLimits } from "../machine/session_limits.ts";
import type { LibraryClient, Settings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";

/** The part of runs in which clients write under sessions, most of them. */
const SESSIONS_PART = 0.5;

/** Of these, the part in which nodes remember less than they ship with. */
const TIGHT_PART = 0.6;

/** Of the clients under sessions, those whose sessions are ordered. */
const ORDERED_PART = 0.3;

/** What is drawn for each limit that is not left as it ships. */
const SMALL: Readonly<Record<keyof SessionLimits, readonly number[]>> = {
  sessionsMax: [1, 2, 3], bytesMax: [800, 2000, 6000], idleMs: [300, 1000, 4000], window: [1, 2, 8, 64],
  answerBytesMax: [0, 16, 64], answersBytesMax: [0, 100, 1000],
  // A key that went before its write was sent for the last time would let it be done twice: longer than any run.
  keysMax: [1, 5, 50], keyMs: [600_000], keyAnswersBytesMax: [0, 100],
};

/** What stands in the settings of a run about sessions. */
export function drawSessions(seed: number, { clients }: Settings, library: readonly LibraryClient[]): Pick<Settings, "sessions" | "ordered" | "sessionLimits"> {
  const random = streamOf(seed, "sessions");
  if (nextFloat(random) >= SESSIONS_PART) return {};
  const sessions = Array.from({ length: clients }, (_, at) => at + 1).filter(() => nextFloat(random) < 0.7);
  if (sessions.length === 0) return {};
  // The library's own sessions are not ordered.
  const ordered = sessions.filter((client) => nextFloat(random) < ORDERED_PART && !library.some((each) => each.client === client));
  const sessionLimits = nextFloat(random) < TIGHT_PART ? drawLimits(random) : {};
  return { sessions, ...(ordered.length === 0 ? {} : { ordered }), ...(Object.keys(sessionLimits).length === 0 ? {} : { sessionLimits }) };
}

function drawLimits(random: RandomState): Partial<SessionLimits> {
  const limits: Partial<Record<keyof SessionLimits, number>> = {};
  for (const name of Object.keys(SESSION_LIMITS) as (keyof SessionLimits)[]) {
    if (nextFloat(random) < 0.4) limits[name] = pick(random, SMALL[name]);
  }
  return limits;
}
