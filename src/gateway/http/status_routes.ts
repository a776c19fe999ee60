/** What a node says of itself and of its groups: for people, for programs and for whoever decides where load goes. */
import { toJsonValue } from "../../base/json_value.ts";
import type { MemberList, NodeStatus } from "../../net/client_answers.ts";
import { jsonAnswer, textAnswer } from "./message.ts";
import { GROUP, type Route } from "./route.ts";
import { objectOf, type Schema } from "./schema.ts";

const CHECKS: Schema = {
  type: "array",
  items: objectOf({ name: { type: "string" }, ok: { type: "boolean" }, message: { type: "string", description: "what it waits for; empty if it is so" } }),
};

export const READY: Schema = objectOf({ ready: { type: "boolean" }, checks: CHECKS });

const GROUP_STATUS: Schema = {
  type: "object",
  description: "one group, as this node sees it",
  properties: {
    name: { type: "string" },
    id: { type: "integer" },
    machine: { type: ["string", "null"] },
    role: { type: "string", enum: ["leader", "follower", "candidate", "pre-candidate", "learner", "witness", "waiting", "removed"] },
    term: { type: "integer" },
    leader: { type: ["object", "null"] },
    commitIndex: { type: "integer" },
    appliedIndex: { type: "integer" },
    members: { type: "object" },
    peers: { type: "array" },
  },
  required: ["name", "id", "machine", "role", "term", "leader", "commitIndex", "appliedIndex", "members", "peers"],
};

export const HEALTH_ROUTES: readonly Route[] = [
  {
    method: "GET", path: "/livez", id: "live", summary: "whether the node's loop turns: that this is answered at all", role: null,
    query: [],
    answer: { description: "it does", json: objectOf({ live: { type: "boolean" } }) },
    codes: [],
    run: () => Promise.resolve(jsonAnswer({ live: true })),
  },
  {
    method: "GET", path: "/readyz", id: "ready", summary: "whether the node is of full use: it is in a cluster that has a leader, has caught up, and its disk is in order", role: null,
    query: [],
    answer: { description: "it is", json: READY, besides: { 503: "not yet; the checks say why" } },
    codes: [],
    run: async ({ cluster }) => {
      const { ready, checks } = (await cluster.ask("status", "main")) as NodeStatus;
      return jsonAnswer({ ready, checks }, { status: ready ? 200 : 503 });
    },
  },
];

export const METRICS_ROUTES: readonly Route[] = [
  {
    method: "GET", path: "/metrics", id: "metrics", summary: "what the node counts and measures, for Prometheus",
    query: [],
    answer: { description: "text in the exposition format 0.0.4", type: "text/plain" },
    codes: [],
    run: async ({ metrics }) => textAnswer(await metrics(), "text/plain; version=0.0.4; charset=utf-8"),
  },
];

export const STATUS_ROUTES: readonly Route[] = [
  ...HEALTH_ROUTES,
  ...METRICS_ROUTES,
  {
    method: "GET", path: "/v1/status", id: "status", summary: "what this node says of itself",
    query: [],
    answer: {
      description: "the status",
      json: {
        type: "object",
        properties: {
          version: { type: "string" },
          runtime: { type: "string" },
          pid: { type: "integer" },
          clusterId: { type: ["string", "null"] },
          nodeId: { type: "string" },
          incarnation: { type: "string" },
          address: { type: "string" },
          uptimeMs: { type: "integer" },
          ready: { type: "boolean" },
          checks: CHECKS,
          fenced: { type: "boolean" },
          disk: { type: "object" },
          scrub: { type: ["object", "null"] },
          groups: { type: "array", items: GROUP_STATUS },
          alarms: { type: "array", items: objectOf({ code: { type: "string" }, message: { type: "string" } }) },
        },
        required: ["version", "nodeId", "address", "clusterId", "ready", "checks", "fenced", "disk", "groups", "alarms"],
      },
    },
    codes: [],
    run: async ({ cluster }) => jsonAnswer(toJsonValue(await cluster.ask("status", "main"))),
  },
  {
    method: "GET", path: "/v1/groups", id: "listGroups", summary: "the groups that this node takes part in",
    query: [],
    answer: { description: "the groups", json: objectOf({ groups: { type: "array", items: GROUP_STATUS } }) },
    codes: [],
    run: async ({ cluster }) => jsonAnswer({ groups: toJsonValue(((await cluster.ask("status", "main")) as NodeStatus).groups) }),
  },
  {
    method: "GET", path: "/v1/members", id: "listMembers", summary: "the members of a group, as this node knows them",
    query: [GROUP],
    answer: {
      description: "the members",
      json: objectOf({
        index: { type: "integer", description: "of the configuration's entry" },
        settled: { type: "boolean", description: "whether no change is under way" },
        members: {
          type: "array",
          items: objectOf({
            id: { type: "string" },
            address: { type: "string" },
            role: { type: "string", enum: ["voter", "learner", "witness", "leaving"] },
            target: { type: "string", enum: ["voter", "learner", "witness", "leaving"], description: "what it is to become" },
            incarnation: { type: "string" },
            reachable: { type: "boolean", description: "from this node" },
          }),
        },
      }),
    },
    codes: [],
    run: async ({ cluster, group }) => {
      const list = (await cluster.ask("members", group)) as MemberList;
      return jsonAnswer(toJsonValue(list), { index: list.index });
    },
  },
];
