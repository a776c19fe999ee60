/** A key that is not there yet. */
import { h, type VNode } from "../element.ts";
import { useState } from "preact/hooks";
import type { Api } from "../api.ts";
import { writeKey } from "../keys_api.ts";
import { Dialog, Failure, Labelled } from "./parts.ts";
import { useTask } from "./use.ts";

interface NewKeyProps {
  readonly api: Api;
  /** What the name begins with, unless the person changes it. */
  readonly prefix: string;
  readonly onClose: () => void;
  readonly onDone: (key: string) => void;
}

export function NewKeyDialog({ api, prefix, onClose, onDone }: NewKeyProps): VNode {
  const [name, setName] = useState(prefix);
  const [value, setValue] = useState("");
  const saving = useTask();
  const save = (event: Event): void => {
    event.preventDefault();
    saving.run(async () => {
      await writeKey(api, name, new TextEncoder().encode(value), { revision: 0, expiresMs: null });
      onDone(name);
    });
  };
  return h(Dialog, { title: "New key", onClose }, h("form", { onSubmit: save },
    h(Labelled, { label: "Key" }, h("input", { name: "key", required: true, value: name, autocomplete: "off", spellcheck: false, onInput: (event) => setName(event.currentTarget.value) })),
    h(Labelled, { label: "Value" }, h("textarea", { name: "value", rows: 6, value, spellcheck: false, onInput: (event) => setValue(event.currentTarget.value) })),
    h(Failure, { text: saving.failure }),
    h("div", { class: "answers" }, h("button", { type: "button", class: "quiet", onClick: onClose }, "Cancel"), h("button", { type: "submit", disabled: saving.isBusy }, "Write it")),
  ));
}
