/**
 * State Machine Safety as users see it (dissertation figure 3.2; O05, DESIGN promise 8): machines that applied the same
 * entries are equal. The running digest is compared wherever two of them stood at one index, the machine's own hash,
 * which may cost much, and the whole table of sessions, at some of these and in the end, and wherever a machine was made
 * from a snapshot: at a restart, or from another member's. A snapshot that all of them share may be wrong alike, so in
 * the end one machine more applies the whole log, and must have been what each of these was.
 */
import type { Applier } from "../../machine/applier.ts";
import type { Event } from "../../raft/event.ts";
import type { Index } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

/** One of so many indexes is looked at with the machine's own hash. */
const HASH_EVERY = 61;

interface Seen {
  readonly member: string;
  /** Whether it was made from a snapshot that ends there. */
  readonly isRestored: boolean;
  readonly digest: number;
  readonly hash: string | null;
}

export class EqualStates implements Property {
  readonly name: string = "equal-states";
  readonly #seen: Map<Index, Seen> = new Map();

  opened(member: SimMember): void {
    if ((member.applier?.lastApplied.index ?? 0) > 0) this.#compare(member, { withHash: true, isRestored: true });
  }

  stepped(member: SimMember, event: Event): void {
    if (member.applier === null) return;
    if (event.type === "applied") this.#compare(member, { withHash: event.index % HASH_EVERY === 0, isRestored: false });
    // A snapshot must leave the machine as the entries would have.
    else if (event.type === "restored") this.#compare(member, { withHash: true, isRestored: true });
  }

  finished(members: readonly SimMember[]): void {
    for (const member of members) if (member.applier !== null) this.#compare(member, { withHash: true, isRestored: false });
  }

  /** A machine that applied the log from its beginning came to an index: what stood there must have been equal. */
  compareReplay(applier: Applier): void {
    const { index } = applier.lastApplied;
    const seen = this.#seen.get(index);
    if (seen === undefined) return;
    const { member, digest, hash, isRestored } = seen;
    const who = `${member}${isRestored ? ", restored from a snapshot," : ""}`;
    if (digest !== applier.digest) {
      throw new Violation(this.name, `at index ${index} ${who} had the digest ${digest.toString(16)}, the log makes ${applier.digest.toString(16)}`);
    }
    const replayed = hash === null ? null : hashOf(applier);
    if (hash !== replayed) throw new Violation(this.name, `at index ${index} ${who} had the state hash ${hash}, the log makes ${replayed}`);
  }

  /** Of one that is led astray it is asked elsewhere whether it is found. */
  #compare(member: SimMember, { withHash, isRestored }: { withHash: boolean; isRestored: boolean }): void {
    if (member.isAstray === true) return;
    const applier = member.applier!;
    const { index } = applier.lastApplied;
    const { digest } = applier;
    // A state on disk is ahead of the entries that are gone through again.
    const hash = withHash && applier.readableIndex === index ? hashOf(applier) : null;
    const known = this.#seen.get(index);
    if (known === undefined || (known.hash === null && hash !== null && known.digest === digest)) {
      this.#seen.set(index, { member: member.id, isRestored, digest, hash });
    } else if (known.digest !== digest) {
      throw new Violation(this.name, `at index ${index} ${member.id} has the digest ${digest.toString(16)}, ${known.member} had ${known.digest.toString(16)}`);
    } else if (known.hash !== null && hash !== null && known.hash !== hash) {
      throw new Violation(this.name, `at index ${index} ${member.id} has the state hash ${hash}, ${known.member} had ${known.hash}`);
    }
  }
}

function hashOf(applier: Applier): string {
  return `${applier.stateHash()} with sessions ${applier.sessions.hash().toString(16)}`;
}
