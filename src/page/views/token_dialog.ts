/** Asks for the token that the node wants. */
import { h, type VNode } from "../element.ts";
import { useState } from "preact/hooks";
import { Dialog, Failure, Labelled } from "./parts.ts";

interface TokenDialogProps {
  /** Why the one that was sent is not taken; empty if none was. */
  readonly why: string;
  readonly onAnswer: (token: string | null) => void;
}

export function TokenDialog({ why, onAnswer }: TokenDialogProps): VNode {
  const [token, setToken] = useState("");
  const send = (event: Event): void => {
    event.preventDefault();
    onAnswer(token.trim());
  };
  return h(Dialog, { title: "This node wants a token", onClose: () => onAnswer(null) },
    h("form", { onSubmit: send },
      h("p", null, "It is kept until this tab is closed, and sent to this node alone. ", h("code", null, "draft admin token NAME"), " makes one; role read shows this page, write changes keys, admin the members."),
      h(Failure, { text: why }),
      h(Labelled, { label: "Token" }, h("input", { name: "token", type: "password", required: true, pattern: "\\s*[!-~]+\\s*", title: "characters that can be seen", autocomplete: "off", value: token, onInput: (event) => setToken(event.currentTarget.value) })),
      h("div", { class: "answers" }, h("button", { type: "button", class: "quiet", onClick: () => onAnswer(null) }, "Cancel"), h("button", { type: "submit" }, "Use it")),
    ),
  );
}
