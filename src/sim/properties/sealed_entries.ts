/**
 * Every entry that any log of a run ever held: one object for each (index, term, chain), shared by all logs that hold
 * it, and linked to the entry before it. So logs are compared by identity, and an entry stands for its whole prefix.
 */
import type { EntryHead } from "../../base/entry.ts";
import type { Configuration, Index, LogEntry, MemberNumber, Term } from "../../raft/types.ts";
import { Seats } from "./seats.ts";
import { type Voters, votersOf } from "./voters.ts";

/** One sealed entry, or the point at which logs begin. */
export interface Sealed extends Readonly<EntryHead> {
  /** The entry before, where it was first seen; null at the start of a log, or if it is not known. */
  readonly previous: Sealed | null;
  /** The member on which it was first seen; 0 if it was found on a disk. */
  readonly by: MemberNumber;
  /** Who takes part from here on, and who votes, if the entry is a configuration. */
  readonly configuration: Configuration | null;
  readonly voters: Voters | null;
  /** Another entry at the same index. */
  readonly other: Sealed | null;
}

/** What identifies an entry. */
export interface Point {
  readonly index: Index;
  readonly term: Term;
  readonly chain: number;
}

/** The entries of all logs. */
export class SealedEntries {
  readonly seats: Seats = new Seats();
  /** By index; the newest first where there are several. */
  readonly #byIndex: (Sealed | null)[] = [];

  /** The entry at this point; null if no log ever held it. */
  find(index: Index, term: Term, chain: number): Sealed | null {
    let sealed = this.#byIndex[index] ?? null;
    while (sealed !== null && (sealed.chain !== chain || sealed.term !== term)) sealed = sealed.other;
    return sealed;
  }

  /** All entries that were ever at `index`, as a list linked by `other`. */
  at(index: Index): Sealed | null {
    return this.#byIndex[index] ?? null;
  }

  /** The entry as a member appends it behind `previous`. */
  take(entry: LogEntry, previous: Sealed | null, by: MemberNumber): Sealed {
    const known = this.find(entry.index, entry.term, entry.chain);
    if (known !== null) return known;
    const { kind, group, index, term, timeMs, chain, payloadBytes, payloadSum, configuration } = entry;
    const voters = configuration === null ? null : votersOf(configuration, this.seats);
    return this.#keep({ kind, group, index, term, timeMs, chain, payloadBytes, payloadSum, previous, by, configuration, voters, other: this.at(index) });
  }

  /** A point that was found on a disk. */
  adopt(point: Point, previous: Sealed | null): Sealed {
    const known = this.find(point.index, point.term, point.chain);
    if (known !== null) return known;
    const { index, term, chain } = point;
    return this.#keep({
      kind: 0, group: 0, index, term, timeMs: 0, chain, payloadBytes: 0, payloadSum: 0, previous, by: 0, configuration: null, voters: null, other: this.at(index),
    });
  }

  #keep(sealed: Sealed): Sealed {
    while (this.#byIndex.length < sealed.index) this.#byIndex.push(null);
    this.#byIndex[sealed.index] = sealed;
    return sealed;
  }
}

/** An entry in words. */
export function pointText(point: Point | null): string {
  return point === null ? "nothing" : `${point.index}@${point.term} (chain ${point.chain.toString(16)})`;
}
