/**
 * From one configuration to the next (dissertation 4). Where at most one voter comes or goes, any majority of the old
 * voters and any of the new ones share a member, so the new configuration is entered directly; anything else goes
 * through a joint one, in which both halves must agree (4.3). Pure: what is planned, never when.
 */
import { assert } from "../base/assert.ts";
import { isWitness } from "./configuration.ts";
import { voterSets } from "./quorum.ts";
import type { Configuration, Incarnation, Member, MemberNumber, MemberRole, NodeId } from "./types.ts";

/** A node that is to be taken in: a learner first, whatever it is to become. */
export interface NewMember {
  readonly id: NodeId;
  readonly address: string;
  readonly incarnation: Incarnation;
  /** What it becomes once it has caught up. */
  readonly becomes: MemberRole;
}

/** One wish; several make one change. */
export type MemberChange =
  | ({ readonly type: "add" } & NewMember)
  | { readonly type: "remove"; readonly member: MemberNumber }
  /** A learner that becomes a voter once it has caught up. */
  | { readonly type: "promote"; readonly member: MemberNumber }
  /** A voter that becomes a learner. */
  | { readonly type: "demote"; readonly member: MemberNumber }
  | { readonly type: "move"; readonly member: MemberNumber; readonly address: string };

/**
 * The configuration that says what `changes` want: `role` is what each member is, `targetRole` what it is to become, null
 * if it is to go.
 *
 * @param current not joint
 * @returns null if a change names a member that there is not
 */
export function wantedConfiguration(current: Configuration, changes: readonly MemberChange[]): Configuration | null {
  assert(!current.joint, "a change begins where none is under way", current.index);
  let { members, nextMemberNumber } = current;
  for (const change of changes) {
    if (change.type === "add") {
      const { id, address, incarnation, becomes: targetRole } = change;
      members = [...members, { number: nextMemberNumber, id, address, incarnation, role: "learner", outgoingRole: null, targetRole, promoteByMs: 0 }];
      nextMemberNumber += 1;
      continue;
    }
    if (!members.some(({ number }) => number === change.member)) return null;
    members = members.map((member) => (member.number === change.member ? changed(member, change) : member));
  }
  return { index: current.index, joint: false, members, nextMemberNumber };
}

function changed(member: Member, change: Exclude<MemberChange, { type: "add" }>): Member {
  const staysWhatItKeeps = !isWitness(member) || change.type === "remove" || change.type === "move";
  assert(staysWhatItKeeps, "what a member keeps is fixed for its number", member.number, change.type);
  switch (change.type) {
    case "remove": return { ...member, targetRole: null };
    case "promote": return { ...member, targetRole: "voter" };
    case "demote": return { ...member, targetRole: "learner" };
    case "move": return { ...member, address: change.address };
  }
}

/** Whether it is to vote and does not yet: what it has to catch up comes first. */
export function isRising({ role, targetRole }: Member): boolean {
  return role === "learner" && (targetRole === "voter" || targetRole === "witness");
}

/**
 * What becomes of a member if nothing more is changed about it: it is what it is. But one that was to be a witness goes,
 * for it has no payloads, and as a learner it would be taken for one that has.
 */
export function unchangedRole(member: Member): MemberRole | null {
  return isRising(member) && isWitness(member) ? null : member.role;
}

/** Whether nothing is left to do in it. */
export function isSettled({ joint, members }: Configuration): boolean {
  return !joint && members.every(({ role, targetRole }) => role === targetRole);
}

/**
 * The configuration that calls off the change which `current` speaks of: everybody stays what it is. Whom it took in
 * stays a learner, for nothing tells that one from a learner of before; but who was to be a witness goes.
 *
 * @param current not joint
 */
export function calledOffConfiguration(current: Configuration): Configuration {
  assert(!current.joint, "a joint configuration is left by its new half alone", current.index);
  return { ...current, members: current.members.map((member) => ({ ...member, targetRole: unchangedRole(member), promoteByMs: 0 })) };
}

/** Whether `wanted` changes nothing but what is planned in `current`, and leaves nothing planned. */
export function isCallOff(current: Configuration, wanted: Configuration): boolean {
  if (current.joint || wanted.joint || current.members.length !== wanted.members.length) return false;
  return wanted.members.every((member, at) => {
    const before = current.members[at];
    return before?.number === member.number && before.role === member.role && member.targetRole === unchangedRole(before) && before.address === member.address;
  });
}

/** The configuration in which every member has become what it is to be. */
export function reachedConfiguration(wanted: Configuration): Configuration {
  const members = wanted.members.filter(({ targetRole }) => targetRole !== null)
    .map((member) => ({ ...member, role: member.targetRole, promoteByMs: 0 }));
  return { ...wanted, members };
}

/** The entry's configuration that leads from `current` to `next`: `next` itself, or the joint one of both. */
export function enteredConfiguration(current: Configuration, next: Configuration): Configuration {
  const before = voterSets(current).incoming;
  const after = voterSets(next).incoming;
  const coming = after.filter((number) => !before.includes(number)).length;
  const going = before.filter((number) => !after.includes(number)).length;
  if (coming + going <= 1) return next;
  const entering = next.members.map((member) => ({ ...member, outgoingRole: roleIn(current, member.number) }));
  const leaving = current.members.filter(({ number }) => roleIn(next, number) === null)
    .map((member): Member => ({ ...member, role: null, outgoingRole: member.role, targetRole: null, promoteByMs: 0 }));
  const members = [...entering, ...leaving].sort((a, b) => a.number - b.number);
  return { ...next, joint: true, members };
}

function roleIn(configuration: Configuration, number: MemberNumber): Member["role"] {
  return configuration.members.find((member) => member.number === number)?.role ?? null;
}

/** The configuration behind a joint one: its new half (4.3). */
export function leftConfiguration(joint: Configuration): Configuration {
  const members = joint.members.filter(({ role }) => role !== null).map((member) => ({ ...member, outgoingRole: null }));
  return { ...joint, joint: false, members };
}

/**
 * Whether a group of such members can decide anything in each of its halves: somebody votes, and those who vote without
 * keeping payloads are fewer than those who keep them.
 */
export function isViable({ members, joint }: Configuration): boolean {
  const holds = (roles: readonly Member["role"][]): boolean => {
    const count = (wanted: Member["role"]): number => roles.filter((role) => role === wanted).length;
    return count("voter") > count("witness");
  };
  return holds(members.map(({ role }) => role)) && (!joint || holds(members.map(({ outgoingRole }) => outgoingRole)));
}
