/** Conditions of HTTP (RFC 9110, 13) on the revision of a key. An ETag is the revision in quotes. */
import { DraftError } from "../../base/errors.ts";
import type { Call } from "./route.ts";

/** What must hold of a key's revision, 0 of a key that is not there. */
export interface Condition {
  readonly order: "=" | "!=" | ">";
  readonly revision: number;
}

export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/**
 * All conditions that a write is sent with: `if_revision`, `If-Match`, `If-None-Match`.
 *
 * @throws DraftError BAD_REQUEST
 */
export function conditionsOf({ parameters, request }: Call): Condition[] {
  const conditions: Condition[] = [];
  const revision = parameters.whole("if_revision");
  if (revision !== null) conditions.push({ order: "=", revision });
  const match = request.header("if-match");
  if (match !== null) conditions.push(match.trim() === "*" ? { order: ">", revision: 0 } : { order: "=", revision: only("If-Match", match) });
  const noneMatch = request.header("if-none-match");
  if (noneMatch !== null) conditions.push(noneMatch.trim() === "*" ? { order: "=", revision: 0 } : { order: "!=", revision: only("If-None-Match", noneMatch) });
  return conditions;
}

/** Whether a read with this `If-None-Match` finds what its sender has already. */
export function isNoneMatch(header: string | null, revision: number): boolean {
  if (header === null) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etagOf(revision));
}

/** The revision of the one ETag in a header: a write has one state in mind that it follows. */
function only(name: string, header: string): number {
  const match = /^"(\d{1,15})"$/.exec(header.trim());
  if (match === null) throw new DraftError("BAD_REQUEST", `${name} "${header.slice(0, 64)}": want one ETag as it was answered, "9" in quotes, or *`);
  return Number(match[1]);
}
