/**
 * Who a member number stands for. A number is given by an entry; where that entry is cut, the next one may give the same
 * number to another directory, while the first still lives and believes in it. So members are told apart by number and
 * incarnation, as the core does: each pair has a seat of its own.
 */
import type { Configuration, Incarnation, MemberNumber } from "../../raft/types.ts";

/** Seats beyond all member numbers of a run: of whoever bears the number of somebody who was there first. */
const SECOND_SEATS = 1024;

/** The seats of one run. Of most numbers there is one, which is the number itself. */
export class Seats {
  readonly #first: Map<MemberNumber, Incarnation> = new Map();
  readonly #later: Map<string, MemberNumber> = new Map();

  /** The seat of this directory as this member. */
  of(number: MemberNumber, incarnation: Incarnation): MemberNumber {
    const first = this.#first.get(number);
    if (first === incarnation) return number;
    if (first === undefined) {
      this.#first.set(number, incarnation);
      return number;
    }
    const key = `${number} ${incarnation}`;
    const seat = this.#later.get(key) ?? SECOND_SEATS + this.#later.size;
    this.#later.set(key, seat);
    return seat;
  }

  /** That of the member of this number in `configuration`; 0 if there is none. */
  in({ members }: Configuration, number: MemberNumber): MemberNumber {
    const member = members.find((each) => each.number === number);
    return member === undefined ? 0 : this.of(number, member.incarnation);
  }
}
