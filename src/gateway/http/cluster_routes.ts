/** What all members say, asked by one of them: how they are, and what happened to them of late. */
import { toJsonValue } from "../../base/json_value.ts";
import type { Told } from "../../node/flight_recorder.ts";
import { decodeRecording } from "../../node/recording.ts";
import { type HttpAnswer, jsonAnswer } from "./message.ts";
import { type Call, GROUP, type Route } from "./route.ts";
import { objectOf, type Schema } from "./schema.ts";

const EVENTS_MAX = 2000;
/** So many unless it is said. */
const EVENTS_LIMIT = 200;

const STATE: Schema = {
  type: "object",
  description: 'as GET /v1/status of that node; {"nodeId","address","unreachable":true} of one that does not answer',
  properties: { nodeId: { type: "string" }, address: { type: "string" }, unreachable: { type: "boolean" } },
  required: ["nodeId", "address"],
};

const EVENT: Schema = objectOf({
  wallMs: { type: "integer", description: "when, in Unix milliseconds, by that node's clock" },
  node: { type: "string" },
  text: { type: "string", description: "what happened, in words" },
});

/** One sentence of a member's story. */
interface NodeEvent extends Told {
  readonly node: string;
}

export const CLUSTER_ROUTES: readonly Route[] = [
  {
    method: "GET", path: "/v1/states", id: "listStates", summary: "what every member says of itself, asked by this node; needs no leader",
    query: [GROUP],
    answer: { description: "one for each member of the newest configuration, by id", json: objectOf({ states: { type: "array", items: STATE } }) },
    codes: [],
    run: async ({ cluster, group }) => jsonAnswer({ states: toJsonValue(await cluster.states(group)) }),
  },
  {
    method: "GET", path: "/v1/events", id: "listEvents", summary: "what happened of late, in words: elections, transfers, changes of members, refusals",
    query: [
      { name: "limit", description: "the newest so many", schema: { type: "integer", minimum: 1, maximum: EVENTS_MAX, default: EVENTS_LIMIT } },
      { name: "since", description: "of what happened after this moment, in Unix milliseconds", schema: { type: "integer", minimum: 0 } },
      GROUP,
    ],
    answer: {
      description: "the oldest first; each node remembers its last 512",
      json: objectOf({
        events: { type: "array", items: EVENT },
        missing: { type: "array", items: { type: "string" }, description: "members that were not heard, and why" },
      }),
    },
    codes: [],
    run: listEvents,
  },
];

async function listEvents({ cluster, group, parameters }: Call): Promise<HttpAnswer> {
  const limit = parameters.whole("limit") ?? EVENTS_LIMIT;
  const since = parameters.whole("since") ?? Number.NEGATIVE_INFINITY;
  const { answers, missing } = await cluster.stories(group);
  const events = answers.flatMap(({ answer }) => {
    const { nodeId, story } = decodeRecording(answer);
    return story.map(({ wallMs, text }): NodeEvent => ({ wallMs: Math.round(wallMs), node: nodeId, text }));
  });
  const wanted = events.filter(({ wallMs }) => wallMs > since).sort((a, b) => a.wallMs - b.wallMs);
  return jsonAnswer({ events: wanted.slice(-limit), missing });
}
