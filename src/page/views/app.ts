/** The whole page: what stands on top of every view, which view is shown, and what is read out. */
import { h, type VNode } from "../element.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "../api.ts";
import type { Live } from "../live.ts";
import { applyTheme, savedTheme, type Theme, THEMES } from "../theme.ts";
import { spanText } from "../words.ts";
import { ClusterView } from "./cluster_view.ts";
import { EventsView } from "./events_view.ts";
import { KeysView } from "./keys_view.ts";
import { OperationsView } from "./operations_view.ts";
import { TokenDialog } from "./token_dialog.ts";
import { useLive } from "./use.ts";

type ViewName = "cluster" | "keys" | "operations" | "events";

const VIEWS: readonly (readonly [name: ViewName, word: string])[] = [["cluster", "Cluster"], ["keys", "Keys"], ["operations", "Operations"], ["events", "Events"]];

/** What was done is said for so long. */
const SAID_MS = 6000;

interface AppProps {
  readonly api: Api;
  readonly live: Live;
}

export function App({ api, live }: AppProps): VNode {
  useLive(live);
  const view = useView();
  const [said, say] = useSaid();
  const [wanted, setWanted] = useState<{ readonly why: string; readonly answer: (token: string | null) => void } | null>(null);
  useEffect(() => {
    api.askToken = (why) => new Promise((answer) => setWanted({ why, answer }));
  }, [api]);
  useEffect(() => {
    document.title = `${live.summary === null ? "" : live.summary.leader === null ? "nobody leads · " : `${live.summary.leader.id} leads · `}draft`;
  });
  return h("div", { class: "page" },
    h("a", { class: "skip", href: "#heading", onClick: toHeading }, "Skip to the content"),
    h(Top, { live, view }),
    h(Lost, { live }),
    h("main", { id: "main" }, shown(view, { api, live, say })),
    h("div", { class: "said", role: "status" }, said),
    h(LeaderNews, { live }),
    wanted !== null && h(TokenDialog, {
      why: wanted.why,
      onAnswer: (token) => {
        setWanted(null);
        wanted.answer(token);
      },
    }),
  );
}

function shown(view: ViewName, { api, live, say }: AppProps & { readonly say: (words: string) => void }): VNode {
  switch (view) {
    case "cluster": return h(ClusterView, { api, live, say });
    case "keys": return h(KeysView, { api, live, say });
    case "operations": return h(OperationsView, { api });
    case "events": return h(EventsView, { live });
  }
}

/** The view that the address names. */
function useView(): ViewName {
  const named = (): ViewName => VIEWS.find(([name]) => `#${name}` === location.hash)?.[0] ?? "cluster";
  const [view, setView] = useState(named);
  useEffect(() => {
    const change = (): void => setView(named());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return view;
}

function useSaid(): [said: string, say: (words: string) => void] {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(""), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return [said, setSaid];
}

/** The address keeps the view that it names. */
function toHeading(event: Event): void {
  event.preventDefault();
  document.getElementById("heading")?.focus();
}

function Top({ live, view }: { readonly live: Live; readonly view: ViewName }): VNode {
  const [theme, setTheme] = useState<Theme>(savedTheme);
  const clusterId = live.summary?.clusterId ?? null;
  const choose = (next: Theme): void => {
    applyTheme(next);
    setTheme(next);
  };
  return h("header", { class: "top" },
    h("div", { class: "brand" },
      h("svg", { "viewBox": "0 0 16 16", "width": 22, "height": 22, "aria-hidden": "true" }, h("path", { class: "mark-lines", d: "M1 4h14M1 8h9M1 12h12" })),
      h("span", { class: "word" }, "draft"),
      clusterId !== null && h("span", { class: "cluster-id", title: `cluster ${clusterId}` }, clusterId),
    ),
    h("nav", { "aria-label": "Views" }, VIEWS.map(([name, word]) => h("a", { "key": name, "href": `#${name}`, "aria-current": view === name ? "page" : undefined }, word))),
    h("fieldset", { class: "theme" }, h("legend", { class: "unseen" }, "Colours"), THEMES.map((each) =>
      h("label", { key: each, title: `${each} colours` }, h("input", { type: "radio", name: "theme", checked: theme === each, onChange: () => choose(each) }), h("span", null, each)))),
  );
}

/** The node that served this page does not answer: a page of one origin cannot ask another, but a person can. */
function Lost({ live: { failure, isSilent, heardMs, summary } }: { readonly live: Live }): VNode | null {
  if (failure === "") return null;
  const others = (summary?.rows ?? []).filter(({ address }) => address !== location.host);
  return h("div", { class: "lost", role: "alert" },
    h("p", null, h("b", null, `${location.host} ${isSilent ? "does not answer" : "tells nothing new"}`), heardMs === null ? "" : ` for ${spanText(performance.now() - heardMs)}`, isSilent ? "" : `: ${failure}`, `. What is shown below is from before; it is asked again and again.`),
    others.length > 0 && h("p", null, "Other members, each with a page like this: ", others.map(({ id, address }, at) => [at > 0 ? ", " : "", h("a", { key: id, href: `${location.protocol}//${address}/` }, `${id} at ${address}`)])),
  );
}

/** Says it when somebody else leads, or nobody: the one thing that is read out without being asked for. */
function LeaderNews({ live }: { readonly live: Live }): VNode {
  const known = useRef<string | null>(null);
  const [news, setNews] = useState("");
  const { summary } = live;
  const now = summary === null ? null : summary.leader === null ? "nobody leads" : `${summary.leader.id} leads term ${summary.term}`;
  useEffect(() => {
    if (now === null) return;
    if (known.current !== null) setNews(now);
    known.current = now;
  }, [now]);
  return h("div", { "class": "unseen", "aria-live": "polite", "id": "leader-news" }, news);
}
