/** A change of the membership, from when it was asked for until the core has taken or refused it. */
import type { Configuration } from "../raft/types.ts";
import type { AnswerDone } from "./node_api.ts";

/** What the core is asked. */
export interface WantedMembership {
  /** See `wantedConfiguration`. */
  readonly configuration: Configuration;
  /** Log time. */
  readonly promoteWithinMs: number;
  /** See the core's event. */
  readonly force: boolean;
}

/** One change that somebody waits for. */
export interface MembershipChange extends WantedMembership {
  readonly deadlineMs: number;
  /** Gets the index of its first entry once that is applied. */
  readonly done: AnswerDone;
}
