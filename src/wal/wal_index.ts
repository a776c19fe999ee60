/**
 * Where a group's entries lie: one point for each 16 KiB of its log, at the start of an entry. From a point a reader
 * goes forward; between two points nothing was truncated or relocated and no new segment begins.
 */
import { assert } from "../base/assert.ts";
import type { Index } from "../raft/types.ts";

/** Bytes of a group's own log between two points. */
export const POINT_EVERY_BYTES = 16_384;

/** Bytes of the WAL between two points, at most: bounds what a reader skips of other groups. */
export const POINT_DISTANCE_BYTES = 1_048_576;

/** The start of an entry in a segment. */
export interface IndexPoint {
  readonly index: Index;
  readonly sequence: number;
  readonly offset: number;
  /** Where the record that holds the entry ends: there stands the next envelope. */
  readonly recordEnd: number;
  /** The entry's chain: what is read back must bear it. */
  readonly chain: number;
  /** Bytes of the group's records from here to the next point; too many where a part of them was removed. */
  readonly bytes: number;
}

const FIELDS = 6;
const BYTES_FIELD = 5;
const ROOM_AT_FIRST = 4;

/** The points of one group, by rising index, as plain numbers: a log of 1 GB has 65,536 of them. */
export class WalIndex {
  #fields: Float64Array = new Float64Array(ROOM_AT_FIRST * FIELDS);
  #count = 0;
  /** Whether the next entry is not found from the last point on. */
  #isCut = false;

  get points(): number {
    return this.#count;
  }

  /** The point number `at`, counted from 0; null behind the last. */
  point(at: number): IndexPoint | null {
    if (at < 0 || at >= this.#count) return null;
    const from = at * FIELDS;
    const fields = this.#fields;
    return {
      index: fields[from]!,
      sequence: fields[from + 1]!,
      offset: fields[from + 2]!,
      recordEnd: fields[from + 3]!,
      chain: fields[from + 4]!,
      bytes: fields[from + BYTES_FIELD]!,
    };
  }

  /** Number of the last point at or before `index`; -1 if none is. */
  find(index: Index): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#fields[middle * FIELDS]! <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Number of the first point in a segment; -1 if none is. */
  firstIn(sequence: number): number {
    for (let at = 0; at < this.#count; at++) if (this.#fields[at * FIELDS + 1] === sequence) return at;
    return -1;
  }

  /** Adds the bytes that lie in each segment to `bytes`. */
  countBytes(bytes: Map<number, number>): void {
    for (let at = 0; at < this.#count; at++) {
      const sequence = this.#fields[at * FIELDS + 1]!;
      bytes.set(sequence, (bytes.get(sequence) ?? 0) + this.#fields[at * FIELDS + BYTES_FIELD]!);
    }
  }

  /** Copies of the points that lead from `from` to `to`, at most `pointsMax` of them, and up to where they lead. */
  route(from: Index, to: Index, pointsMax: number): { readonly points: IndexPoint[]; readonly to: Index } {
    const points: IndexPoint[] = [];
    for (let at = this.find(from); points.length < pointsMax; at++) {
      const point = this.point(at);
      if (point === null || (point.index > to && points.length > 0)) return { points, to };
      points.push(point);
    }
    const next = this.point(this.find(from) + points.length);
    return { points, to: next === null ? to : Math.min(to, next.index - 1) };
  }

  /** Whether an entry at this place becomes a point. Call for entries in order, then {@link passed}. */
  wants(sequence: number, offset: number): boolean {
    if (this.#isCut || this.#count === 0) return true;
    const last = (this.#count - 1) * FIELDS;
    const fields = this.#fields;
    return fields[last + BYTES_FIELD]! >= POINT_EVERY_BYTES || fields[last + 1] !== sequence || offset - fields[last + 2]! >= POINT_DISTANCE_BYTES;
  }

  /** Adds a point behind the last. */
  add(point: IndexPoint): void {
    const last = this.point(this.#count - 1);
    assert(last === null || last.index < point.index, "points rise", last?.index, point.index);
    this.#splice(this.#count, 0, [point]);
    this.#isCut = false;
  }

  /** So many bytes of the group's log lie behind the last point, more than before. */
  passed(bytes: number): void {
    this.#fields[(this.#count - 1) * FIELDS + BYTES_FIELD]! += bytes;
  }

  /** The next entry is not found from the last point on. */
  cut(): void {
    this.#isCut = true;
  }

  /** `from` and all after it are gone. */
  truncate(from: Index): void {
    this.#count = this.find(from - 1) + 1;
    this.#isCut = true;
  }

  /** All before `from` is gone; nothing is left if `from` lies behind the end. */
  compact(from: Index, last: Index): void {
    this.#splice(0, from > last ? this.#count : Math.max(0, this.find(from)), []);
  }

  /** Entries `from`..`to` are found from `points` on from now on. The entry behind them has a point of its own, or is the next. */
  replace(from: Index, to: Index, points: readonly IndexPoint[]): void {
    const first = this.find(from - 1) + 1;
    const isLast = this.find(to) === this.#count - 1;
    this.#splice(first, this.find(to) + 1 - first, points);
    if (isLast) this.#isCut = true;
  }

  #splice(at: number, removed: number, points: readonly IndexPoint[]): void {
    const count = this.#count - removed + points.length;
    if (count * FIELDS > this.#fields.length) {
      const larger = new Float64Array(Math.max(count * FIELDS, this.#fields.length * 2));
      larger.set(this.#fields);
      this.#fields = larger;
    }
    const fields = this.#fields;
    if (removed !== points.length) fields.copyWithin((at + points.length) * FIELDS, (at + removed) * FIELDS, this.#count * FIELDS);
    this.#count = count;
    points.forEach((point, i) => {
      const to = (at + i) * FIELDS;
      fields[to] = point.index;
      fields[to + 1] = point.sequence;
      fields[to + 2] = point.offset;
      fields[to + 3] = point.recordEnd;
      fields[to + 4] = point.chain;
      fields[to + BYTES_FIELD] = point.bytes;
    });
  }
}
