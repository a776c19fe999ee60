/** Asks this node, or the one that leads: what any door does with what only the leader can do. */
import type { AnswerDone } from "../node/node_api.ts";
import type { Forwarder, ForwardRequest } from "./forward.ts";
import type { OtherLeader } from "./other_leader.ts";

/** One request, as it is asked here and elsewhere. */
export interface LeaderRequest {
  readonly group: string;
  readonly here: (done: AnswerDone) => void;
  readonly elsewhere: ForwardRequest;
  /** See {@link Forwarder.forward}. */
  readonly bytes?: number;
}

/** @param done is told once, within the call or later */
export function askLeader(ways: { readonly leader: OtherLeader; readonly forwarder: Forwarder }, request: LeaderRequest, done: AnswerDone): void {
  const { group, here, elsewhere, bytes = 0 } = request;
  const leader = ways.leader.of(group);
  if (leader !== null) return ways.forwarder.forward(leader, elsewhere, done, bytes);
  here((result) => {
    // That it leads no longer may also be its answer.
    const other = ways.leader.in(result);
    if (other !== null) ways.forwarder.forward(other, elsewhere, done, bytes);
    else done(result);
  });
}
