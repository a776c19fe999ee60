/**
 * What operators want of the members of a group. Several wishes make one change, which is carried through as a whole.
 *
 * ```text
 * wish   ["add", id, address, votes, witness]   votes: whether it becomes a voter once it has caught up; witness (false if
 *                                         it is missing): it votes, and keeps positions and no payloads
 *        ["remove" | "promote" | "demote", id]
 *        ["move", id, address]
 *        ["replace", id, new id, address, kind]   of the one that comes: "voter" or "witness"; "" (also if it is missing): as
 *                                         the one that goes
 *        ["cancel"]                       stands alone
 * ```
 */
import { ADDRESS_CHARACTERS_MAX } from "../base/address.ts";
import { malformed, name, tuple } from "./client_fields.ts";

/** One wish; members are named by their ids. */
export type MemberWish =
  | { readonly type: "add"; readonly id: string; readonly address: string; readonly votes: boolean; readonly witness?: boolean }
  | { readonly type: "remove" | "promote" | "demote"; readonly id: string }
  /** The same node is elsewhere now. */
  | { readonly type: "move"; readonly id: string; readonly address: string }
  /** Another node, or the same one with an empty directory, takes the place of one: nobody goes before it has caught up. */
  | { readonly type: "replace"; readonly id: string; readonly newId: string; readonly address: string; readonly kind?: "voter" | "witness" }
  /** The change that is under way shall not go on: nobody goes, or becomes something else. */
  | { readonly type: "cancel" };

/** What is asked at once. */
export interface MemberAsk {
  readonly wishes: readonly MemberWish[];
  /** Even if those who would decide afterwards are not there now. */
  readonly force: boolean;
}

/** Wishes of one change, at most. */
const WISHES_MAX = 32;

export function encodeWishes(wishes: readonly MemberWish[]): readonly unknown[] {
  return wishes.map((wish) => {
    switch (wish.type) {
      case "add": return [wish.type, wish.id, wish.address, wish.votes, ...(wish.witness === true ? [true] : [])];
      case "move": return [wish.type, wish.id, wish.address];
      case "replace": return [wish.type, wish.id, wish.newId, wish.address, ...(wish.kind === undefined ? [] : [wish.kind])];
      case "cancel": return [wish.type];
      default: return [wish.type, wish.id];
    }
  });
}

/** @throws DraftError BAD_REQUEST */
export function wishesFrom(value: unknown): readonly MemberWish[] {
  const rows = tuple(value, "wishes");
  if (rows.length === 0 || rows.length > WISHES_MAX) throw malformed("wishes");
  const wishes = rows.map(wishFrom);
  if (wishes.length > 1 && wishes.some(({ type }) => type === "cancel")) throw malformed("wishes");
  return wishes;
}

function wishFrom(row: unknown): MemberWish {
  const [type, id, second, third, fourth] = tuple(row, "wish");
  if (type === "cancel") return { type };
  const member = name(id, "member id");
  switch (type) {
    case "add": return { type, id: member, address: addressFrom(second), votes: third !== false, ...(fourth === true ? { witness: true } : {}) };
    case "remove":
    case "promote":
    case "demote": return { type, id: member };
    case "move": return { type, id: member, address: addressFrom(second) };
    case "replace": return { type, id: member, newId: name(second, "member id"), address: addressFrom(third), ...kindFrom(fourth) };
    default: throw malformed("wish");
  }
}

function kindFrom(value: unknown): { readonly kind?: "voter" | "witness" } {
  if (value === undefined || value === "") return {};
  if (value !== "voter" && value !== "witness") throw malformed("kind");
  return { kind: value };
}

function addressFrom(value: unknown): string {
  const address = name(value, "address");
  if (address.length > ADDRESS_CHARACTERS_MAX) throw malformed("address");
  return address;
}
