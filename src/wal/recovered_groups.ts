/**
 * The groups of a log while it is read at the start: each record must continue what stands before it, then it is told
 * to the visitor. A record that verifies and yet contradicts what stands before is damage, wherever it lies.
 */
import { equalBytes, viewOf } from "../base/bytes.ts";
import type { EntryHead } from "../base/entry.ts";
import type { Task } from "../base/task.ts";
import { type GroupId, type Index, type LogPoint, MAIN_GROUP } from "../raft/types.ts";
import { AbsentEntries } from "./absent_entries.ts";
import type { GroupLoss } from "./damage.ts";
import { adoptBase, certain, countAbsent, doubtAll, type GroupEnd, lossesOf } from "./doubt.ts";
import { EDIT_HEAD_BYTES, type EditContent, readEditBody } from "./edit_record.ts";
import { type Envelope, ENVELOPE_BYTES, hardStateBodyBytes, readBaseBody, readHardStateBody, readMadeBody, readPointBody } from "./record.ts";
import { contradiction, type RecordFault, unreadable, verifyRun } from "./record_fault.ts";
import type { Place } from "./segment.ts";
import { Telling, type WalVisitor } from "./telling.ts";
import { partOfRun, type PlacedRun, WalGroup } from "./wal_group.ts";
import { learnLast, readHeadAt, type SegmentSource } from "./wal_read.ts";

/** All groups, as far as the log was read. */
export class RecoveredGroups {
  #groups: Map<GroupId, GroupEnd> = new Map();
  #visitor: WalVisitor;
  #telling: Telling;
  #heads: EntryHead[] = [];
  /** Groups that nothing was read of may have been made in what was lost. */
  #hasLost = false;

  constructor(visitor: WalVisitor) {
    this.#visitor = visitor;
    this.#telling = new Telling(visitor);
  }

  /** The groups by id, once the whole log was read. */
  logs(): Map<GroupId, WalGroup> {
    const logs = new Map<GroupId, WalGroup>();
    for (const [group, { log }] of this.#groups) {
      log.recovered();
      logs.set(group, log);
    }
    return logs;
  }

