/** Who asked this node to hand leadership over, until it is known how that ended. */
import type { Refusal } from "../raft/event.ts";
import type { MemberNumber } from "../raft/types.ts";

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
