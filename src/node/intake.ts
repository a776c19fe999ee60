/**
 * What clients propose, until the turn hands it to the core, and what is refused before: where disk, bytes or the machine
 * leave no room. Sessions are opened and closed apart from commands, in room of their own, so that whoever is refused its
 * commands gets to know that it is heard. Changes of members and transfers do not come here: nothing holds them up.
 */
import { EntryKind } from "../base/entry.ts";
import type { DraftError } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";
import { SESSION_ROOM_BYTES } from "../raft/step.ts";
import type { Space } from "../wal/disk_space.ts";
import type { AnswerDone } from "./node_api.ts";
import { type Proposed, Proposals } from "./proposals.ts";
import { diskFullError, machineBusyError, noLeaderError, refusalError, type RefusingGroup } from "./refusals.ts";

/**
 * A command is refused while the machine has more than this to do already, in milliseconds: whoever is let in then waits
 * no longer, and after any load the group is itself again as soon. A session is refused later.
 */
const BACKLOG_MS_MAX = 500;
const SESSION_BACKLOG_MS_MAX = 2000;

export interface IntakeOptions {
  readonly group: RefusingGroup;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Bytes of commands that one turn takes, at most. */
  readonly bytesMax: number;
  /** How much room there is on the disk. */
  readonly space: () => Space;
  /** How long the machine will be busy with the log as it is and so many entries more. */
  readonly backlogMs: (more: number) => number;
}

/** The proposals of one group. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #commands: Proposals = new Proposals();
  readonly #sessions: Proposals = new Proposals();
  #given: Proposals = this.#commands;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#commands.count + this.#sessions.count;
  }

  /** Those that the core is being given. */
  get given(): Proposals {
    return this.#given;
  }

  /** Takes an entry in, whose payload is copied; or tells `done` why not, and returns false. */
  add({ kind, payload, decoded, frees }: Proposed, timeoutMs: number, done: AnswerDone): boolean {
    const refusal = this.#refusal(kind, payload.length, frees);
    if (refusal !== null) {
      done(refusal);
      return false;
    }
    const gathered = kind === EntryKind.session ? this.#sessions : this.#commands;
    gathered.add(payload, { kind, decoded, deadlineMs: this.#options.clock.monotonicMs() + timeoutMs, done });
    return true;
  }

  /** Hands over what was gathered; sessions behind commands, for one that is closed may have some among them. */
  handOver(step: (proposals: Proposals) => void): void {
    for (const gathered of [this.#commands, this.#sessions]) {
      if (gathered.count === 0) continue;
      this.#given = gathered;
      step(gathered);
      gathered.clear();
    }
  }

  /** The node ends. */
  end(refusal: DraftError): void {
    for (const gathered of [this.#commands, this.#sessions]) {
      for (const { done } of gathered.list) done(refusal);
      gathered.clear();
    }
  }

  #refusal(kind: number, bytes: number, frees: boolean): DraftError | null {
    const { group, bytesMax, backlogMs, space } = this.#options;
    if (group.state.role !== "leader") return noLeaderError(group);
    // Here and nowhere later: once the core has given it an index, only the log decides what becomes of it.
    if (space() === "none" || (space() === "scarce" && !frees)) return diskFullError(group, frees);
    const isSession = kind === EntryKind.session;
    const backlog = backlogMs(this.count);
    const limitMs = isSession ? SESSION_BACKLOG_MS_MAX : BACKLOG_MS_MAX;
    if (backlog > limitMs) return machineBusyError(group.name, backlog, limitMs);
    const gathered = isSession ? this.#sessions : this.#commands;
    const isFull = gathered.count > 0 && gathered.bytes + bytes > (isSession ? SESSION_ROOM_BYTES : bytesMax);
    return isFull ? refusalError("busy", group) : null;
  }
}
