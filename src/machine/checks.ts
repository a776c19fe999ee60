/**
 * The check points of one replica: what its state came to at each noop and verdict entry, and what verdicts made of it.
 * Which entries are check points, and what is to be judged, follows from the log alone.
 */
import { assert } from "../base/assert.ts";
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type GroupId, type Index, MAIN_GROUP } from "../raft/types.ts";
import { type CheckPoint, decodeVerdict } from "../raft/verdict_entry.ts";

/** Check points that are kept. A verdict is about one of the newest two, unless many leaders followed one another. */
export const CHECKS_MAX = 16;

const NOWHERE: CheckPoint = { index: 0, digest: 0 };

/** What of the check points a snapshot holds. */
export interface SavedChecks {
  /** Ascending by index; at most {@link CHECKS_MAX}. */
  readonly points: readonly CheckPoint[];
  /** See {@link Checks.splitIndex}. */
  readonly splitIndex: Index;
}

/** The check points of one replica. */
export class Checks {
  /** The check point at which no majority of the replicas agreed, by the last verdict that found any; 0: they agreed. */
  splitIndex: Index = 0;
  /** Use: the node tells its core. Whether there is anything that it was not told. */
  hasNews = false;
  /** Use: what a replica that differs says of the machine that it and the others run. */
  runs: () => string = () => "";
  readonly #group: GroupId;
  #points: CheckPoint[] = [];
  /** The newest entry that is neither noop, time nor verdict: what there is to judge. */
  #usedIndex: Index = 0;
  #judgedIndex: Index = 0;
  /** The newest check point at which this replica was as the majority; 0: none was judged. */
  #agreedIndex: Index = 0;
  /** The snapshot that it began from; 0: none. */
  #baseIndex: Index = 0;
  #unjudgedSinceMs: number | null = null;

  constructor(group: GroupId) {
    this.#group = group;
  }

  /** Whether the state is noted at this entry. */
  static isPoint(kind: number): boolean {
    return kind === EntryKind.noop || kind === EntryKind.verdict;
  }

  /** Whether nothing was applied that is to be judged: no command, no session, no raise. */
  get isUnused(): boolean {
    return this.#usedIndex === 0;
  }

  /** The last check point; index 0: none was passed. */
  get newest(): CheckPoint {
    return this.#points.at(-1) ?? NOWHERE;
  }

  /** Log time from which the next verdict is counted; null: nothing happened since the last that is to be judged. */
  get unjudgedSinceMs(): number | null {
    return this.#unjudgedSinceMs;
  }

  /**
   * The entry was applied at log time `timeMs`: notes what the state comes to where it is a check point, and compares it
   * where it is a verdict.
   *
   * @param payload of the entry
   * @param digest what the state comes to now; null: that cannot be said
   * @throws DraftError see {@link judge}
   */
  applied({ kind, index }: EntryHead, timeMs: number, payload: () => Uint8Array, digest: () => number | null): void {
    if (!Checks.isPoint(kind)) {
      if (kind !== EntryKind.time) this.used(index, timeMs);
      return;
    }
    const point = digest();
    if (point !== null) this.passed({ index, digest: point });
    if (kind === EntryKind.verdict) this.judge(payload(), timeMs);
  }

  /** The entry that is neither noop, time nor verdict, at this log time, was applied. */
  used(index: Index, timeMs: number): void {
    this.#usedIndex = index;
    if (this.#unjudgedSinceMs !== null) return;
    this.#unjudgedSinceMs = timeMs;
    this.hasNews = true;
  }

  /** The check point was passed. */
  passed(point: CheckPoint): void {
    assert(point.index > this.newest.index, "check points ascend", point.index, this.newest.index);
    this.#points.push(point);
    if (this.#points.length > CHECKS_MAX) this.#points.shift();
    this.hasNews = true;
  }

  /**
   * A verdict entry says what a majority's state comes to; or that there is none, which is an alarm until the next
   * verdict that finds one. A point that this replica does not know, since it began behind it, says nothing about it.
   *
   * @param payload of the entry
   * @param timeMs log time
   * @throws DraftError DAMAGED if this replica's state is another one: it must stop; BAD_CONFIG if the payload says what
   *   this draft does not know
   */
  judge(payload: Uint8Array, timeMs: number): void {
    const verdict = decodeVerdict(payload);
    if (verdict.outcome !== "none") {
      this.#judgedIndex = verdict.index;
      this.splitIndex = verdict.outcome === "split" ? verdict.index : 0;
    }
    this.#unjudgedSinceMs = this.#usedIndex > this.#judgedIndex ? timeMs : null;
    this.hasNews = true;
    if (verdict.outcome !== "majority") return;
    const own = this.#points.find(({ index }) => index === verdict.index);
    if (own === undefined) return;
    if (own.digest !== verdict.digest) throw this.#differs(own, verdict.digest);
    this.#agreedIndex = verdict.index;
  }

  /** What a snapshot holds of it. */
  saved(): SavedChecks {
    return { points: [...this.#points], splitIndex: this.splitIndex };
  }

  /** The replica goes on from a snapshot of `applied`: what it stands on has not been judged, as far as it knows. */
  restore({ points, splitIndex }: SavedChecks, applied: Pick<EntryHead, "index" | "timeMs">): void {
    this.#points = points.slice(-CHECKS_MAX);
    this.splitIndex = splitIndex;
    this.#judgedIndex = this.#agreedIndex = 0;
    this.#usedIndex = this.#baseIndex = applied.index;
    this.#unjudgedSinceMs = applied.timeMs;
    this.hasNews = true;
  }

  #differs({ index, digest }: CheckPoint, majority: number): DraftError {
    const from = Math.min(Math.max(this.#agreedIndex, this.#baseIndex) + 1, index);
    const runs = this.runs();
    return new DraftError(
      "DAMAGED",
      `the state of group ${this.#group === MAIN_GROUP ? "main" : this.#group} differs from that of the majority at index ${index}: digest ${hex(digest)} here, ${hex(majority)} there; ` +
        `${this.#suspects(index)}${runs === "" ? "" : `; ${runs}`}: ` +
        "start this node again, and it applies its log anew (where the machine keeps its state on disk, move machines/main out of the data directory first); if it stops here once more, its snapshot or its plugin's file is not " +
        `like the others': compare with theirs what draft log show --from ${from} --to ${index} prints`,
    );
  }

  /** Where the difference must have come from, as far as this process knows. */
  #suspects(index: Index): string {
    const [agreed, base] = [this.#agreedIndex, this.#baseIndex];
    if (agreed > 0) return `at index ${agreed} it was the same, so it is one of the entries ${agreed + 1} to ${index} that shows it first`;
    if (base === 0) return `it is one of the entries 1 to ${index} that shows it first`;
    const snapshot = `the snapshot of index ${base} that this node began from`;
    return base >= index ? `it came with ${snapshot}` : `it came with ${snapshot}, or one of the entries ${base + 1} to ${index} shows it first`;
  }
}

function hex(digest: number): string {
  return digest.toString(16).padStart(8, "0");
}
