/** What a node is asked about itself and its groups, by the name that the client protocol gives it. */
import type { AskRequest } from "../net/client_protocol.ts";
import type { NodeApi } from "../node/node_api.ts";

/** @param done is told the value, or a DraftError, within the call or later */
export function askNode(api: NodeApi, kind: AskRequest["kind"], group: string, done: (value: unknown) => void): void {
  switch (kind) {
    case "operations": return done(api.operations(group));
    case "status": return api.status(done);
    case "members": return api.members(group, done);
    case "record": return api.record(group, false, done);
    case "story": return api.record(group, true, done);
    case "snapshot": return api.snapshot(group, done);
  }
}
