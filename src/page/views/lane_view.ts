/** One member's log beside the others', drawn. */
import { h, type VNode } from "../element.ts";
import type { GroupStatus } from "../../net/client_answers.ts";
import { laneOf, type LaneScale } from "../lanes.ts";
import { countText } from "../words.ts";

const WIDTH = 1000;
const HEIGHT = 22;

export function LaneView({ group, scale }: { readonly group: GroupStatus | null; readonly scale: LaneScale }): VNode {
  if (group === null) return h("div", { class: "lane lane-empty" }, h("span", null, "log not known"));
  const { first, applied, committed, durable, last } = laneOf(scale, group);
  const bar = (name: string, from: number, to: number): VNode | null =>
    (to <= from ? null : h("rect", { class: name, x: from * WIDTH, y: 0, width: (to - from) * WIDTH, height: HEIGHT }));
  const label = `log up to ${countText(group.lastIndex)}: applied ${countText(group.appliedIndex)}, committed ${countText(group.commitIndex)}, durable ${countText(group.durableIndex)}`;
  return h("div", { class: "lane", role: "img", "aria-label": label, title: label },
    h("svg", { "viewBox": `0 0 ${WIDTH} ${HEIGHT}`, "preserveAspectRatio": "none", "aria-hidden": "true" },
      bar("lane-applied", first, applied), bar("lane-committed", Math.max(first, applied), committed),
      bar("lane-durable", Math.max(first, committed, applied), durable), bar("lane-last", Math.max(first, durable), last),
    ),
  );
}

/** What the parts of a lane mean. */
export function LaneLegend({ scale }: { readonly scale: LaneScale }): VNode {
  const entry = (name: string, word: string): VNode => h("li", null, h("span", { "class": `swatch ${name}`, "aria-hidden": "true" }), word);
  return h("div", { class: "legend" },
    h("ul", null, entry("lane-applied", "applied"), entry("lane-committed", "committed"), entry("lane-durable", "on its disk"), entry("lane-last", "not on its disk yet")),
    h("span", { class: "scale" }, `log ${countText(scale.from + 1)} to ${countText(scale.to)}`),
  );
}
