/** From points to what is drawn: paths that end where nothing is known, and a scale that a person can read. Pure. */
import type { Point } from "./history.ts";

/** The coordinates of a drawing. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** The value at its upper edge. */
  readonly top: number;
}

/** The least of 1, 2, 5 × 10^n that is not below `value`, nor below `least`, which is 1 or more. */
export function topOf(value: number, least: number): number {
  const wanted = Math.min(Number.MAX_SAFE_INTEGER, Math.max(value, least));
  for (let power = 1; ; power *= 10) {
    const step = [1, 2, 5].map((factor) => factor * power).find((each) => each >= wanted);
    if (step !== undefined) return step;
  }
}

/** The largest value that is known; 0 if none is. */
export function peakOf(points: readonly Point[]): number {
  return points.reduce((peak, { value }) => Math.max(peak, value ?? 0), 0);
}

/** The newest value, if the newest point has one. */
export function latestOf(points: readonly Point[]): number | null {
  return points.at(-1)?.value ?? null;
}

export function xOf({ fromMs, toMs, width }: Frame, atMs: number): number {
  return round((atMs - fromMs) / (toMs - fromMs) * width);
}

function yOf({ top, height }: Frame, value: number): number {
  return round(height - Math.min(1, value / top) * height);
}

/** The stretches in which each point has a value; those of one point are kept, for they are drawn as dots. */
export function stretchesOf(points: readonly Point[], isBroken: (fromMs: number, toMs: number) => boolean): { readonly atMs: number; readonly value: number }[][] {
  const stretches: { atMs: number; value: number }[][] = [];
  let open: { atMs: number; value: number }[] | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { atMs, value } of points) {
    if (value === null || isBroken(lastMs, atMs)) open = null;
    lastMs = atMs;
    if (value === null) continue;
    if (open === null) stretches.push(open = []);
    open.push({ atMs, value });
  }
  return stretches;
}

/** `d` of the line through one stretch. */
export function lineOf(frame: Frame, stretch: readonly { readonly atMs: number; readonly value: number }[]): string {
  const places = stretch.map(({ atMs, value }) => `${xOf(frame, atMs)} ${yOf(frame, value)}`);
  return places.length === 1 ? `M${places[0] ?? ""}h0.01` : `M${places.join("L")}`;
}

/** `d` of the area below it. */
export function areaOf(frame: Frame, stretch: readonly { readonly atMs: number; readonly value: number }[]): string {
  const [first, last] = [stretch[0], stretch.at(-1)];
  if (first === undefined || last === undefined) return "";
  return `${lineOf(frame, stretch)}L${xOf(frame, last.atMs)} ${frame.height}L${xOf(frame, first.atMs)} ${frame.height}Z`;
}

/** The known point that is nearest to a moment. */
export function nearestTo(points: readonly Point[], atMs: number): Point | null {
  let best: Point | null = null;
  for (const point of points) if (best === null || Math.abs(point.atMs - atMs) < Math.abs(best.atMs - atMs)) best = point;
  return best;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
