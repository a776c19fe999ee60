/**
 * What was seen of a cluster over time, and what follows from it: a rate is the difference of two indexes over the time
 * between them. Where nothing was heard there is nothing to draw. Pure: the moments are given.
 */

/** One look at the cluster; a field is null if it was not learned. */
export interface Sample {
  /** Monotonic, in milliseconds. */
  readonly atMs: number;
  /** The highest commit index that any member told of. */
  readonly commitIndex: number | null;
  /** How long the node that serves the page took to answer. */
  readonly answerMs: number | null;
  /** What 99 of 100 entries did not pass from their index to their commit since the look before; null if there were none. */
  readonly commitMs: number | null;
  readonly leaderId: string | null;
  readonly term: number;
}

/** One point of a line; null: nothing is known. */
export interface Point {
  readonly atMs: number;
  readonly value: number | null;
}

/** A moment at which somebody else led, or a later term began. */
export interface LeaderMark {
  readonly atMs: number;
  readonly leaderId: string;
  readonly term: number;
}

/** Two looks further apart than so many intervals have a gap between them. */
const GAP_INTERVALS = 4;

/** The least span of time that is drawn. */
const SHOWN_MS_MIN = 60_000;

/** Keeps the samples of a span of time. */
export class History {
  readonly #spanMs: number;
  readonly #intervalMs: number;
  #samples: Sample[] = [];

  constructor({ spanMs, intervalMs }: { spanMs: number; intervalMs: number }) {
    this.#spanMs = spanMs;
    this.#intervalMs = intervalMs;
  }

  /** What there is to draw: as long as somebody has looked, a minute at least. */
  get shownMs(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const seenMs = first === undefined || last === undefined ? 0 : last.atMs - first.atMs;
    return Math.min(this.#spanMs, Math.max(SHOWN_MS_MIN, seenMs));
  }

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
    const from = sample.atMs - this.#spanMs;
    // One before the span is kept: the first rate is the difference to it.
    const first = this.#samples.findIndex(({ atMs }) => atMs >= from);
    if (first > 1) this.#samples = this.#samples.slice(first - 1);
  }

  /** Entries that were committed in a second, between one look and the next. */
  rates(): Point[] {
    return this.#samples.slice(1).map((sample, at): Point => {
      const before = this.#samples[at] as Sample;
      const tookMs = sample.atMs - before.atMs;
      const isKnown = sample.commitIndex !== null && before.commitIndex !== null && tookMs > 0 && !this.#isGap(tookMs);
      const entries = isKnown ? (sample.commitIndex ?? 0) - (before.commitIndex ?? 0) : -1;
      // A lower index: those who knew more do not answer any more, or the group is another one.
      return { atMs: sample.atMs, value: entries < 0 ? null : entries * 1000 / tookMs };
    });
  }

  answers(): Point[] {
    const points = this.#samples.map(({ atMs, answerMs }): Point => ({ atMs, value: answerMs }));
    // The first look is not measured: the browser opened a connection in it.
    return points[0]?.value === null ? points.slice(1) : points;
  }

  commits(): Point[] {
    return this.#samples.map(({ atMs, commitMs }) => ({ atMs, value: commitMs }));
  }

  /** Where another leader, or the same one in a later term, was first seen. */
  leaderMarks(): LeaderMark[] {
    const marks: LeaderMark[] = [];
    let known: Sample | null = null;
    for (const sample of this.#samples) {
      if (sample.leaderId === null) continue;
      const isNew = known !== null && (known.leaderId !== sample.leaderId || known.term !== sample.term);
      if (isNew) marks.push({ atMs: sample.atMs, leaderId: sample.leaderId, term: sample.term });
      known = sample;
    }
    return marks;
  }

  /** Spans in which nobody was looking, or nothing was heard of `points`. */
  gaps(points: readonly Point[]): { readonly fromMs: number; readonly toMs: number }[] {
    const gaps: { fromMs: number; toMs: number }[] = [];
    for (const [at, point] of points.entries()) {
      const beforeMs = points[at - 1]?.atMs ?? point.atMs;
      if (point.value !== null && !this.#isGap(point.atMs - beforeMs)) continue;
      const last = gaps.at(-1);
      if (last !== undefined && last.toMs >= beforeMs) last.toMs = point.atMs;
      else gaps.push({ fromMs: beforeMs, toMs: point.atMs });
    }
    return gaps;
  }

  #isGap(ms: number): boolean {
    return ms > GAP_INTERVALS * this.#intervalMs;
  }
}
