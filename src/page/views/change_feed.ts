/** What changes, as it changes: the newest first. */
import { h, type VNode } from "../element.ts";
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../api.ts";
import { keyText } from "../bytes.ts";
import { type KeyChange, watchKeys } from "../watch.ts";
import { countText } from "../words.ts";
import { previewText } from "./preview.ts";
import { Sentence } from "./parts.ts";

/** Changes that are kept on the page. */
const SHOWN_MAX = 30;

interface ChangeFeedProps {
  readonly api: Api;
  readonly prefix: string;
  /** Something changed: the list is behind. */
  readonly onChange: () => void;
}

export function ChangeFeed({ api, prefix, onChange }: ChangeFeedProps): VNode {
  const [changes, setChanges] = useState<readonly KeyChange[]>([]);
  const [failure, setFailure] = useState("");
  useEffect(() => watchKeys(api, prefix, {
    changed: (more) => {
      setChanges((before) => [...more.slice(-SHOWN_MAX).reverse(), ...before].slice(0, SHOWN_MAX));
      onChange();
    },
    failed: setFailure,
  }), []);
  return h("section", { "class": "feed", "aria-label": "Changes, as they come" },
    failure !== "" && h("p", { class: "hint", role: "status" }, h(Sentence, { text: failure })),
    changes.length === 0 ? h("p", { class: "hint" }, "Nothing has changed since.") : h("ol", { class: "changes", tabIndex: 0, "aria-label": "Newest first" }, changes.map(({ id, key, value, revision, deleted }) =>
      h("li", { key: id }, h("span", { class: "key-facts" }, countText(revision)), h("span", { class: "key-name" }, keyText(key)), h("span", { class: "change-value" }, deleted || value === null ? "deleted" : previewText(value))))),
  );
}
