/** The keys of the machine `kv`: a list by prefix, a page at a time, and beside it the one that was chosen. */
import { h, type VNode } from "../element.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "../api.ts";
import { bytesOf, keyText, type TextOrBytes } from "../bytes.ts";
import { type KeyPage, listKeys } from "../keys_api.ts";
import type { Live } from "../live.ts";
import { bytesText, countText } from "../words.ts";
import { KeyPane } from "./key_pane.ts";
import { ChangeFeed } from "./change_feed.ts";
import { NewKeyDialog } from "./new_key_dialog.ts";
import { previewText } from "./preview.ts";
import { Failure, View } from "./parts.ts";
import { useLive, useTask } from "./use.ts";

/** Of many changes at once the list is read once, so soon after the first. */
const READ_AGAIN_MS = 300;

interface KeysProps {
  readonly api: Api;
  readonly live: Live;
  readonly say: (words: string) => void;
}

export function KeysView({ api, live, say }: KeysProps): VNode {
  useLive(live);
  const machine = live.summary?.machine ?? null;
  if (machine !== null && machine !== "kv") {
    return h(View, { title: "Keys" }, h("p", { class: "empty" }, `The machine here is ${machine}, which has no keys to browse. `, h("a", { href: "#operations" }, "Its operations")));
  }
  return h(Keys, { api, say });
}

function Keys({ api, say }: Pick<KeysProps, "api" | "say">): VNode {
  const [prefix, setPrefix] = useState("");
  /** Where each page up to the one that is shown begins. */
  const [starts, setStarts] = useState<readonly string[]>([""]);
  const [page, setPage] = useState<KeyPage | null>(null);
  const [chosen, setChosen] = useState<TextOrBytes | null>(null);
  const [isWatched, setWatched] = useState(false);
  const [isAdding, setAdding] = useState(false);
  const loading = useTask();
  const after = starts.at(-1) ?? "";
  const load = (): void => loading.run(async () => setPage(await listKeys(api, prefix, after)));
  useEffect(() => {
    // While a person types, only the last of what was typed is asked for.
    const timer = setTimeout(load, 150);
    return () => clearTimeout(timer);
  }, [prefix, after]);
  const later = useRef<ReturnType<typeof setTimeout> | null>(null);
  const loadSoon = (): void => {
    later.current ??= setTimeout(() => {
      later.current = null;
      load();
    }, READ_AGAIN_MS);
  };
  const changed = (words: string): void => {
    say(words);
    load();
  };
  return h(View, { title: "Keys", aside: h("button", { type: "button", class: "quiet", onClick: () => setAdding(true) }, "New key…") },
    h("div", { class: "toolbar" },
      h("label", { class: "search" }, h("span", { class: "unseen" }, "Prefix"), h("input", {
        type: "search", placeholder: "Prefix", value: prefix, autocomplete: "off", spellcheck: false,
        onInput: (event) => {
          setPrefix(event.currentTarget.value);
          setStarts([""]);
        },
      })),
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: isWatched, onChange: () => setWatched(!isWatched) }), " watch live"),
    ),
    h(Failure, { text: loading.failure }),
    isWatched && h(ChangeFeed, { key: prefix, api, prefix, onChange: loadSoon }),
    h("div", { class: `split${chosen === null ? "" : " split-chosen"}` },
      h("div", { class: "split-list" },
        page === null ? h("p", { class: "empty", role: "status" }, "Reading…") : h(KeyList, { page, chosen, onChoose: setChosen }),
        page !== null && h(Pager, { page, starts, onGo: setStarts }),
      ),
      chosen !== null && h(KeyPane, { key: keyText(chosen), api, name: chosen, onChanged: changed, onClose: () => setChosen(null) }),
    ),
    isAdding && h(NewKeyDialog, {
      api, prefix, onClose: () => setAdding(false),
      onDone: (key) => {
        setAdding(false);
        setChosen(key);
        changed(`${key} is written`);
      },
    }),
  );
}

function KeyList({ page: { items }, chosen, onChoose }: { readonly page: KeyPage; readonly chosen: TextOrBytes | null; readonly onChoose: (key: TextOrBytes) => void }): VNode {
  if (items.length === 0) return h("p", { class: "empty" }, "No keys here.");
  const chosenText = chosen === null ? null : keyText(chosen);
  return h("ul", { class: "keys" }, items.map(({ key, value, revision }) => {
    const text = keyText(key);
    return h("li", { key: text }, h("button", { "type": "button", "class": "key", "aria-current": text === chosenText ? "true" : undefined, "onClick": () => onChoose(key) },
      h("span", { class: "key-name", title: text }, text === "" ? "(empty)" : text),
      h("span", { class: "key-facts" }, `${bytesText(bytesOf(value).length)} · rev ${countText(revision)}`),
      h("span", { class: "key-value" }, previewText(value)),
    ));
  }));
}

function Pager({ page, starts, onGo }: { readonly page: KeyPage; readonly starts: readonly string[]; readonly onGo: (starts: readonly string[]) => void }): VNode {
  const { items, next } = page;
  return h("div", { class: "pager" },
    h("span", { role: "status" }, `page ${starts.length}, ${countText(items.length)} keys${next === null ? ", the last page" : ", more behind them"}`),
    h("button", { type: "button", class: "quiet", disabled: starts.length === 1, onClick: () => onGo(starts.slice(0, -1)) }, "Back"),
    h("button", { type: "button", class: "quiet", disabled: next === null, onClick: () => next !== null && onGo([...starts, next]) }, "Next"),
  );
}
