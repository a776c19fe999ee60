/** What may be asked by whom: the one table of roles, and the one place that finds out which keys a command touches. */
import type { DraftError } from "../../base/errors.ts";
import { decodeEnvelope } from "../../machine/command.ts";
import type { Command } from "../../machine/machine.ts";
import type { ClientRequest } from "../../net/client_protocol.ts";
import type { NodeApi } from "../../node/node_api.ts";
import { type Principal, refusalOf, type Role, type Scope } from "./principal.ts";

/** What a request needs whose keys do not count. */
const ROLE_OF: Readonly<Record<Exclude<ClientRequest["kind"], "write" | "read" | "watch">, Role>> = {
  operations: "read", status: "read", members: "read", story: "read", unknown: "read",
  open: "write", close: "write",
  transfer: "admin", record: "admin", snapshot: "admin", change: "admin", rehearse: "admin", "log-level": "admin",
  backup: "admin", restore: "admin",
};

/** Whether it is a matter of operators: what is done is told in the log. */
export function isAdminKind(kind: ClientRequest["kind"]): boolean {
  return kind !== "write" && kind !== "read" && kind !== "watch" && ROLE_OF[kind] === "admin";
}

/**
 * Why `principal` may not run `command` on `group`; null if it may.
 *
 * @param role what its operation needs: read or write
 * @throws DraftError BAD_REQUEST if an envelope holds no command
 */
export function whyNotRun(principal: Principal, api: NodeApi, group: string, role: "read" | "write", command: () => Command): DraftError | null {
  // Who is kept to no keys need not have the command looked at.
  if (principal.keys === null) return refusalOf(principal, role, "nothing", `a ${role}`);
  const given = command();
  return refusalOf(principal, role, scopeOf(api, group, given), `'${given[0].slice(0, 64)}'`);
}

/** Why `principal` may not watch keys that begin with `prefix`; null if it may. */
export function whyNotWatch(principal: Principal, prefix: string): DraftError | null {
  return refusalOf(principal, "read", { prefixes: [prefix] }, "this watch");
}

/**
 * Why `principal` may not send `request`; null if it may.
 *
 * @throws DraftError BAD_REQUEST if it holds no command
 */
export function whyNotRequest(principal: Principal, api: NodeApi, request: ClientRequest): DraftError | null {
  const { kind, group } = request;
  if (kind === "write") return whyNotRun(principal, api, group, "write", () => decodeEnvelope(request.envelope).command);
  if (kind === "read") return whyNotRun(principal, api, group, "read", () => request.command);
  if (kind === "watch") return whyNotWatch(principal, request.ask.prefix);
  return refusalOf(principal, ROLE_OF[kind], "nothing", kind);
}

function scopeOf(api: NodeApi, group: string, command: Command): Scope {
  const touches = api.operation(group, command[0])?.touches;
  if (touches === undefined) return null;
  try {
    return touches(command);
  } catch {
    // It is a plugin's, and was given what a client sent: whatever it throws, it could not tell.
    return null;
  }
}
