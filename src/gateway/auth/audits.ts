/** The admin actions of one client's connection that have no answer yet: each is told in the log once it has. */
import { DraftError } from "../../base/errors.ts";
import type { Log } from "../../host/host.ts";
import type { ClientRequest } from "../../net/client_protocol.ts";
import type { Answer } from "../../node/node_api.ts";
import { type AdminAction, audit } from "./audit.ts";
import type { Principal } from "./principal.ts";
import { isAdminKind } from "./request_rule.ts";

const DETAIL_CHARACTERS_MAX = 512;

/** Keeps what is under way. */
export class Audits {
  readonly #log: Log;
  readonly #remote: string;
  /** By the number of the request: of several that bear one number all are told. */
  readonly #underWay: Map<number, AdminAction[]> = new Map();

  constructor(log: Log, remote: string) {
    this.#log = log;
    this.#remote = remote;
  }

  /** A request came, of whoever it is. */
  begin(request: ClientRequest, principal: Principal | DraftError): void {
    const action = isAdminKind(request.kind) ? actionIn(request) : null;
    if (action === null) return;
    const { id, group } = request;
    const known = principal instanceof DraftError ? null : principal;
    const others = this.#underWay.get(id) ?? [];
    this.#underWay.set(id, [...others, { principal: known, remote: this.#remote, action, group }]);
  }

  /** It was answered. */
  end(id: number, result: Answer | DraftError): void {
    if (this.#underWay.size === 0) return;
    const actions = this.#underWay.get(id) ?? [];
    this.#underWay.delete(id);
    for (const action of actions) audit(this.#log, action, result instanceof DraftError ? result : null);
  }
}

/** What was asked for, in words; null for the pieces of something that is told as a whole. */
function actionIn(request: ClientRequest): string | null {
  switch (request.kind) {
    case "transfer": return `transfer ${request.to}`;
    case "change":
    case "rehearse": return `${request.kind} ${JSON.stringify(request.wishes).slice(0, DETAIL_CHARACTERS_MAX)}`;
    case "log-level": return `log-level ${request.level}`;
    case "backup": return request.ask.type === "which" ? "backup" : null;
    case "restore": return request.ask.step === "piece" ? null : `restore, ${request.ask.step}`;
    default: return request.kind;
  }
}
