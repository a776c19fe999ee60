/**
 * Configurations as payloads: what a configuration entry and the genesis hold. CBOR tuples, so that fields can be added
 * at the end.
 *
 * ```text
 * configuration  [joint, nextMemberNumber, [member, …]]
 * member         [number, id, address, incarnation, role, outgoingRole, targetRole, promoteByMs]   missing at the end: 0
 * role           0 none, 1 voter, 2 learner, 3 witness
 * ```
 */
import { decode, encode } from "../base/codec.ts";
import { EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type OwnEntry, ownEntry } from "./own_entry.ts";
import type { Configuration, Index, Member, MemberNumber, MemberRole } from "./types.ts";

const ROLES: readonly (MemberRole | null)[] = [null, "voter", "learner", "witness"];

/** `configuration` as the payload of an entry. Its index is the entry's and is not written. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const members = configuration.members.map((member) => [
    member.number,
    member.id,
    member.address,
    member.incarnation,
    ROLES.indexOf(member.role),
    ROLES.indexOf(member.outgoingRole),
    ROLES.indexOf(member.targetRole),
    member.promoteByMs,
  ]);
  return encode([configuration.joint, configuration.nextMemberNumber, members]);
}

/** An entry with this configuration, not stamped yet. */
export function configurationEntry(configuration: Configuration): OwnEntry {
  return ownEntry(EntryKind.config, new Uint8Array(encodeConfiguration(configuration)), configuration);
}

/**
 * The configuration in the payload of the entry at `index`.
 *
 * @throws DraftError BAD_REQUEST if the payload is no configuration
 */
export function decodeConfiguration(payload: Uint8Array, index: Index): Configuration {
  const tuple = decode(payload);
  if (!Array.isArray(tuple) || !Array.isArray(tuple[2]) || typeof tuple[0] !== "boolean") throw malformed(index);
  const members = tuple[2].map((row: unknown) => decodeMember(row, index));
  return { index, joint: tuple[0], nextMemberNumber: wholeNumber(tuple[1], index), members };
}

function decodeMember(row: unknown, index: Index): Member {
  if (!Array.isArray(row)) throw malformed(index);
  const [number, id, address, incarnation, role, outgoingRole, targetRole, promoteByMs = 0] = row as unknown[];
  if (typeof id !== "string" || typeof address !== "string") throw malformed(index);
  return {
    number: wholeNumber(number, index),
    id,
    address,
    incarnation: wholeNumber(incarnation, index),
    role: roleOf(role, index),
    outgoingRole: roleOf(outgoingRole, index),
    targetRole: roleOf(targetRole, index),
    promoteByMs: wholeNumber(promoteByMs, index),
  };
}

function roleOf(value: unknown, index: Index): MemberRole | null {
  const role = ROLES[wholeNumber(value, index)];
  if (role === undefined) throw malformed(index);
  return role;
}

function wholeNumber(value: unknown, index: Index): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw malformed(index);
  return value;
}

function malformed(index: Index): DraftError {
  return new DraftError("BAD_REQUEST", `configuration at index ${index} cannot be read`);
}

/** A configuration of voters that nothing precedes, numbered 1…n in the order given. */
export function genesisConfiguration(voters: readonly { id: string; address: string; incarnation: number }[]): Configuration {
  const members = voters.map((voter, i): Member => ({
    number: i + 1,
    ...voter,
    role: "voter",
    outgoingRole: null,
    targetRole: "voter",
    promoteByMs: 0,
  }));
  return { index: 0, joint: false, members, nextMemberNumber: members.length + 1 };
}

/** Whether the member keeps positions and no payloads, or is to. For one number it is always the same. */
export function isWitness({ role, outgoingRole, targetRole }: Pick<Member, "role" | "outgoingRole" | "targetRole">): boolean {
  return role === "witness" || outgoingRole === "witness" || targetRole === "witness";
}

/** The member with this number, or null. */
export function memberOf(configuration: Configuration, number: MemberNumber): Member | null {
  return configuration.members.find((member) => member.number === number) ?? null;
}
