/** What operators did, told in the log: who, from where, what, and how it ended. */
import type { DraftError } from "../../base/errors.ts";
import type { Log } from "../../host/host.ts";
import type { Principal } from "./principal.ts";

/** One action. */
export interface AdminAction {
  /** Null: they could not say who they are. */
  readonly principal: Principal | null;
  /** `host:port`; `this process` without a socket. */
  readonly remote: string;
  /** `transfer b`, `POST /v1/members`. */
  readonly action: string;
  readonly group: string;
}

/**
 * Tells of an action that ended.
 *
 * @param failure why it was not done, or nobody knows; null if it was
 */
export function audit(log: Log, { principal, remote, action, group }: AdminAction, failure: DraftError | null): void {
  const principalName = principal === null ? "unknown" : principal.name === "" ? "anyone" : principal.name;
  const outcome = failure === null ? "done" : `${failure.outcome}: ${failure.code}`;
  log.write(failure === null ? "info" : "warn", `audit: ${principalName} asked for ${action}: ${outcome}`, { audit: true, principal: principalName, remote, action, group, outcome });
}
