/** A line over time, with what is not known left out and marked. */
import { h, type VNode } from "../element.ts";
import { useId, useState } from "preact/hooks";
import { areaOf, type Frame, latestOf, lineOf, nearestTo, peakOf, stretchesOf, topOf, xOf } from "../chart_shape.ts";
import type { LeaderMark, Point } from "../history.ts";
import { measureText, spanText } from "../words.ts";

const WIDTH = 600;
const HEIGHT = 140;

/** By one key press the reading moves so far. */
const STEP_MS = 1000;

interface ChartProps {
  readonly title: string;
  readonly unit: string;
  readonly points: readonly Point[];
  readonly gaps: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly marks: readonly LeaderMark[];
  readonly nowMs: number;
  readonly spanMs: number;
  /** The least that the upper edge stands for. */
  readonly least: number;
  readonly tone: "a" | "b";
  /** What is said where there is no value; that nothing was heard, unless said otherwise. */
  readonly none?: string;
}

export function ChartView({ title, unit, points, gaps, marks, nowMs, spanMs, least, tone, none = "nothing heard" }: ChartProps): VNode {
  const hatch = useId();
  const [readMs, setReadMs] = useState<number | null>(null);
  const frame: Frame = { width: WIDTH, height: HEIGHT, fromMs: nowMs - spanMs, toMs: nowMs, top: topOf(peakOf(points), least) };
  const isBroken = (fromMs: number, toMs: number): boolean => gaps.some((gap) => gap.fromMs < toMs && gap.toMs >= toMs && gap.fromMs >= fromMs);
  const stretches = stretchesOf(points, isBroken);
  const shown = readMs === null ? null : nearestTo(points, nowMs - readMs);
  const latest = latestOf(points);
  const move = (byMs: number): void => setReadMs(Math.min(spanMs, Math.max(0, (readMs ?? 0) + byMs)));
  return h("figure", { class: `chart chart-${tone}` },
    h("figcaption", null, h("span", { class: "chart-title" }, title), h("output", { class: "chart-now" }, readingText({ shown, latest, nowMs, unit, none }))),
    h("div", {
      "class": "plot", "tabIndex": 0, "role": "img",
      "aria-label": `${title} over ${spanText(spanMs)}: now ${latest === null ? "not known" : `${measureText(latest)} ${unit}`}, at most ${measureText(peakOf(points))} ${unit}${gaps.length > 0 ? ", with gaps where nothing was heard" : ""}. Arrow keys read it.`,
      "onKeyDown": (event) => {
        if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
          event.preventDefault();
          move(event.key === "ArrowLeft" ? STEP_MS : -STEP_MS);
        } else if (event.key === "Escape") setReadMs(null);
      },
      "onBlur": () => setReadMs(null),
      "onPointerMove": (event) => {
        const { left, width } = event.currentTarget.getBoundingClientRect();
        setReadMs((1 - (event.clientX - left) / width) * spanMs);
      },
      "onPointerLeave": () => setReadMs(null),
    },
    h("svg", { "viewBox": `0 0 ${WIDTH} ${HEIGHT}`, "preserveAspectRatio": "none", "aria-hidden": "true" },
      h("defs", null, h("pattern", { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, h("line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 6 }))),
      [0.5, 1].map((part) => h("line", { key: part, class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT * (1 - part) + 0.5, y2: HEIGHT * (1 - part) + 0.5 })),
      gaps.map((gap) => h("rect", { key: gap.fromMs, fill: `url(#${hatch})`, x: Math.max(0, xOf(frame, gap.fromMs)), y: 0, width: Math.max(1, xOf(frame, gap.toMs) - Math.max(0, xOf(frame, gap.fromMs))), height: HEIGHT })),
      stretches.map((stretch) => h("path", { key: stretch[0]?.atMs, class: "area", d: areaOf(frame, stretch) })),
      stretches.map((stretch) => h("path", { key: stretch[0]?.atMs, class: "line", d: lineOf(frame, stretch) })),
      marks.map(({ atMs }) => h("line", { key: atMs, class: "mark", x1: xOf(frame, atMs), x2: xOf(frame, atMs), y1: 0, y2: HEIGHT })),
      shown !== null && h("line", { class: "cursor", x1: xOf(frame, shown.atMs), x2: xOf(frame, shown.atMs), y1: 0, y2: HEIGHT }),
    ),
    h("span", { class: "tick tick-top" }, measureText(frame.top)), h("span", { class: "tick tick-half" }, measureText(frame.top / 2)),
    marks.filter(({ atMs }) => atMs > frame.fromMs).map(({ atMs, leaderId }) => h("span", { key: atMs, class: "mark-name", style: { left: `${xOf(frame, atMs) / WIDTH * 100}%` } }, leaderId)),
    ),
    h("div", { "class": "axis", "aria-hidden": "true" }, h("span", null, `${spanText(spanMs)} ago`), h("span", null, "now")),
  );
}

interface Reading {
  readonly shown: Point | null;
  readonly latest: number | null;
  readonly nowMs: number;
  readonly unit: string;
  readonly none: string;
}

function readingText({ shown, latest, nowMs, unit, none }: Reading): string {
  const value = shown === null ? latest : shown.value;
  const words = value === null ? none : `${measureText(value)} ${unit}`;
  return shown === null ? words : `${words}, ${spanText(nowMs - shown.atMs)} ago`;
}
