/**
 * What the WAL knows of one group: what a new segment repeats of it, and where its entries lie. It is kept up to date
 * when a batch is put together and when a log is read at the start, record by record, by the same functions.
 */
import { assert } from "../base/assert.ts";
import { getU64, viewOf } from "../base/bytes.ts";
import { chainOfGenesis, endOf } from "../base/entry.ts";
import type { GroupId, HardState, Index, LogPoint, Term } from "../raft/types.ts";
import { type Edit, EDIT_HEAD_BYTES, type EditMark } from "./edit_record.ts";
import { ENVELOPE_BYTES, type GroupBase } from "./record.ts";
import type { Place } from "./segment.ts";
import { type IndexPoint, POINT_EVERY_BYTES, WalIndex } from "./wal_index.ts";

const NO_POINT: LogPoint = { index: 0, term: 0, chain: 0 };

/** A run of sealed entries, and where it stands. */
export interface PlacedRun {
  readonly firstIndex: Index;
  readonly count: number;
  readonly run: Uint8Array;
  /** Of the first entry. */
  readonly place: Place;
  /** Where the record ends that the run is in. */
  readonly recordEnd: number;
}

/** What the caller has appended, whether or not it is in a batch yet. */
interface Appended {
  last: Index;
  prefix: Index;
  snapshot: Index;
}

/** One group of the WAL. */
export class WalGroup {
  readonly group: GroupId;
  readonly genesis: Uint8Array;
  readonly index: WalIndex = new WalIndex();
  /** Use: what a new record must continue. */
  readonly appended: Appended = { last: 0, prefix: 0, snapshot: 0 };
  /** Use: repeated at the head of a segment. Invariant: the newest hard state record put into a batch. */
  hardState: HardState = { term: 0, votedFor: 0, commitIndex: 0 };
  /** Use: the base, and the end of what can be read. Invariant: index of the last entry that was put into a batch. */
  lastIndex: Index = 0;
  /** Use: the base. Invariant: of the entry at `lastIndex`; 0 with entries there if a truncation left it unknown. */
  lastTerm: Term = 0;
  lastChain: number;
  /** Use: what cannot be read any more. Invariant: the newest compact prefix record put into a batch; the genesis before. */
  prefix: LogPoint;
  context: Uint8Array = new Uint8Array(0);
  /** Use: the base. Invariant: the newest snapshot mark put into a batch. */
  snapshot: LogPoint = NO_POINT;
  /** Use: what the node may do. Invariant: the newest edit record put into a batch, or a mark that waits for one; null if there is none. */
  edit: EditMark | null = null;
  /** Use: reads wait from here on. Invariant: lowest index that the batch in flight touches; Infinity if none. */
  inFlightFrom: Index = Number.POSITIVE_INFINITY;

  /** Use: what the hard state says when it is said again. Invariant: committed, and durable here; 0 while nobody tells. */
  committed: Index = 0;
  /** Use: when the hard state is said again. Bytes of entries that were put into batches since it was said last. */
  unsaidBytes = 0;

  /** Use: which groups a new segment repeats. Invariant: the group made record was put into a batch. */
  isPlaced = false;

  constructor(group: GroupId, genesis: Uint8Array) {
    this.group = group;
    this.genesis = genesis;
    this.lastChain = chainOfGenesis(genesis);
    this.prefix = { index: 0, term: 0, chain: this.lastChain };
  }

  /** All up to `index` is committed, and durable here. */
  committedTo(index: Index): void {
    assert(index <= this.lastIndex, "what is durable was put into a batch", this.group, this.lastIndex, index);
    this.committed = Math.max(this.committed, index);
  }

  /** The hard state as it is said again: term and vote as they were stored, and what was committed since. */
  hardStateAgain(): HardState {
    const { term, votedFor, commitIndex } = this.hardState;
    return { term, votedFor, commitIndex: Math.max(commitIndex, this.committed) };
  }

  /** Whether term and chain of the last entry are known. */
  get knowsLast(): boolean {
    return this.lastTerm > 0 || this.lastIndex === 0;
  }

  /** What a segment says of the group that begins now. */
  base(): GroupBase {
    const { hardState, prefix, context, snapshot, genesis } = this;
    assert(this.knowsLast, "a base knows the last entry", this.group, this.lastIndex);
    return { hardState, last: { index: this.lastIndex, term: this.lastTerm, chain: this.lastChain }, prefix, context, snapshot, genesis };
  }

  /** Begins with what a base says; of the entries it says only which there must be. */
  begin({ hardState, last, prefix, context, snapshot }: GroupBase): void {
    this.hardState = hardState;
    this.prefix = prefix;
    this.context = context;
    this.snapshot = snapshot;
    this.endsWith(last);
  }

  /** The whole log was read: what it holds is what the caller continues. */
  recovered(): void {
    Object.assign(this.appended, { last: this.lastIndex, prefix: this.prefix.index, snapshot: this.snapshot.index });
    this.isPlaced = true;
    this.landed();
  }

  /** The batch in flight is durable. */
  landed(): void {
    this.inFlightFrom = Number.POSITIVE_INFINITY;
  }

  /** `from` and all after it are gone. */
  truncate(from: Index): void {
    this.index.truncate(from);
    if (from <= this.lastIndex) this.endsWith(from - 1 === this.prefix.index ? this.prefix : { index: from - 1, term: 0, chain: 0 });
    this.inFlightFrom = Math.min(this.inFlightFrom, from);
  }

