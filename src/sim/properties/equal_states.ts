/**
 * State Machine Safety as users see it (dissertation figure 3.2; O05, DESIGN promise 8): machines that applied the same
 * entries are equal. The running digest is compared wherever two of them stood at one index, the machine's own hash,
 * which may cost much, and the whole table of sessions, at some of these and in the end.
 */
import type { Event } from "../../raft/event.ts";
import type { Index } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

/** One of so many indexes is looked at with the machine's own hash. */
const HASH_EVERY = 61;

interface Seen {
  readonly member: string;
  readonly digest: number;
  readonly hash: string | null;
}

export class EqualStates implements Property {
  readonly name: string = "equal-states";
  readonly #seen: Map<Index, Seen> = new Map();

  stepped(member: SimMember, event: Event): void {
    if (member.applier === null) return;
    if (event.type === "applied") this.#compare(member, event.index % HASH_EVERY === 0);
    // A snapshot must leave the machine as the entries would have.
    else if (event.type === "restored") this.#compare(member, true);
  }

  finished(members: readonly SimMember[]): void {
    // Those that were seen before without a hash are seen anew, all with theirs.
    this.#seen.clear();
    for (const member of members) if (member.applier !== null) this.#compare(member, true);
  }

  #compare(member: SimMember, withHash: boolean): void {
    const applier = member.applier!;
    const { index } = applier.lastApplied;
    const { digest } = applier;
    const hash = withHash ? `${applier.stateHash()} with sessions ${applier.sessions.hash().toString(16)}` : null;
    const known = this.#seen.get(index);
    if (known === undefined || (known.hash === null && hash !== null && known.digest === digest)) {
      this.#seen.set(index, { member: member.id, digest, hash });
    } else if (known.digest !== digest) {
      throw new Violation(this.name, `at index ${index} ${member.id} has the digest ${digest.toString(16)}, ${known.member} had ${known.digest.toString(16)}`);
    } else if (known.hash !== null && hash !== null && known.hash !== hash) {
      throw new Violation(this.name, `at index ${index} ${member.id} has the state hash ${hash}, ${known.member} had ${known.hash}`);
    }
  }
}
