/**
 * What each member's core believed to be durable, against what the next process finds. A member that was damaged owes
 * nothing; but then somebody must know that it lost something.
 */
import { chainAt } from "../raft/trail.ts";
import { type Property, type SimMember, Violation } from "./property.ts";

/** What a core believed to be durable. */
export interface Claim {
  readonly term: number;
  /** The vote in that term; 0: none, or none that is certain. */
  readonly vote: number;
  readonly index: number;
  readonly chain: number | null;
}

/** Keeps the claims. */
export class DurableClaims implements Property {
  readonly name = "what was durable is there again";
  readonly #claims: Map<string, Claim> = new Map();
  readonly #onLoss: (member: SimMember, what: string) => void;

  /** @param onLoss hears that a member which was forgiven lost something */
  constructor(onLoss: (member: SimMember, what: string) => void = () => {}) {
    this.#onLoss = onLoss;
  }

  /** What the member's core believed last; null if nothing. */
  of(member: SimMember): Claim | null {
    return this.#claims.get(member.id) ?? null;
  }

  stepped(member: SimMember): void {
    const { state } = member;
    if (state === null) return;
    const isStored = state.pendingStores.length === 0;
    this.#claims.set(member.id, {
      term: state.durableTerm,
      vote: isStored && state.durableTerm === state.term ? state.votedFor : 0,
      index: state.durableIndex,
      chain: chainAt(state.trail, state.durableIndex),
    });
  }

  opened(member: SimMember): void {
    const claim = this.#claims.get(member.id);
    if (claim === undefined) return;
    const loss = lossOf(member, claim);
    if (loss === null) return;
    if (!member.forgiven) throw new Violation(this.name, `${member.id} ${loss}`);
    this.#claims.delete(member.id);
    this.#onLoss(member, loss);
  }

  /** The directory is gone, and with it all that was claimed. */
  forget(member: SimMember): void {
    this.#claims.delete(member.id);
  }
}

/** What of the claim the member's process did not find, in words; null if it found all. */
export function lossOf({ state }: SimMember, claim: Claim): string | null {
  if (state === null) return null;
  if (state.term < claim.term) return `had term ${claim.term} durable and found ${state.term}`;
  if (state.term === claim.term && claim.vote !== 0 && state.votedFor !== claim.vote) {
    return `had its vote for ${claim.vote} in term ${claim.term} durable and found ${state.votedFor}`;
  }
  const { lastIndex } = state.trail;
  if (lastIndex < claim.index) return `had index ${claim.index} durable and found ${lastIndex}`;
  const chain = chainAt(state.trail, claim.index);
  if (claim.chain !== null && chain !== null && chain !== claim.chain) return `had another entry durable at index ${claim.index}`;
  return null;
}