  /** Something was lost here: what it said is not known, nor of which groups. */
  lose(): void {
    this.#hasLost = true;
    for (const end of this.#groups.values()) doubtAll(end);
  }

  /** What is in doubt; put back by the call of what this returns, should what clears it not count. */
  doubts(): () => void {
    const before = [...this.#groups.values()].map(({ doubt }) => ({ doubt, was: { ...doubt } }));
    return () => {
      for (const { doubt, was } of before) Object.assign(doubt, was);
    };
  }

  /** Whether entries `from`..`to` of the group were read. */
  hasRead(group: GroupId, from: Index, to: Index): boolean {
    return this.#groups.get(group)?.absent.partsOf(from, to).every(({ isAbsent }) => !isAbsent) === true;
  }

  /** A group of which it is in doubt where it ends: then {@link endBefore} comes before its next entries. */
  inDoubt(group: GroupId): GroupEnd | null {
    const end = this.#groups.get(group);
    return end?.doubt.last === true ? end : null;
  }

  /** Takes in a run of sealed entries, all of it or nothing. `at` is where its envelope stands in `bytes`. */
  entries(envelope: Envelope, bytes: Uint8Array, view: DataView, at: number, place: Place): RecordFault | null {
    return this.#run(envelope, { bytes, view, at: at + ENVELOPE_BYTES }, { sequence: place.sequence, offset: place.offset + ENVELOPE_BYTES });
  }

  /** As {@link entries}. Bytes and place are those of the first entry. */
  #run(envelope: Envelope, { bytes, view, at }: { bytes: Uint8Array; view: DataView; at: number }, place: Place): RecordFault | null {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const { log } = end;
    if (envelope.firstIndex !== log.lastIndex + 1) return contradiction(envelope, `the group ends at index ${log.lastIndex}`);
    const before = { term: log.lastTerm, chain: log.knowsLast ? log.lastChain : null };
    const fault = verifyRun(envelope, before, { bytes, view, at }, this.#heads);
    if (fault !== null) return fault;
    const run = bytes.subarray(at, at + envelope.length - ENVELOPE_BYTES);
    log.append(placedRun(envelope, run, place));
    this.#telling.run(envelope.group, this.#heads, run, end.isQuiet);
    return null;
  }

  hardState(envelope: Envelope, body: Uint8Array): RecordFault | null {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const hardState = readHardStateBody(body);
    if (hardState === null) return unreadable(envelope, "a hard state that cannot be read");
    if (hardState.term < end.log.hardState.term) {
      return contradiction(envelope, `hard state of term ${hardState.term} behind one of term ${end.log.hardState.term}`);
    }
    end.log.hardState = hardState;
    end.doubt.hardState = false;
    if (!end.isQuiet) this.#visitor.hardState(envelope.group, hardState);
    return null;
  }

  groupMade(envelope: Envelope, body: Uint8Array): RecordFault | null {
    if (this.#groups.has(envelope.group)) return contradiction(envelope, "its group was made before");
    const genesis = readMadeBody(body);
    if (genesis === null) return unreadable(envelope, "a genesis that cannot be read");
    this.#groups.set(envelope.group, { log: new WalGroup(envelope.group, genesis), absent: new AbsentEntries(1, 0), assumed: 0, isQuiet: false, doubt: certain() });
    this.#visitor.groupMade(envelope.group, genesis);
    return null;
  }

  /** The base of a group in the segment that the log begins with: so the group stood before. */
  begin(envelope: Envelope, body: Uint8Array): RecordFault | null {
    if (this.#groups.has(envelope.group)) return contradiction(envelope, "its group was made before");
    const base = readBaseBody(body);
    if (base === null) return unreadable(envelope, "a base that cannot be read");
    const log = new WalGroup(envelope.group, base.genesis);
    log.begin(base);
    const absent = new AbsentEntries(base.prefix.index + 1, base.last.index);
    this.#groups.set(envelope.group, { log, absent, assumed: absent.isEmpty ? 0 : base.last.index, isQuiet: false, doubt: certain() });
    // Nearly always a compact prefix follows that spares what is absent. Until then the visitor takes it for spared.
    this.#telling.state(log, base.last);
    return null;
  }

  /** A later base says nothing new, and must say just what the log before it says; of what is in doubt it says all. */
  *base(envelope: Envelope, body: Uint8Array, source: SegmentSource): Task<RecordFault | null> {
    const base = readBaseBody(body);
    if (base === null) return unreadable(envelope, "a base that cannot be read");
    const end = this.#groups.get(envelope.group);
    if (end === undefined && this.#hasLost) return this.begin(envelope, body);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const { log, doubt } = end;
    if ((doubt.hardState || doubt.last || doubt.points) && equalBytes(base.genesis, log.genesis)) {
      return (yield* adoptBase(end, base, source)) ? null : contradiction(envelope, "it does not continue what is known committed");
    }
    if (!log.knowsLast && base.last.index === log.lastIndex) log.endsWith(base.last);
    const { term, votedFor, commitIndex } = log.hardState;
    const last = { index: log.lastIndex, term: log.lastTerm, chain: log.lastChain };
    const agrees = isSame(base.last, last) && isSame(base.prefix, log.prefix) && isSame(base.snapshot, log.snapshot) &&
      equalBytes(base.genesis, log.genesis) && equalBytes(base.context, log.context) &&
      base.hardState.term === term && base.hardState.votedFor === votedFor && base.hardState.commitIndex === commitIndex;
    return agrees ? null : contradiction(envelope, `a base up to index ${base.last.index} behind a log up to index ${log.lastIndex}`);
  }

  /** Removes a suffix; term and chain of what is now the last entry are read back, if it was read before. */
  *truncate(envelope: Envelope, source: SegmentSource): Task<RecordFault | null> {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const { log, absent } = end;
    const from = envelope.firstIndex;
    if (end.doubt.last && from > log.lastIndex) {
      if (from - 1 > log.lastIndex) countAbsent(end, { index: from - 1, term: 0, chain: 0 });
      return null;
    }
    if (from <= log.prefix.index || from > log.lastIndex) {
      return contradiction(envelope, `the group holds what lies behind ${log.prefix.index}, up to ${log.lastIndex}`);
    }
    log.truncate(from);
    absent.fill(from, Number.POSITIVE_INFINITY);
    if (!log.knowsLast && !absent.has(log.lastIndex)) yield* learnLast(source, log);
    if (from <= end.assumed) end.isQuiet = true;
    if (!end.isQuiet) this.#visitor.truncated(envelope.group, from);
    return null;
  }

  /** Copies of entries: they fill what is absent, and repeat what is there. */
  *relocated(envelope: Envelope, body: Uint8Array, place: Place, source: SegmentSource): Task<RecordFault | null> {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const { log, absent } = end;
    const to = envelope.firstIndex + envelope.count - 1;
    if (end.doubt.last && to > log.lastIndex) countAbsent(end, { index: to, term: 0, chain: 0 });
    if (envelope.firstIndex <= log.prefix.index || to > log.lastIndex) {
      return contradiction(envelope, `relocated entries up to ${to} of a group that holds what lies behind ${log.prefix.index}, up to ${log.lastIndex}`);
    }
    const heads = this.#heads;
    const fault = verifyRun(envelope, { term: 0, chain: null }, { bytes: body, view: viewOf(body), at: 0 }, heads);
    if (fault !== null) return fault;
    for (const part of absent.partsOf(envelope.firstIndex, to)) {
      const last = heads[part.to - envelope.firstIndex] as EntryHead;
      const there = part.isAbsent ? null : yield* readHeadAt(source, log, part.to);
      // What a repair stored was proved by the entries behind it.
      const isOther = there !== null && !isSame(there, last);
      if (isOther && !this.#hasLost) return contradiction(envelope, `a relocated entry ${part.to} that is another one than the log's`);
      if (!part.isAbsent && !isOther) continue;
      log.relocate(partOfRun(placedRun(envelope, body, { ...place, offset: place.offset + ENVELOPE_BYTES }), part.from, part.to));
      if (part.to === log.lastIndex) log.endsWith(last);
    }
    absent.fill(envelope.firstIndex, to);
    return null;
  }

  compacted(envelope: Envelope, body: Uint8Array): RecordFault | null {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const read = readPointBody(body, envelope.firstIndex);
    if (read === null) return unreadable(envelope, "a compact prefix that cannot be read");
    const { log, absent } = end;
    const { point, context } = read;
    if (point.index <= log.prefix.index) return contradiction(envelope, `a prefix up to ${point.index} behind one up to ${log.prefix.index}`);
    const beginsAnew = point.index > log.lastIndex;
    if (!beginsAnew && end.doubt.points && point.index > log.snapshot.index) log.snapshot = point;
    if (!beginsAnew && point.index > log.snapshot.index) return contradiction(envelope, `a prefix up to ${point.index} behind a snapshot up to ${log.snapshot.index}`);
    if (point.index === log.lastIndex && log.knowsLast && !end.doubt.last && (point.chain !== log.lastChain || point.term !== log.lastTerm)) {
      return contradiction(envelope, `a prefix up to entry ${point.index}, which is another one in the log`);
    }
    log.compact(point, context);
    absent.fill(0, point.index);
    if (point.index >= end.assumed) end.assumed = 0;
    if (!end.isQuiet && beginsAnew) this.#visitor.snapshotMarked(envelope.group, log.snapshot);
    if (!end.isQuiet && end.assumed === 0) this.#visitor.compacted(envelope.group, point, context);
    return null;
  }

  snapshotMarked(envelope: Envelope, body: Uint8Array): RecordFault | null {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const read = readPointBody(body, envelope.firstIndex);
    if (read === null) return unreadable(envelope, "a snapshot mark that cannot be read");
    const { log, isQuiet } = end;
    if (read.point.index < log.snapshot.index) return contradiction(envelope, `a snapshot up to ${read.point.index} behind one up to ${log.snapshot.index}`);
    log.snapshot = read.point;
    if (!isQuiet) this.#visitor.snapshotMarked(envelope.group, read.point);
    return null;
  }

  /** An offline edit: what it does is taken in as the records that do the same are. */
  *edit(envelope: Envelope, body: Uint8Array, place: Place, source: SegmentSource): Task<RecordFault | null> {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const edit = readEditBody(body, envelope);
    if (edit === null) return unreadable(envelope, "an edit that cannot be read");
    const { log } = end;
    const { mark, content } = edit;
    if (mark.number < (log.edit?.number ?? 0)) return contradiction(envelope, `edit ${mark.number} behind edit ${log.edit?.number}`);
    const fault = yield* this.#editContent(envelope, body, place, source, content);
    if (fault !== null) return contradiction(envelope, fault.what);
    log.edit = mark;
    if (!end.isQuiet) this.#visitor.edited(envelope.group, mark);
    return null;
  }

  *#editContent(envelope: Envelope, body: Uint8Array, place: Place, source: SegmentSource, content: EditContent): Task<RecordFault | null> {
    if (!("hardState" in content)) return null;
    const rest = body.subarray(EDIT_HEAD_BYTES);
    if (content.change === "chop" || content.change === "cut") {
      // Where all that is cut was damaged nothing is there to be removed.
      const isBehind = content.change === "cut" && content.from === this.lastIndex(envelope.group) + 1;
      const fault = isBehind ? null : yield* this.truncate(envelope, source);
      return fault ?? this.hardState(envelope, body.subarray(EDIT_HEAD_BYTES - hardStateBodyBytes));
    }
    const fault = this.hardState(envelope, body.subarray(EDIT_HEAD_BYTES - hardStateBodyBytes));
    if (fault !== null) return fault;
    if (content.change === "append") {
      const { log } = this.#groups.get(envelope.group) as GroupEnd;
      log.index.cut();
      const run = { ...envelope, length: ENVELOPE_BYTES + rest.length };
      const at = { sequence: place.sequence, offset: place.offset + ENVELOPE_BYTES + EDIT_HEAD_BYTES };
      return this.#run(run, { bytes: rest, view: viewOf(rest), at: 0 }, at);
    }
    const { log, isQuiet } = this.#groups.get(envelope.group) as GroupEnd;
    if (content.point.index > log.snapshot.index && content.point.index <= log.lastIndex) {
      log.snapshot = content.point;
      if (!isQuiet) this.#visitor.snapshotMarked(envelope.group, content.point);
    }
    return this.compacted(envelope, rest);
  }

  /**
   * The whole log was read. Groups that the visitor has a wrong picture of are read again and told anew, which also
   * verifies that what was relocated continues what stands before and behind it.
   *
   * @returns what groups lost; of one that lost something the visitor has to be told anew once it is repaired
   * @throws DraftError DAMAGED
   */
  *finish(source: SegmentSource): Task<Map<GroupId, GroupLoss>> {
    const losses = yield* lossesOf(this.#groups.values(), source);
    if (this.#hasLost && this.#groups.size === 0) losses.set(MAIN_GROUP, { verdict: "hard state", absent: [], counted: 0 });
    for (const { log, assumed, isQuiet } of this.#groups.values()) {
      if (!losses.has(log.group) && (assumed > 0 || isQuiet)) yield* this.#telling.whole(source, log);
    }
    return losses;
  }

  /** The last index of a group, for messages; 0 if there is none. */
  lastIndex(group: GroupId): Index {
    return this.#groups.get(group)?.log.lastIndex ?? 0;
  }
}

/** The run of a record, whose first entry stands at `place`. */
function placedRun({ firstIndex, count }: Envelope, run: Uint8Array, place: Place): PlacedRun {
  return { firstIndex, count, run, place, recordEnd: place.offset + run.length };
}

function isSame(a: LogPoint, b: LogPoint): boolean {
  return a.index === b.index && a.term === b.term && a.chain === b.chain;
}
