/**
 * What the table of sessions will say of commands that are not applied yet. A command is foreseen only if nothing that
 * comes before it can change the outcome, whatever that is answered: if in doubt, it is not.
 */
import type { CommandEnvelope } from "./command.ts";
import { KEPT_ANYWAY_BYTES } from "./kept_answer.ts";
import { COMMAND_COST_BYTES } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** What commands that were foreseen will have made of a session. */
interface Foreseen {
  /** Sequences below will be refused. */
  below: number;
  readonly sequences: Set<number>;
}

/** Looks ahead from one state of the table. */
export class SessionOutlook {
  readonly #sessions: Sessions;
  readonly #foreseen: Map<string, Foreseen> = new Map();
  /** Room for answers, as long as they may be: without it others go to make some. */
  #roomBytes: number;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#roomBytes = sessions.limits.bytesMax - sessions.bytes;
  }

  /**
   * Whether the command will be run for certain. If so, the next question is about what comes behind it.
   *
   * @param timeMs log time of its entry
   */
  runs({ session: id, sequence, answeredBelow }: CommandEnvelope, timeMs: number): boolean {
    const { limits } = this.#sessions;
    const session = this.#sessions.find(id ?? "");
    if (session === null || session.ordered || sequence < 1 || session.usedMs + limits.idleMs <= timeMs) return false;
    const foreseen = this.#foreseen.get(session.id) ?? { below: session.answeredBelow, sequences: new Set<number>() };
    const below = Math.max(foreseen.below, answeredBelow, sequence - limits.window + 1);
    if (sequence < below || session.has(sequence) || foreseen.sequences.has(sequence)) return false;
    const costBytes = COMMAND_COST_BYTES + Math.max(limits.answerBytesMax, KEPT_ANYWAY_BYTES);
    if (costBytes > this.#roomBytes) return false;
    this.#roomBytes -= costBytes;
    foreseen.below = below;
    foreseen.sequences.add(sequence);
    this.#foreseen.set(session.id, foreseen);
    return true;
  }
}
