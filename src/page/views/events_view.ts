/** What happened of late, in words. */
import { h, type VNode } from "../element.ts";
import { useState } from "preact/hooks";
import { clockText } from "../../base/clock_text.ts";
import { EVENT_KINDS, type EventKind, kindOfEvent } from "../event_kinds.ts";
import type { Live, NodeEvent } from "../live.ts";
import { Sentence, View } from "./parts.ts";
import { useLive } from "./use.ts";

/** Sentences, the newest first. */
export function EventList({ events }: { readonly events: readonly NodeEvent[] }): VNode {
  if (events.length === 0) return h("p", { class: "empty" }, "Nothing happened yet.");
  return h("ol", { class: "events" }, [...events].reverse().map(({ wallMs, node, text }, at) => {
    const kind = kindOfEvent(text);
    return h("li", { key: `${wallMs} ${node} ${at}`, class: `event event-${kind}` },
      h("time", { dateTime: new Date(wallMs).toISOString() }, clockText(wallMs)),
      h("span", { class: "event-text" }, h("b", null, node), " ", h(Sentence, { text: text.startsWith(`${node} `) ? text.slice(node.length + 1) : text })),
    );
  }));
}

export function EventsView({ live }: { readonly live: Live }): VNode {
  useLive(live);
  const [chosen, setChosen] = useState<EventKind | "all">("all");
  const shown = live.events.filter(({ text }) => chosen === "all" || kindOfEvent(text) === chosen);
  const counts = new Map<string, number>();
  for (const { text } of live.events) counts.set(kindOfEvent(text), (counts.get(kindOfEvent(text)) ?? 0) + 1);
  const choices: (readonly [EventKind | "all", string])[] = [["all", "All"], ...EVENT_KINDS];
  return h(View, { title: "Events", aside: h("span", { class: "hint" }, "times in UTC, by each node's clock") },
    h("fieldset", { class: "filter" }, h("legend", { class: "unseen" }, "Show"), choices.map(([kind, name]) =>
      h("label", { key: kind }, h("input", { type: "radio", name: "kind", checked: chosen === kind, onChange: () => setChosen(kind) }), h("span", null, name, " ", h("span", { class: "count" }, kind === "all" ? live.events.length : counts.get(kind) ?? 0))))),
    live.missing.length > 0 && h("p", { class: "hint" }, `Not heard: ${live.missing.join("; ")}`),
    h(EventList, { events: shown }),
  );
}
