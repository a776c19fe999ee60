/**
 * What the WAL knows of one group: what a new segment repeats of it, and where its entries lie. It is kept up to date
 * when a batch is put together and when a log is read at the start, record by record, by the same functions.
 */
import { assert } from "../base/assert.ts";
import { getU64, viewOf } from "../base/bytes.ts";
import { sealedBytes } from "../base/entry.ts";
import type { GroupId, HardState, Index, LogPoint } from "../raft/types.ts";
import type { GroupBase } from "./record.ts";
import type { Place } from "./segment.ts";
import { WalIndex } from "./wal_index.ts";

const ORIGIN: LogPoint = { index: 0, term: 0, chain: 0 };

/** One group of the WAL. */
export class WalGroup {
  readonly group: GroupId;
  readonly genesis: Uint8Array;
  readonly index: WalIndex = new WalIndex();
  /** Use: repeated at the head of a segment. Invariant: the newest hard state record put into a batch. */
  hardState: HardState = { term: 0, votedFor: 0, commitIndex: 0 };
  /** Use: what a new run must continue. Invariant: index of the last entry of all that was appended by the caller. */
  appendedLast: Index = 0;
  /** Use: the base, and the end of what can be read. Invariant: index of the last entry that was put into a batch. */
  lastIndex: Index = 0;
  /** Use: reads wait from here on. Invariant: lowest index that the batch in flight touches; Infinity if none. */
  inFlightFrom: Index = Number.POSITIVE_INFINITY;

  /** Use: which groups a new segment repeats. Invariant: the group made record was put into a batch. */
  isPlaced = false;

  constructor(group: GroupId, genesis: Uint8Array) {
    this.group = group;
    this.genesis = genesis;
  }

  /** What a segment says of the group that begins now. */
  base(): GroupBase {
    return { hardState: this.hardState, lastIndex: this.lastIndex, prefix: ORIGIN, genesis: this.genesis };
  }

  /** The batch in flight is durable. */
  landed(): void {
    this.inFlightFrom = Number.POSITIVE_INFINITY;
  }

  /** `from` and all after it are gone. */
  truncate(from: Index): void {
    this.index.truncate(from);
    this.lastIndex = Math.min(this.lastIndex, from - 1);
    this.inFlightFrom = Math.min(this.inFlightFrom, from);
  }

  /**
   * Takes in a run of sealed entries that lies behind `place` (the first entry's) and ends with its record.
   *
   * @param count how many entries the run holds, from `firstIndex`
   */
  append(firstIndex: Index, count: number, run: Uint8Array, place: Place): void {
    assert(firstIndex === this.lastIndex + 1, "a run continues its group", this.group, this.lastIndex, firstIndex);
    const view = viewOf(run);
    const recordEnd = place.offset + run.length;
    let at = 0;
    for (let i = 0; i < count; i++) {
      const offset = place.offset + at;
      if (this.index.wants(place.sequence, offset)) {
        assert(getU64(view, at + 24) === firstIndex + i, "the sealed index is the run's", this.group, firstIndex + i);
        this.index.add({ index: firstIndex + i, sequence: place.sequence, offset, recordEnd, chain: view.getUint32(at + 48, true) });
      }
      const bytes = sealedBytes(view.getUint32(at + 8, true));
      this.index.passed(bytes);
      at += bytes;
    }
    assert(at === run.length, "the entries fill their run", this.group, firstIndex, at, run.length);
    this.lastIndex = firstIndex + count - 1;
    this.inFlightFrom = Math.min(this.inFlightFrom, firstIndex);
  }
}
