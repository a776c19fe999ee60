/** Changes of the membership that were asked for in this turn, until the core has taken or refused them. */
import type { Configuration } from "../raft/types.ts";
import type { AnswerDone } from "./node_api.ts";

/** What the core is asked. */
export interface WantedMembership {
  /** See `wantedConfiguration`. */
  readonly configuration: Configuration;
  /** Log time. */
  readonly promoteWithinMs: number;
}

/** One change that somebody waits for. */
export interface MembershipChange extends WantedMembership {
  readonly deadlineMs: number;
  /** Gets the index of its first entry once that is applied. */
  readonly done: AnswerDone;
}

/** The changes of one group. */
export class MembershipChanges {
  #gathered: MembershipChange[] = [];

  get count(): number {
    return this.#gathered.length;
  }

  add(change: MembershipChange): void {
    this.#gathered.push(change);
  }

  /** All that were gathered, which are the caller's now. */
  take(): readonly MembershipChange[] {
    const taken = this.#gathered;
    this.#gathered = [];
    return taken;
  }
}
