/** How long things took, out of what a node counts for Prometheus: the difference of two readings. Pure. */

/** How many durations were at most so long; bounds rise, the last one is infinite. */
export interface Counts {
  readonly boundsSeconds: readonly number[];
  /** Of all that were at most so long: each includes those before it. */
  readonly counts: readonly number[];
}

/**
 * The series of one histogram and group in the text that a node answers at `/metrics`; null if there is none.
 *
 * @param name without `_bucket`
 */
export function countsIn(text: string, name: string, group: string): Counts | null {
  const rows = text.split("\n").flatMap((line) => {
    const [, labels = "", count = ""] = line.startsWith(`${name}_bucket{`) ? /\{(.*)\} (\S+)$/.exec(line) ?? [] : [];
    const bound = /(?:^|,)le="([^"]+)"/.exec(labels)?.[1];
    if (bound === undefined || !labels.includes(`group="${group}"`)) return [];
    return [{ bound: bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound), count: Number(count) }];
  });
  rows.sort((a, b) => a.bound - b.bound);
  return rows.length === 0 ? null : { boundsSeconds: rows.map(({ bound }) => bound), counts: rows.map(({ count }) => count) };
}

/**
 * What so large a part of the durations between two readings did not pass, in milliseconds, as if they were spread evenly
 * within their bounds; null if there were none, or if the node began to count anew.
 */
export function quantileMs(before: Counts, after: Counts, part: number): number | null {
  const more = after.counts.map((count, at) => count - (before.counts[at] ?? 0));
  const all = more.at(-1) ?? 0;
  if (all <= 0 || more.some((count) => count < 0)) return null;
  const wanted = part * all;
  const at = more.findIndex((count) => count >= wanted);
  const lower = after.boundsSeconds[at - 1] ?? 0;
  const upper = after.boundsSeconds[at] ?? lower;
  // Of those beyond the last bound only that is known.
  if (!Number.isFinite(upper)) return lower * 1000;
  const below = more[at - 1] ?? 0;
  const within = (more[at] ?? 0) - below;
  return (lower + (upper - lower) * (wanted - below) / within) * 1000;
}
