/** One member's log beside the others', drawn. */
import { h, type VNode } from "../element.ts";
import type { GroupStatus } from "../../net/client_answers.ts";
import { laneOf, type LaneScale, partOf } from "../lanes.ts";
import { countText } from "../words.ts";

const WIDTH = 1000;
const HEIGHT = 22;

interface LaneProps {
  readonly group: GroupStatus | null;
  /** How far the leader knows its log to reach; null if nobody knows. */
  readonly known: number | null;
  readonly scale: LaneScale;
}

export function LaneView({ group, known, scale }: LaneProps): VNode {
  if (group === null) return known === null ? h("div", { class: "lane lane-empty" }, "log not known") : h(KnownLane, { known, scale });
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

/** Of a node that does not answer: what the leader remembers of its log. */
function KnownLane({ known, scale }: { readonly known: number; readonly scale: LaneScale }): VNode {
  const label = `the leader heard last that its log reaches ${countText(known)}`;
  return h("div", { "class": "lane", "role": "img", "aria-label": label, "title": label },
    h("svg", { "viewBox": `0 0 ${WIDTH} ${HEIGHT}`, "preserveAspectRatio": "none", "aria-hidden": "true" }, h("rect", { class: "lane-known", x: 0, y: 0, width: partOf(scale, known) * WIDTH, height: HEIGHT })));
}

/** What the parts of a lane mean. */
export function LaneLegend({ scale }: { readonly scale: LaneScale }): VNode {
  const entry = (name: string, word: string): VNode => h("li", null, h("span", { "class": `swatch ${name}`, "aria-hidden": "true" }), word);
  return h("div", { class: "legend" },
    h("ul", null, entry("lane-applied", "applied"), entry("lane-committed", "committed"), entry("lane-durable", "on its disk"), entry("lane-last", "not on its disk yet")),
    h("span", { class: "scale" }, `log ${countText(scale.from + 1)} to ${countText(scale.to)}`),
  );
}
