/** One key: its value as text, JSON or bytes; written only if nobody else wrote it meanwhile. */
import { h, type VNode } from "../element.ts";
import { useEffect, useId, useState } from "preact/hooks";
import { utf8OrNull } from "../../base/json_value.ts";
import type { Api } from "../api.ts";
import { EDITED_BYTES_MAX, hexOf, keyText, prettyJson, SHOWN_BYTES_MAX, textOf, type TextOrBytes, viewsOf } from "../bytes.ts";
import { deleteKey, type KeyValue, readKey, writeKey } from "../keys_api.ts";
import { bytesText, countText, spanText } from "../words.ts";
import { Dialog, Failure } from "./parts.ts";
import { useTask } from "./use.ts";

type ViewName = ReturnType<typeof viewsOf>[number];

const VIEW_WORDS: Readonly<Record<ViewName, string>> = { json: "JSON", text: "Text", hex: "Hex" };

interface KeyPaneProps {
  readonly api: Api;
  readonly name: TextOrBytes;
  /** It was written or deleted; in words. */
  readonly onChanged: (words: string) => void;
  readonly onClose: () => void;
}

export function KeyPane({ api, name, onChanged, onClose }: KeyPaneProps): VNode {
  const heading = useId();
  const [value, setValue] = useState<KeyValue | null>(null);
  const [draft, setDraft] = useState<string | null>(null);
  const [asksToDelete, setAsksToDelete] = useState(false);
  const reading = useTask();
  const changing = useTask();
  const text = keyText(name);
  const read = (): void => reading.run(async () => {
    setDraft(null);
    setValue(await readKey(api, name));
  });
  useEffect(read, []);
  const save = (): void => changing.run(async () => {
    if (value === null || draft === null) return;
    await writeKey(api, name, new TextEncoder().encode(draft), value);
    onChanged(`${text} is written`);
    read();
  });
  const remove = (): void => changing.run(async () => {
    setAsksToDelete(false);
    if (value === null) return;
    await deleteKey(api, name, value.revision);
    onChanged(`${text} is deleted`);
    onClose();
  });
  return h("section", { "class": "split-pane", "aria-labelledby": heading },
    h("div", { class: "pane-head" }, h("h2", { id: heading, title: text }, text), h("button", { type: "button", class: "quiet", onClick: onClose }, "Close")),
    h(Failure, { text: reading.failure }),
    value === null ? reading.isBusy && h("p", { role: "status" }, "Reading…") : h("div", null,
      h("p", { class: "facts" }, `${bytesText(value.bytes.length)} · revision ${countText(value.revision)}${value.expiresMs === null ? "" : ` · expires in ${spanText(value.expiresMs)}`}`),
      draft === null ? h(Shown, { bytes: value.bytes }) : h("textarea", { "class": "editor", "aria-label": `Value of ${text}`, "rows": 14, "spellcheck": false, "value": draft, "onInput": (event) => setDraft(event.currentTarget.value) }),
      h(Failure, { text: changing.failure }),
      h("div", { class: "answers" },
        h("button", { type: "button", class: "quiet", onClick: read }, "Read again"),
        h("button", { type: "button", class: "quiet", onClick: () => download(text, value.bytes) }, "Save as a file"),
        h("button", { type: "button", class: "quiet danger", onClick: () => setAsksToDelete(true) }, "Delete…"),
        draft === null ? h(EditButton, { value, onEdit: setDraft }) : h("button", { type: "button", disabled: changing.isBusy, onClick: save }, `Write over revision ${countText(value.revision)}`),
      ),
    ),
    asksToDelete && h(Dialog, { title: `Delete ${text}`, onClose: () => setAsksToDelete(false) },
      h("p", null, `The key goes, on every member, if it is still at revision ${countText(value?.revision ?? 0)}.`),
      h("div", { class: "answers" }, h("button", { type: "button", class: "quiet", onClick: () => setAsksToDelete(false) }, "Cancel"), h("button", { type: "button", class: "danger", onClick: remove }, "Delete it"))),
  );
}

function EditButton({ value: { bytes }, onEdit }: { readonly value: KeyValue; readonly onEdit: (text: string) => void }): VNode {
  const text = bytes.length > EDITED_BYTES_MAX ? null : utf8OrNull(bytes);
  if (text !== null) return h("button", { type: "button", onClick: () => onEdit(text) }, "Edit");
  return h("span", { class: "hint" }, bytes.length > EDITED_BYTES_MAX ? "too large to be edited here" : "no text: PUT writes bytes");
}

/** The value, in the way that shows it best or that was chosen. */
function Shown({ bytes }: { readonly bytes: Uint8Array }): VNode {
  const [chosen, setChosen] = useState<ViewName | null>(null);
  const name = useId();
  const views = viewsOf(bytes);
  const view = views.find((each) => each === chosen) ?? views[0] ?? "hex";
  const isCut = bytes.length > (view === "hex" ? SHOWN_BYTES_MAX / 4 : SHOWN_BYTES_MAX);
  return h("div", null,
    h("fieldset", { class: "filter" }, h("legend", { class: "unseen" }, "Show the value as"), views.map((each) =>
      h("label", { key: each }, h("input", { type: "radio", name, checked: view === each, onChange: () => setChosen(each) }), h("span", null, VIEW_WORDS[each])))),
    h("pre", { "class": `value value-${view}`, "tabIndex": 0, "aria-label": "Value" }, bytes.length === 0 ? "(empty)" : drawn(view, bytes)),
    isCut && h("p", { class: "hint" }, `Only its beginning is shown, of ${bytesText(bytes.length)}.`),
  );
}

function drawn(view: ViewName, bytes: Uint8Array): string {
  if (view === "hex") return hexOf(bytes);
  return view === "json" ? prettyJson(textOf(bytes)) ?? "" : textOf(bytes);
}

function download(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = name.replaceAll(/[^A-Za-z0-9._-]+/g, "_").slice(0, 100) || "value";
  link.click();
  URL.revokeObjectURL(link.href);
}
