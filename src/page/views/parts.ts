/** Small parts that several views are made of. */
import { type ComponentChildren, h, type VNode } from "../element.ts";
import { useEffect, useId, useRef } from "preact/hooks";
import { commandPieces } from "../words.ts";

/** A sentence in which commands of draft look as they are typed. */
export function Sentence({ text }: { readonly text: string }): VNode {
  return h("span", null, commandPieces(text).map((piece, at) => (piece.isCommand ? h("code", { key: at }, piece.text) : piece.text)));
}

/** What went wrong; read out at once. */
export function Failure({ text }: { readonly text: string }): VNode | null {
  return text === "" ? null : h("p", { class: "failure", role: "alert" }, h(Sentence, { text }));
}

interface SectionProps {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A part of a view under a heading. */
export function Section({ title, aside, children }: SectionProps): VNode {
  const heading = useId();
  return h("section", { "class": "section", "aria-labelledby": heading }, h("div", { class: "section-head" }, h("h2", { id: heading }, title), aside), children);
}

/** The whole view under its heading, to which who skips what stands above it is taken. */
export function View({ title, aside, children }: SectionProps): VNode {
  return h("div", { class: "section" }, h("div", { class: "section-head" }, h("h1", { id: "heading", class: "view-title", tabIndex: -1 }, title), aside), children);
}

/** A field with its label. */
export function Labelled({ label, hint, children }: { readonly label: string; readonly hint?: string; readonly children: ComponentChildren }): VNode {
  return h("label", { class: "field" }, h("span", { class: "field-name" }, label, hint === undefined ? null : h("span", { class: "hint" }, ` ${hint}`)), children);
}

/** A question that waits for its answer: what stands behind it cannot be reached meanwhile. */
export function Dialog({ title, onClose, children }: { readonly title: string; readonly onClose: () => void; readonly children: ComponentChildren }): VNode {
  const heading = useId();
  const shown = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = shown.current;
    dialog?.showModal();
    // The browser gives the focus back to where it was.
    return () => dialog?.close();
  }, []);
  const cancel = (event: Event): void => {
    event.preventDefault();
    onClose();
  };
  return h("dialog", { "ref": shown, "aria-labelledby": heading, "onCancel": cancel },
    h("h2", { id: heading }, title),
    children,
  );
}
