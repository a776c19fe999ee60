/** Who asks, and what they may: by their role, and by the keys that they are kept to. */
import { DraftError } from "../../base/errors.ts";
import type { Touches } from "../../machine/machine.ts";

/** Each includes those before it. */
export type Role = "read" | "write" | "admin";

export const ROLES: readonly Role[] = ["read", "write", "admin"];

/** Somebody who has proved who they are. */
export interface Principal {
  /** As the auth file calls them; empty where nobody has to say who they are. */
  readonly name: string;
  readonly role: Role;
  /** What the keys must begin with that they may use; null: any. */
  readonly keys: string | null;
  /** A node of the cluster: what it asks, it asks for others, and has checked what they may. */
  readonly isNode: boolean;
}

/** Whoever asks where nobody has to say who they are. */
export const ANYONE: Principal = { name: "", role: "admin", keys: null, isNode: false };

/** Whoever asks for what is told to anybody, and did not say who they are. */
export const NOBODY: Principal = { name: "", role: "read", keys: null, isNode: false };

/**
 * What an operation is about: `touches` as its machine tells it, null if it cannot be told; "nothing" for what shows and
 * changes no key.
 */
export type Scope = Touches | "nothing" | null;

/**
 * Why `principal` may not do what needs this role on these keys; null if it may.
 *
 * @param what it is, for the message: `set`, `a transfer`
 */
export function refusalOf(principal: Principal, role: Role, scope: Scope, what: string): DraftError | null {
  const { name, keys } = principal;
  if (ROLES.indexOf(principal.role) < ROLES.indexOf(role)) {
    return new DraftError("FORBIDDEN", `"${name}" has the role ${principal.role}: ${what} needs the role ${role}`);
  }
  if (keys === null || scope === "nothing") return null;
  if (scope === null) {
    return new DraftError("FORBIDDEN", `"${name}" may use keys that begin with "${keys}" alone: nobody can tell which keys ${what} touches`);
  }
  const prefix = new TextEncoder().encode(keys);
  const isWithin = [...scope.keys ?? [], ...scope.prefixes ?? []].every((each) => beginsWith(each, prefix));
  return isWithin ? null : new DraftError("FORBIDDEN", `"${name}" may use keys that begin with "${keys}" alone: ${what} touches another one`);
}

/** Text and bytes of equal UTF-8 are one key; what is neither has no beginning. */
function beginsWith(key: unknown, prefix: Uint8Array): boolean {
  const bytes = typeof key === "string" ? new TextEncoder().encode(key) : key;
  return bytes instanceof Uint8Array && bytes.length >= prefix.length && prefix.every((byte, at) => bytes[at] === byte);
}