  /** All up to `point` left the log. If it ends before, it begins anew behind the point, of which there is a snapshot. */
  compact(point: LogPoint, context: Uint8Array): void {
    if (point.index > this.lastIndex && point.index > this.snapshot.index) this.snapshot = point;
    this.index.compact(point.index + 1, this.lastIndex);
    this.prefix = point;
    this.context = context;
    if (point.index >= this.lastIndex) this.endsWith(point);
  }

  /** An edit is appended: what follows continues what it leaves. */
  expect({ mark, content }: Edit): void {
    assert(mark.number >= (this.edit?.number ?? 0), "edits count up", this.group, this.edit?.number, mark.number);
    const { appended } = this;
    // Should the mark's batch begin a segment, its base is not there without the mark.
    if (content.change === "none") this.edit = mark;
    if (content.change === "chop" || content.change === "cut") appended.last = content.from - 1;
    if (content.change === "append") appended.last += content.count;
    if (content.change === "drop") Object.assign(appended, { prefix: content.point.index, snapshot: Math.max(appended.snapshot, content.point.index) });
  }

  /** Takes in an edit. `place` is that of its record's body. */
  edited({ mark, content }: Edit, place: Place): void {
    this.edit = mark;
    if (!("hardState" in content)) return;
    this.hardState = content.hardState;
    this.committed = 0;
    if (content.change === "chop" || content.change === "cut") this.truncate(content.from);
    else if (content.change === "drop") {
      if (content.point.index > this.snapshot.index) this.snapshot = content.point;
      this.compact(content.point, content.context);
    } else {
      const { index: firstIndex, count, run } = content;
      const at = { sequence: place.sequence, offset: place.offset + EDIT_HEAD_BYTES };
      // A reader looks for entries in records of theirs: in this one they are found by a point alone.
      this.index.cut();
      this.append({ firstIndex, count, run, place: at, recordEnd: at.offset + run.length });
    }
  }

  /** Takes in a run that continues the group and ends with its record. */
  append(run: PlacedRun): void {
    const { firstIndex, count, place } = run;
    assert(firstIndex === this.lastIndex + 1, "a run continues its group", this.group, this.lastIndex, firstIndex);
    const view = viewOf(run.run);
    let extra = ENVELOPE_BYTES;
    let lastAt = 0;
    let at = 0;
    for (let i = 0; i < count; i++) {
      if (this.index.wants(place.sequence, place.offset + at)) this.index.add(this.#pointAt(run, view, at, firstIndex + i));
      lastAt = at;
      at = endOf(view, at);
      this.index.passed(at - lastAt + extra);
      extra = 0;
    }
    assert(at === run.run.length, "the entries fill their run", this.group, firstIndex, at, run.run.length);
    this.lastIndex = firstIndex + count - 1;
    this.lastTerm = getU64(view, lastAt + 32);
    this.lastChain = view.getUint32(lastAt + 48, true);
    this.inFlightFrom = Math.min(this.inFlightFrom, firstIndex);
  }

  /** The entries of the run are found in it from now on. Between its points nothing else of the group begins. */
  relocate(run: PlacedRun): void {
    const { firstIndex, count } = run;
    const to = firstIndex + count - 1;
    assert(firstIndex > this.prefix.index && to <= this.lastIndex, "what is relocated is there", this.group, firstIndex, to, this.lastIndex);
    const view = viewOf(run.run);
    const points: { -readonly [K in keyof IndexPoint]: IndexPoint[K] }[] = [];
    let at = 0;
    for (let index = firstIndex; index <= to; index++) {
      if (points.length === 0 || points[points.length - 1]!.bytes >= POINT_EVERY_BYTES) points.push(this.#pointAt(run, view, at, index));
      const end = endOf(view, at);
      points[points.length - 1]!.bytes += end - at;
      at = end;
    }
    // A point before the prefix served the entries behind it, which have moved.
    this.index.replace(firstIndex === this.prefix.index + 1 ? 0 : firstIndex, to, points);
    this.inFlightFrom = Math.min(this.inFlightFrom, firstIndex);
  }

  /** That is the last entry, or the prefix if there is none. */
  endsWith({ index, term, chain }: LogPoint): void {
    this.lastIndex = index;
    this.lastTerm = term;
    this.lastChain = chain;
  }

  #pointAt({ place, recordEnd }: PlacedRun, view: DataView, at: number, index: Index): IndexPoint {
    assert(getU64(view, at + 24) === index, "the sealed index is the run's", this.group, index);
    return { index, sequence: place.sequence, offset: place.offset + at, recordEnd, chain: view.getUint32(at + 48, true), bytes: 0 };
  }
}

/** The entries `from`..`to` of a run. */
export function partOfRun({ firstIndex, run, place, recordEnd }: PlacedRun, from: Index, to: Index): PlacedRun {
  const view = viewOf(run);
  const behind = (first: number, entries: number): number => {
    let end = first;
    for (let passed = 0; passed < entries; passed++) end = endOf(view, end);
    return end;
  };
  const at = behind(0, from - firstIndex);
  const bytes = behind(at, to - from + 1) - at;
  const placed = { sequence: place.sequence, offset: place.offset + at };
  return { firstIndex: from, count: to - from + 1, run: run.subarray(at, at + bytes), place: placed, recordEnd };
}
