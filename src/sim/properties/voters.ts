/**
 * Majorities, counted once more and plainly: what the core decides by `raft/quorum.ts` is judged here without it
 * (dissertation 4.3: in a joint step both halves must agree).
 */
import type { Configuration, MemberNumber } from "../../raft/types.ts";
import type { Seats } from "./seats.ts";

/** Who votes, by seat; `outgoing` is empty unless the configuration is joint. */
export interface Voters {
  readonly incoming: readonly MemberNumber[];
  readonly outgoing: readonly MemberNumber[];
}

/** The voters of `configuration`: those that keep data, and witnesses. */
export function votersOf(configuration: Configuration, seats: Seats): Voters {
  const incoming: MemberNumber[] = [];
  const outgoing: MemberNumber[] = [];
  for (const { number, incarnation, role, outgoingRole } of configuration.members) {
    const seat = seats.of(number, incarnation);
    if (role === "voter" || role === "witness") incoming.push(seat);
    if (configuration.joint && (outgoingRole === "voter" || outgoingRole === "witness")) outgoing.push(seat);
  }
  return { incoming, outgoing };
}

/** Whether more than half of the voters, in both halves, are such that `holds`. */
export function isQuorum(voters: Voters, holds: (member: MemberNumber) => boolean): boolean {
  return isMajority(voters.incoming, holds) && (voters.outgoing.length === 0 || isMajority(voters.outgoing, holds));
}

function isMajority(members: readonly MemberNumber[], holds: (member: MemberNumber) => boolean): boolean {
  let count = 0;
  for (const member of members) if (holds(member)) count += 1;
  return count * 2 > members.length;
}

/** Whether this seat votes in either half. */
export function votes({ incoming, outgoing }: Voters, seat: MemberNumber): boolean {
  return incoming.includes(seat) || outgoing.includes(seat);
}

/** Whether a majority of either half can be found without those of whom `holds`: then they decide nothing. */
export function mayBePassedOver(voters: Voters, holds: (member: MemberNumber) => boolean): boolean {
  return isQuorum(voters, (member) => !holds(member));
}
