/** Whether a request goes to another node: the one that leads, unless it came from a node that had forwarded it already. */
import { DraftError, type LeaderHint } from "../base/errors.ts";
import type { Answer, NodeApi } from "../node/node_api.ts";

/** Finds the node that leads, if it is another one and may be asked. */
export class OtherLeader {
  readonly #api: NodeApi;
  readonly #isForwarded: () => boolean;

  /** @param isForwarded whether requests come from another node, which would forward them again to whoever it knows */
  constructor(api: NodeApi, isForwarded: () => boolean) {
    this.#api = api;
    this.#isForwarded = isForwarded;
  }

  /** Who leads `group`; null if this node has to answer. */
  of(group: string): LeaderHint | null {
    return this.#api.leads(group) ? null : this.#mayAsk(this.#api.leaderOf(group));
  }

  /** Whom this node's refusal names. */
  in(result: Answer | DraftError): LeaderHint | null {
    return result instanceof DraftError && result.code === "NOT_LEADER" ? this.#mayAsk(result.leader) : null;
  }

  #mayAsk(leader: LeaderHint | null): LeaderHint | null {
    return leader === null || this.#isForwarded() || leader.id === this.#api.identity().nodeId ? null : leader;
  }
}
