/** Who asked this node to hand leadership over, until it is known how that ended. */
import type { Now, Refusal } from "../raft/event.ts";
import { isThere } from "../raft/liveness.ts";
import type { RaftState } from "../raft/state.ts";
import type { MemberNumber } from "../raft/types.ts";

/** Why `member` is not there to take over from this leader, in words; empty: it is. */
export function absenceOf(state: RaftState, member: MemberNumber, now: Now): string {
  if (isThere(state, member, now)) return "";
  const lastHeardMs = state.progress.get(member)?.lastHeardMs ?? Number.NEGATIVE_INFINITY;
  return Number.isFinite(lastHeardMs) ? `it was not heard for ${Math.round(now.nowMs - lastHeardMs)} ms` : "this leader has not heard it yet";
}

/** Hears how a transfer ended: null if the target leads. */
export type TransferDone = (refusal: Refusal | null) => void;

/** Transfers of one group. */
export class Transfers {
  #waiting: { readonly to: MemberNumber; readonly done: TransferDone }[] = [];

  add(to: MemberNumber, done: TransferDone): void {
    this.#waiting.push({ to, done });
  }

  /** The transfer to a member ended; all who asked for it hear of that. */
  ended(to: MemberNumber, refusal: Refusal | null): void {
    const ended = this.#waiting.filter((transfer) => transfer.to === to);
    this.#waiting = this.#waiting.filter((transfer) => transfer.to !== to);
    for (const transfer of ended) transfer.done(refusal);
  }

  /** The node ends. */
  end(): void {
    for (const { done } of this.#waiting.splice(0)) done("not-leader");
  }
}
