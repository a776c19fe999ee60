/**
 * From what operators want, by name, to what the core is asked, by number. Pure: what newcomers say of themselves has
 * been asked before.
 */
import { parseAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import type { Hello } from "../net/hello.ts";
import type { MemberWish } from "../net/member_wish.ts";
import { isWitness } from "../raft/configuration.ts";
import type { MemberChange } from "../raft/configuration_change.ts";
import type { Configuration, Incarnation, Member, NodeId } from "../raft/types.ts";

/** A node that has to be asked who it is, where a wish says that it is. */
export interface Stranger {
  readonly id: NodeId;
  readonly address: string;
}

/** A member, and where it is said to be. */
export interface Moved extends Stranger {
  readonly incarnation: Incarnation;
}

/** What the nodes said that were asked who they are. */
export interface Said {
  /** Of one that can be taken in. @throws DraftError where nobody answers, or it cannot be */
  readonly newcomer: (stranger: Stranger) => Hello;
  /** Whether the node at that address is this very member: the same name and directory. */
  readonly isMember: (stranger: Stranger, incarnation: Incarnation) => boolean;
}

/** The members that `wishes` move to where they were not. */
export function movedOf(configuration: Configuration, wishes: readonly MemberWish[]): Moved[] {
  return wishes.flatMap((wish): Moved[] => {
    const member = wish.type === "move" ? staying(configuration, wish.id) : null;
    if (wish.type !== "move" || member === null || member.address === wish.address) return [];
    return [{ id: wish.id, address: wish.address, incarnation: member.incarnation }];
  });
}

/** The members that `wishes` add although they are there: each may have lost its directory, which an addition does not mend. */
export function addedAgain(configuration: Configuration, wishes: readonly MemberWish[]): Moved[] {
  return wishes.flatMap((wish): Moved[] => {
    const member = wish.type === "add" ? staying(configuration, wish.id) : null;
    return wish.type !== "add" || member === null ? [] : [{ id: wish.id, address: wish.address, incarnation: member.incarnation }];
  });
}

/** The nodes that `wishes` take in and that are no members yet, and the members that are to be elsewhere. */
export function strangersOf(configuration: Configuration, wishes: readonly MemberWish[]): Stranger[] {
  return wishes.flatMap((wish): Stranger[] => {
    if (wish.type === "move") return movedOf(configuration, [wish]);
    if (wish.type === "add") return staying(configuration, wish.id) === null ? [{ id: wish.id, address: wish.address }] : [];
    if (wish.type !== "replace") return [];
    return isReplaced(configuration, wish) ? [] : [{ id: wish.newId, address: wish.address }];
  });
}

/**
 * What the core is asked: nothing of what is so already.
 *
 * @param wishes but for "cancel", which changes nothing of what is
 * @param said by {@link strangersOf}
 * @throws DraftError NOT_FOUND, BAD_REQUEST
 */
export function changesOf(configuration: Configuration, wishes: readonly MemberWish[], said: Said): MemberChange[] {
  checkEachOnce(wishes);
  return wishes.flatMap((wish): MemberChange[] => {
    switch (wish.type) {
      case "add": return addition(configuration, wish, said);
      case "replace": return replacement(configuration, wish, said);
      case "remove": return removals(allStaying(configuration, wish.id));
      case "move": {
        parseAddress(wish.address, "BAD_REQUEST");
        const { number, address } = known(configuration, wish.id);
        return address === wish.address ? [] : [{ type: "move", member: number, address: wish.address }];
      }
      case "cancel": return [];
      default: return roleChange(known(configuration, wish.id), wish.type);
    }
  });
}

function addition(configuration: Configuration, wish: MemberWish & { type: "add" }, said: Said): MemberChange[] {
  const { id, address, votes, witness = false } = wish;
  const member = staying(configuration, id);
  const becomes = witness ? "witness" : votes ? "voter" : "learner";
  if (member === null) return [{ type: "add", id, address, incarnation: said.newcomer({ id, address }).incarnation, becomes }];
  if (member.address !== address) {
    throw new DraftError("BAD_REQUEST", `${id} is a member already, at ${member.address}: if it moved, type draft admin move ${id} ${address}`);
  }
  if (witness !== isWitness(member)) throw keptOtherwise(member);
  if (!votes && member.targetRole === "voter") throw new DraftError("BAD_REQUEST", `${id} ${member.role === "voter" ? "is a voter" : "is to become a voter"}: draft admin demote ${id}`);
  return votes && !witness ? roleChange(member, "promote") : [];
}

function replacement(configuration: Configuration, wish: MemberWish & { type: "replace" }, said: Said): MemberChange[] {
  const { id, newId, address } = wish;
  if (isReplaced(configuration, wish)) return [];
  const old = known(configuration, id);
  const votes = old.role === "voter" || old.targetRole === "voter";
  const there = allStaying(configuration, newId).at(-1);
  const others = allStaying(configuration, id).filter((member) => member !== there);
  if (there !== undefined && there.address === address && said.isMember({ id: newId, address }, there.incarnation)) {
    // It took its own place already, or did not catch up in time, is a learner, and may try again.
    if (others.length === 0) return [];
    if (there.role === "learner") return [...(votes ? roleChange(there, "promote") : []), ...removals(others)];
  }
  if (there !== undefined && newId !== id && there.role !== "learner") throw new DraftError("BAD_REQUEST", `${newId} is a member already: it cannot take the place of ${id}: draft admin del ${id} removes that one alone`);
  const { incarnation } = said.newcomer({ id: newId, address });
  const same = isWitness(old) ? "witness" : votes ? "voter" : "learner";
  return [
    { type: "add", id: newId, address, incarnation, becomes: wish.kind ?? same },
    // A learner of the newcomer's name has lost its directory again.
    ...removals(allStaying(configuration, id)),
    ...(newId === id ? [] : removals(allStaying(configuration, newId))),
  ];
}

function removals(members: readonly Member[]): MemberChange[] {
  return members.map(({ number }) => ({ type: "remove", member: number }));
}

function roleChange(member: Member, type: "promote" | "demote"): MemberChange[] {
  if (isWitness(member)) throw keptOtherwise(member);
  const wanted = type === "promote" ? "voter" : "learner";
  return member.targetRole === wanted ? [] : [{ type, member: member.number }];
}

/** What a member keeps is fixed for its number: another one takes its place, be it the same node with an empty directory. */
function keptOtherwise(member: Member): DraftError {
  const { id, address } = member;
  const what = isWitness(member)
    ? `${id} is a witness, has no data and never gets any: to have it keep data, stop it, empty its directory, start it again and type draft admin replace ${id} ${id}@${address} --voter`
    : `${id} keeps data, and cannot forget it: to have a witness in its place, stop it, empty its directory, start it again and type draft admin replace ${id} ${id}@${address} --witness`;
  return new DraftError("BAD_REQUEST", what);
}

/** Whether somebody took the old one's place already, so that asking again changes nothing. */
function isReplaced(configuration: Configuration, { id, newId, address }: MemberWish & { type: "replace" }): boolean {
  if (id === newId) return false;
  return staying(configuration, id) === null && staying(configuration, newId)?.address === address;
}

/** The member of this name that is not on its way out; of two the one that was there first. */
function staying(configuration: Configuration, id: NodeId): Member | null {
  return allStaying(configuration, id)[0] ?? null;
}

/**
 * All of this name that are not on their way out, the one that was there first first. A directory that was to take the
 * place of a lost one of its name, and did not catch up in time, stays beside it as a learner.
 */
function allStaying({ members }: Configuration, id: NodeId): Member[] {
  return members.filter((member) => member.id === id && member.targetRole !== null);
}

function known(configuration: Configuration, id: NodeId): Member {
  const member = staying(configuration, id);
  if (member === null) throw new DraftError("NOT_FOUND", `no member is called '${id}': see draft admin servers`);
  return member;
}

function checkEachOnce(wishes: readonly MemberWish[]): void {
  const named: Set<string> = new Set();
  for (const wish of wishes) {
    if (wish.type === "cancel") continue;
    const { id } = wish;
    if (named.has(id)) throw new DraftError("BAD_REQUEST", `${id} is named twice in one change: name each once, see draft admin servers`);
    named.add(id);
  }
}
