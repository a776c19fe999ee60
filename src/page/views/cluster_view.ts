/** The cluster at a glance: who leads, what is wrong, each member, and how it went of late. */
import { h, type VNode } from "../element.ts";
import { useState } from "preact/hooks";
import type { Finding } from "../../gateway/diagnosis.ts";
import { mayFailText } from "../../gateway/rehearsal_words.ts";
import type { Api } from "../api.ts";
import type { Live } from "../live.ts";
import { spareOf, type Summary } from "../summary.ts";
import { countedText, countText, spanText } from "../words.ts";
import { ChartView } from "./chart_view.ts";
import { EventList } from "./events_view.ts";
import { type MemberAction, MemberDialog } from "./member_dialog.ts";
import { NodeList } from "./node_list.ts";
import { Section, Sentence } from "./parts.ts";
import { useLive } from "./use.ts";

/** Sentences that are shown here; the rest has a view of its own. */
const EVENTS_SHOWN = 8;

/** A name of more characters is set smaller. */
const LONG_NAME = 20;

interface ClusterProps {
  readonly api: Api;
  readonly live: Live;
  /** Says something that was done. */
  readonly say: (words: string) => void;
}

export function ClusterView({ api, live, say }: ClusterProps): VNode {
  useLive(live);
  const [action, setAction] = useState<MemberAction | null>(null);
  const { summary } = live;
  if (summary === null) return h("p", { class: "empty", role: "status" }, live.failure === "" ? "Asking the node…" : "Nothing is known yet.");
  const done = (words: string): void => {
    setAction(null);
    say(words);
    live.refresh().catch(() => undefined);
  };
  return h("div", null,
    h(Headline, { summary }),
    h(Findings, { findings: live.findings }),
    h(Section, { title: "Nodes", aside: h("button", { type: "button", class: "quiet", onClick: () => setAction({ kind: "add" }) }, "Add a member…") },
      h(NodeList, { summary, servedBy: live.servedBy, onAction: setAction })),
    h(Section, { title: "Pace" }, h(Charts, { live })),
    h(Section, { title: "Recent events", aside: h("a", { href: "#events" }, "All events") }, h(EventList, { events: live.events.slice(-EVENTS_SHOWN) })),
    action !== null && h(MemberDialog, { api, action, leaderId: summary.leader?.id ?? null, onClose: () => setAction(null), onDone: done }),
  );
}

function Headline({ summary }: { readonly summary: Summary }): VNode {
  const { leader, term, leaderSinceMs, rows, commitIndex, machine } = summary;
  const figures: [name: string, value: string][] = [
    ["Term", countText(term)],
    ["Committed", commitIndex === null ? "–" : countText(commitIndex)],
    ["Answer", `${rows.filter(({ status }) => status !== null).length} of ${rows.length}`],
    ["May fail", mayFailText({ spare: spareOf(summary) })],
    ["Machine", machine ?? "–"],
  ];
  return h("div", { class: "headline" },
    h("div", null,
      h("h1", { id: "heading", tabIndex: -1, class: leader === null ? "trouble" : leader.id.length > LONG_NAME ? "long-name" : "" }, leader === null ? waitingText(summary) : h("span", null, h("b", null, leader.id), " leads")),
      h("p", { class: "since" }, leader === null ? "No write can be done until a majority elects one." : `for ${spanText(leaderSinceMs ?? 0)}, in term ${countText(term)}`),
    ),
    h("dl", { class: "figures" }, figures.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", { title: value }, value)))),
  );
}

function waitingText({ rows, clusterId }: Summary): string {
  return clusterId === null ? `${countedText(rows.length, "node")} without a cluster` : "Nobody leads";
}

/** What is wrong, each with what to do next. */
function Findings({ findings }: { readonly findings: readonly Finding[] }): VNode | null {
  if (findings.length === 0) return null;
  return h("ul", { "class": "findings", "aria-label": "What to look at" }, findings.map(({ about, says }) => h("li", { key: `${about} ${says}` },
    h("svg", { "viewBox": "0 0 16 16", "width": 16, "height": 16, "aria-hidden": "true" }, h("path", { class: "line", d: "M8 2 15 14H1ZM8 6.5v3.5M8 12v.3" })),
    h("span", null, h("b", null, about), " ", says.split("\n").map((line, at) => h("span", { key: at, class: "finding-line" }, h(Sentence, { text: line })))),
  )));
}

function Charts({ live: { history } }: { readonly live: Live }): VNode {
  const nowMs = history.samples.at(-1)?.atMs ?? 0;
  const marks = history.leaderMarks();
  const rates = history.rates();
  const answers = history.answers();
  const commits = history.commits();
  const spanMs = history.shownMs;
  return h("div", { class: "charts" },
    h(ChartView, { title: "Entries committed", unit: "a second", points: rates, gaps: history.gaps(rates), marks, nowMs, spanMs, least: 10, tone: "a" }),
    commits.some(({ value }) => value !== null) && h(ChartView, { title: "From index to commit, 99 of 100 within", unit: "ms", points: commits, gaps: [], none: "no writes", marks, nowMs, spanMs, least: 1, tone: "a" }),
    h(ChartView, { title: "This node's answer to this page", unit: "ms", points: answers, gaps: history.gaps(answers), marks, nowMs, spanMs, least: 5, tone: "b" }),
  );
}
