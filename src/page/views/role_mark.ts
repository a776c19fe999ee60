/** What a node is, as a shape and a word: never by colour alone. */
import { h, type VNode } from "../element.ts";
import type { NodeRow } from "../summary.ts";

type Shape = "leader" | "follower" | "candidate" | "learner" | "witness" | "waiting" | "away";

const WORDS: Readonly<Record<string, readonly [shape: Shape, word: string]>> = {
  "leader": ["leader", "leader"],
  "follower": ["follower", "follower"],
  "candidate": ["candidate", "candidate"],
  "pre-candidate": ["candidate", "asks for votes"],
  "learner": ["learner", "learner"],
  "witness": ["witness", "witness"],
  "waiting": ["waiting", "waits"],
  "removed": ["away", "removed"],
};

const CIRCLE = { cx: 8, cy: 8, r: 5 };

/** Shape and word of a row. */
export function roleWord({ status, group, membership }: NodeRow): readonly [shape: Shape, word: string] {
  if (status === null) return ["away", "does not answer"];
  if (group === null) return ["waiting", "not in the group"];
  if (membership === "leaving") return ["waiting", "leaving"];
  return WORDS[group.role] ?? ["waiting", group.role];
}

export function RoleMark({ row }: { readonly row: NodeRow }): VNode {
  const [shape, word] = roleWord(row);
  return h("span", { class: `role role-${shape}` },
    h("svg", { "viewBox": "0 0 16 16", "width": 16, "height": 16, "aria-hidden": "true" }, drawn(shape)),
    word,
  );
}

function drawn(shape: Shape): VNode | VNode[] {
  switch (shape) {
    case "leader": return h("path", { class: "full", d: "M8 1.5 14.5 8 8 14.5 1.5 8Z" });
    case "follower": return h("circle", { class: "full", ...CIRCLE });
    case "learner": return [h("circle", { class: "line", ...CIRCLE }), h("path", { class: "full", d: "M8 3a5 5 0 0 1 0 10Z" })];
    case "witness": return [h("circle", { class: "line", ...CIRCLE }), h("circle", { class: "full", cx: 8, cy: 8, r: 1.8 })];
    case "candidate": return h("circle", { class: "line dotted", ...CIRCLE });
    case "waiting": return h("circle", { class: "line", ...CIRCLE });
    case "away": return h("path", { class: "line", d: "M3.5 3.5 12.5 12.5M12.5 3.5 3.5 12.5" });
  }
}
