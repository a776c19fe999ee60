/** What operators change: members, who leads, when a snapshot is taken. */
import { parseAddress, parseNodeAddress, formatAddress } from "../../base/address.ts";
import { toJsonValue } from "../../base/json_value.ts";
import type { MemberWish } from "../../net/member_wish.ts";
import { type HttpAnswer, jsonAnswer } from "./message.ts";
import type { Parameter } from "./parameters.ts";
import { unescaped } from "./parameters.ts";
import { type Call, GROUP, jsonBody, refuseKey, type Route, TIMEOUT } from "./route.ts";
import { objectOf, type Schema } from "./schema.ts";

/** A newcomer is dialled and asked who it is, before anything is decided. */
const CHANGE_TIMEOUT_MS = 20_000;

const NAMED: Schema = { type: "string", description: "ID@HOST:PORT", maxLength: 512 };

const ADD_BODY: Schema = objectOf({
  add: { type: "array", items: NAMED, minItems: 1, maxItems: 32, description: "all of them are one change" },
  role: { type: "string", enum: ["voter", "learner", "witness"], default: "voter" },
}, ["role"]);
const MOVE_BODY: Schema = objectOf({ address: { type: "string", description: "HOST:PORT", maxLength: 512 } });
const REPLACE_BODY: Schema = objectOf({ with: NAMED });
const TRANSFER_BODY: Schema = objectOf({ to: { type: "string", description: "the member that is to lead", maxLength: 64 } });

const FORCE: Parameter = {
  name: "force",
  description: "even if those who would decide afterwards are not there now",
  schema: { type: "string", enum: ["true", "false"], default: "false" },
};

const DRY_RUN: Parameter = {
  name: "dry_run",
  description: "changes nothing, and answers what it would lead to",
  schema: { type: "string", enum: ["true", "false"], default: "false" },
};

const CHANGED: Schema = objectOf({
  index: { type: "integer" },
  result: { type: "object", description: "whether anything is still to be done, and the voters before and at its end; with dry_run what would come of it" },
});

const CHANGE = {
  query: [FORCE, DRY_RUN, TIMEOUT, GROUP],
  answer: { description: "the change stands in the log for good; GET /v1/members shows how far it is", json: CHANGED },
  codes: ["NOT_FOUND", "CHANGE_PENDING", "WOULD_LOSE_QUORUM", "CONFLICT"],
} as const;

export const ADMIN_ROUTES: readonly Route[] = [
  {
    method: "POST", path: "/v1/members", id: "addMembers", summary: "adds members: each joins as a learner and is what it is to be once it has caught up",
    ...CHANGE, body: { json: ADD_BODY },
    run: async (call) => {
      const { add, role = "voter" } = (await jsonBody(call, ADD_BODY)) as { add: string[]; role?: string };
      return change(call, add.map((each): MemberWish => {
        const node = parseNodeAddress(each, "BAD_REQUEST");
        return { type: "add", id: node.id, address: formatAddress(node), votes: role !== "learner", ...(role === "witness" ? { witness: true } : {}) };
      }));
    },
  },
  {
    method: "DELETE", path: "/v1/members/{id}", id: "removeMember", summary: "removes a member",
    ...CHANGE, run: (call) => change(call, [{ type: "remove", id: idOf(call) }]),
  },
  {
    method: "POST", path: "/v1/members/{id}/promote", id: "promoteMember", summary: "makes a learner a voter",
    ...CHANGE, run: (call) => change(call, [{ type: "promote", id: idOf(call) }]),
  },
  {
    method: "POST", path: "/v1/members/{id}/demote", id: "demoteMember", summary: "makes a voter a learner",
    ...CHANGE, run: (call) => change(call, [{ type: "demote", id: idOf(call) }]),
  },
  {
    method: "POST", path: "/v1/members/{id}/move", id: "moveMember", summary: "says that a member is elsewhere now",
    ...CHANGE, body: { json: MOVE_BODY },
    run: async (call) => {
      const { address } = (await jsonBody(call, MOVE_BODY)) as { address: string };
      return change(call, [{ type: "move", id: idOf(call), address: formatAddress(parseAddress(address, "BAD_REQUEST")) }]);
    },
  },
  {
    method: "POST", path: "/v1/members/{id}/replace", id: "replaceMember", summary: "puts another node, or the same one with an empty directory, in the place of a member",
    ...CHANGE, body: { json: REPLACE_BODY },
    run: async (call) => {
      const node = parseNodeAddress(((await jsonBody(call, REPLACE_BODY)) as { with: string }).with, "BAD_REQUEST");
      return change(call, [{ type: "replace", id: idOf(call), newId: node.id, address: formatAddress(node) }]);
    },
  },
  {
    method: "POST", path: "/v1/transfer", id: "transfer", summary: "makes another member the leader; answered when it leads",
    query: [TIMEOUT, GROUP],
    body: { json: TRANSFER_BODY },
    answer: { description: "it leads", json: objectOf({ result: { type: "string" }, index: { type: "integer" } }) },
    codes: ["NOT_FOUND"],
    run: async (call) => {
      refuseKey(call);
      const { to } = (await jsonBody(call, TRANSFER_BODY)) as { to: string };
      const { group, timeoutMs, cluster } = call;
      const { result, index } = await cluster.client.transfer(to, { group, timeoutMs });
      return jsonAnswer({ result: toJsonValue(result), index }, { index });
    },
  },
  {
    method: "POST", path: "/v1/snapshot", id: "snapshot", summary: "takes a snapshot on this node; answered when it is durable",
    query: [GROUP],
    answer: { description: "it is durable", json: objectOf({ index: { type: "integer", description: "what it holds" } }) },
    codes: [],
    run: async (call) => {
      refuseKey(call);
      const index = (await call.cluster.ask("snapshot", call.group)) as number;
      return jsonAnswer({ index }, { index });
    },
  },
];

async function change(call: Call, wishes: readonly MemberWish[]): Promise<HttpAnswer> {
  refuseKey(call);
  const { group, parameters, cluster } = call;
  const options = { group, timeoutMs: parameters.whole("timeout_ms") ?? CHANGE_TIMEOUT_MS, force: parameters.text("force") === "true" };
  if (parameters.text("dry_run") === "true") return jsonAnswer({ index: 0, result: toJsonValue(await cluster.client.rehearseMembers(wishes, options)) });
  const { result, index } = await cluster.client.changeMembers(wishes, options);
  return jsonAnswer({ index, result: toJsonValue(result) }, { index });
}

function idOf({ parts }: Call): string {
  return new TextDecoder().decode(unescaped(parts["id"] ?? ""));
}
