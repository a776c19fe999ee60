/** The members, a row each, with what may be done to them. */
import { h, type VNode } from "../element.ts";
import { useRef } from "preact/hooks";
import type { GroupStatus } from "../../net/client_answers.ts";
import { laneScale, type LaneScale } from "../lanes.ts";
import type { NodeRow, Summary } from "../summary.ts";
import { bytesText, countText, spanText } from "../words.ts";
import { LaneLegend, LaneView } from "./lane_view.ts";
import type { MemberAction } from "./member_dialog.ts";
import { RoleMark } from "./role_mark.ts";

interface NodeListProps {
  readonly summary: Summary;
  /** Id of the node that serves this page; empty until it said so. */
  readonly servedBy: string;
  readonly onAction: (action: MemberAction) => void;
}

export function NodeList({ summary, servedBy, onAction }: NodeListProps): VNode {
  const groups = summary.rows.flatMap(({ group }) => (group === null || group.role === "waiting" ? [] : [group]));
  const scale = laneScale(groups);
  return h("div", null,
    h("ul", { class: "nodes" }, summary.rows.map((row) => h(NodeItem, { key: row.id, row, summary, servedBy, scale, onAction }))),
    groups.length > 0 && h(LaneLegend, { scale }),
  );
}

function NodeItem({ row, summary, servedBy, scale, onAction }: NodeListProps & { readonly row: NodeRow; readonly scale: LaneScale }): VNode {
  const { id, address, group, status, isLeader } = row;
  return h("li", { class: `node${isLeader ? " node-leads" : ""}${status === null ? " node-away" : ""}` },
    h("div", { class: "node-name" }, h("div", { class: "name-row" }, h("h3", { title: id }, id), id === servedBy && h("span", { class: "here" }, "this page")), h("span", { class: "address" }, address)),
    h("div", { class: "node-role" }, h(RoleMark, { row }), roleNote(row)),
    h(LaneView, { group: group?.role === "waiting" ? null : group, known: row.peer?.matchIndex ?? null, scale }),
    h("dl", { class: "node-figures" }, figures(row).map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value)))),
    h(NodeMenu, { row, summary, onAction }),
  );
}

/** What the word for the role does not say. */
function roleNote({ group, peer, status }: NodeRow): VNode | null {
  const notes = [
    ...(peer?.state === "snapshot" ? ["fetches a snapshot"] : peer?.state === "probe" && status !== null ? ["where logs agree is sought"] : []),
    ...(status?.fenced === true ? ["fenced"] : []),
    ...(status !== null && status.disk.state !== "ok" ? [`disk ${status.disk.state}`] : []),
    ...(group !== null && group.condition !== null ? [group.condition] : []),
  ];
  return notes.length === 0 ? null : h("span", { class: "note" }, notes.join(", "));
}

function figures({ group, peer, behind, status, isLeader }: NodeRow): [name: string, value: string][] {
  const index = (of: (group: GroupStatus) => number): string => (group === null || group.role === "waiting" ? "–" : countText(of(group)));
  return [
    ["Commit", index(({ commitIndex }) => commitIndex)],
    ["Applied", index(({ appliedIndex }) => appliedIndex)],
    ["Behind", behind === null ? "–" : behind === 0 ? "0" : countText(behind)],
    ["Heard", isLeader ? "leads" : peer === null || peer.lastContactMs === null ? "–" : `${spanText(peer.lastContactMs)} ago`],
    ["Disk", status === null ? "–" : `${bytesText(status.disk.freeBytes)} free`],
  ];
}

/** What may be done: opened by a button, closed by Escape or by going on. */
function NodeMenu({ row, summary, onAction }: Pick<NodeListProps, "summary" | "onAction"> & { readonly row: NodeRow }): VNode {
  const menu = useRef<HTMLDetailsElement>(null);
  const close = (): void => menu.current?.removeAttribute("open");
  const actions = actionsOf(row, summary);
  if (actions.length === 0) return h("div", { class: "menu" });
  return h("details", {
    class: "menu", ref: menu,
    onKeyDown: (event) => {
      if (event.key !== "Escape") return;
      close();
      menu.current?.querySelector("summary")?.focus();
    },
    onFocusOut: (event) => {
      if (!(event.relatedTarget instanceof Node && menu.current?.contains(event.relatedTarget))) close();
    },
  },
  h("summary", { "aria-label": `Actions for ${row.id}`, "title": `Actions for ${row.id}` }, h("span", { "aria-hidden": "true" }, "⋯")),
  h("ul", null, actions.map(([kind, word]) => h("li", { key: kind }, h("button", {
    type: "button",
    // Safari gives buttons no focus: without this the menu would close before the click.
    onPointerDown: (event) => event.preventDefault(),
    onClick: () => {
      close();
      menu.current?.querySelector("summary")?.focus();
      onAction({ kind, id: row.id });
    },
  }, word)))));
}

function actionsOf({ membership, isLeader, status }: NodeRow, { leader }: Summary): (readonly ["transfer" | "remove" | "promote" | "demote", string])[] {
  if (membership === "none" || membership === "leaving") return [];
  return [
    ...(membership === "voter" && !isLeader && status !== null && leader !== null ? [["transfer", "Make leader…"] as const] : []),
    ...(membership === "learner" ? [["promote", "Promote to voter…"] as const] : []),
    ...(membership === "voter" ? [["demote", "Demote to learner…"] as const] : []),
    ["remove", "Remove…"] as const,
  ];
}
