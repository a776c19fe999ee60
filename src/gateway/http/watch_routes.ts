/** `/v1/watch`: what changes, as it changes. */
import { DraftError } from "../../base/errors.ts";
import type { ChangeCursor } from "../../machine/change.ts";
import { type HttpAnswer, streamAnswer } from "./message.ts";
import type { Parameter } from "./parameters.ts";
import { type Call, checkKeys, GROUP, type Route } from "./route.ts";
import { watchedPrefix, watchEvents } from "./watch_events.ts";

const PLACE_PATTERN = /^(\d{1,15})\.(\d{1,15})$/;

const LAST_EVENT_ID: Parameter = {
  name: "Last-Event-ID",
  description: "goes on behind the change, or the progress, that bore this id, on whichever node; comes before from=",
  schema: { type: "string", pattern: PLACE_PATTERN.source },
};

export const WATCH_ROUTES: readonly Route[] = [
  {
    method: "GET", path: "/v1/watch", id: "watch",
    summary: "every change of keys that begin with a prefix, once, in order, as server-sent events, from this node's own state",
    query: [
      { name: "prefix", description: "of the keys", schema: { type: "string", default: "" } },
      { name: "from", description: "begins with the changes of this entry; left out, with what comes from now on", schema: { type: "integer", minimum: 0 } },
      GROUP,
    ],
    headers: [LAST_EVENT_ID],
    answer: {
      description: "a change: `id` is INDEX.N, the N-th change of that entry, `data` {\"key\",\"value\",\"revision\",\"deleted\"}. `event: progress`, in the beginning and when nothing came for 5 s: up to its `id` all was told. `event: end`: why the stream ends, as an error",
      type: "text/event-stream",
    },
    codes: ["COMPACTED", "NOT_LEADER"],
    run: (call) => Promise.resolve(watch(call)),
  },
];

function watch(call: Call): HttpAnswer {
  const { request, cluster, group, parameters, streams } = call;
  const after = placeFrom(request.header("last-event-id")) ?? beginning(parameters.whole("from"));
  const asked = parameters.value("prefix") ?? "";
  checkKeys(call, "read", { prefixes: [asked] });
  const prefix = watchedPrefix(asked);
  const over = streams.begin();
  try {
    const events = watchEvents((ready) => cluster.api.watch(group, { prefix, after }, ready), over);
    // Proxies keep what comes until they have a buffer full of it, unless they are told not to.
    return streamAnswer(events, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
  } catch (error) {
    over();
    throw error;
  }
}

function beginning(from: number | null): ChangeCursor | null {
  return from === null ? null : { index: from, n: 0 };
}

function placeFrom(id: string | null): ChangeCursor | null {
  if (id === null || id === "") return null;
  const [, index, n] = PLACE_PATTERN.exec(id) ?? [];
  if (index === undefined) throw new DraftError("BAD_REQUEST", `Last-Event-ID "${id.slice(0, 64)}" is no place: want INDEX.N, as the id of an event`);
  return { index: Number(index), n: Number(n) };
}
