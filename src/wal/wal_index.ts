/**
 * Where a group's entries lie: one point for each 16 KiB of its log, at the start of an entry. From a point a reader
 * goes forward; between two points nothing was truncated and no new segment begins.
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
}

const FIELDS = 5;
const ROOM_AT_FIRST = 4;

/** The points of one group, by rising index, as plain numbers: a log of 1 GB has 65,536 of them. */
export class WalIndex {
  #fields: Float64Array = new Float64Array(ROOM_AT_FIRST * FIELDS);
  #count = 0;
  #bytesSince = Number.POSITIVE_INFINITY;

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
    if (this.#bytesSince >= POINT_EVERY_BYTES) return true;
    const last = (this.#count - 1) * FIELDS;
    return this.#fields[last + 1] !== sequence || offset - this.#fields[last + 2]! >= POINT_DISTANCE_BYTES;
  }

  /** Adds a point behind the last. */
  add(point: IndexPoint): void {
    const last = this.point(this.#count - 1);
    assert(last === null || last.index < point.index, "points rise", last?.index, point.index);
    if ((this.#count + 1) * FIELDS > this.#fields.length) {
      const larger = new Float64Array(this.#fields.length * 2);
      larger.set(this.#fields);
      this.#fields = larger;
    }
    const at = this.#count * FIELDS;
    this.#fields[at] = point.index;
    this.#fields[at + 1] = point.sequence;
    this.#fields[at + 2] = point.offset;
    this.#fields[at + 3] = point.recordEnd;
    this.#fields[at + 4] = point.chain;
    this.#count += 1;
    this.#bytesSince = 0;
  }

  /** So many bytes of the group's log lie behind the last point, more than before. */
  passed(bytes: number): void {
    this.#bytesSince += bytes;
  }

  /** `from` and all after it are gone; the next entry becomes a point. */
  truncate(from: Index): void {
    this.#count = this.find(from - 1) + 1;
    this.#bytesSince = Number.POSITIVE_INFINITY;
  }
}
