/**
 * Reads those segments alone that some entries of one group lie in, for who looks at a few entries of a long log. Which
 * they are is told by the bases at the heads of segments: where the log ended there, and what was committed.
 *
 * ```text
 * segment    1          2            3            4            5
 * base says             last 400     last 900     last 1300    last 1700
 *                       commit 390   commit 880   commit 1290  commit 1690
 * entries 500 to 600 are read from segment 2, behind whose base they all were written, up to segment 3, at whose head
 * they were committed
 * ```
 *
 * What is committed is never cut again but by an offline edit, whose number stands at the heads as well. So at the base
 * where the part ends its entries are those of the whole log; and that base must say of the end just what was read.
 */
import { crc32 } from "../base/bytes.ts";
import type { Task } from "../base/task.ts";
import type { GroupId, Index, LogPoint } from "../raft/types.ts";
import { readEditBody } from "./edit_record.ts";
import { readOwnHeader } from "./own_header.ts";
import { ENVELOPE_BYTES, readBaseBody, readEnvelope, RecordType, seedOf } from "./record.ts";
import { RecoveredGroups } from "./recovered_groups.ts";
import { scanSegments } from "./recovery.ts";
import { findDamage } from "./recovery_damage.ts";
import { beginning, type Progress, type RecoverySource } from "./scan.ts";
import { HEADER_BYTES, type SegmentHeader } from "./segment.ts";
import { openReader, type SegmentReader } from "./segment_reader.ts";
import { NOBODY } from "./telling.ts";
import type { WalGroup } from "./wal_group.ts";
import type { SegmentSource } from "./wal_read.ts";

/** Read of a segment to see what its first records say. */
const HEAD_BYTES = 65_536;

/** How a group stood where a segment begins. */
interface SegmentHead {
  readonly header: SegmentHeader;
  readonly last: LogPoint;
  readonly commitIndex: Index;
  /** Number of the last edit before; 0 if there was none. */
  readonly edit: number;
}

/** What was read. */
export interface LogPart {
  /** The group as it stood at the end of the part: entries that the part does not hold are absent. */
  readonly log: WalGroup;
  /** The group as it stands at the end of the whole log; nothing is read from there. */
  readonly end: WalGroup;
  readonly source: SegmentSource;
}

/**
 * How the group stood at the head of each segment of the log, in order.
 *
 * @returns null if that is not told: the whole log has to be read
 */
function* segmentHeads(source: RecoverySource, sequences: readonly number[], group: GroupId): Task<SegmentHead[] | null> {
  const heads: SegmentHead[] = [];
  const there = new Set(sequences);
  for (let sequence = source.mark.firstSegment; there.has(sequence); sequence++) {
    const reader = yield* openReader({ ...source, readBytes: HEAD_BYTES }, sequence);
    try {
      const header = yield* readOwnHeader(source, reader, sequence);
      if (header === null) break;
      const head = yield* readHead(reader, header, group);
      // A first segment that founds the group has no base of it.
      if (head === null && heads.length > 0) return null;
      heads.push(head ?? { header, last: { index: 0, term: 0, chain: 0 }, commitIndex: 0, edit: 0 });
    } finally {
      yield* reader.close();
    }
  }
  return heads.length === 0 ? null : heads;
}

/** What the records at the head of a segment say of the group; null if nothing. */
function* readHead(reader: SegmentReader, header: SegmentHeader, group: GroupId): Task<SegmentHead | null> {
  let head = null as SegmentHead | null;
  for (let offset = HEADER_BYTES; yield* reader.load(offset, ENVELOPE_BYTES);) {
    const envelope = readEnvelope(reader.bytes, reader.view, reader.at(offset), seedOf(header.salt, offset));
    if (envelope === null || envelope.batch !== header.firstBatch || !(yield* reader.load(offset, envelope.length))) return head;
    const body = reader.bytes.subarray(reader.at(offset + ENVELOPE_BYTES), reader.at(offset + envelope.length));
    offset += envelope.length;
    const isBase = envelope.type === RecordType.base;
    if ((!isBase && envelope.type !== RecordType.edit) || crc32(body, 0, body.length, 0) !== envelope.bodySum) return head;
    if (envelope.group !== group) continue;
    if (isBase) {
      const base = readBaseBody(body);
      if (base === null) return null;
      head = { header, last: base.last, commitIndex: base.hardState.commitIndex, edit: 0 };
      continue;
    }
    const edit = readEditBody(body, envelope);
    // One that changes something is no repetition: it is made in this segment.
    if (head === null || edit?.content.change !== "none") return head;
    head = { ...head, edit: edit.mark.number };
  }
  return head;
}

/**
 * Reads the part of the log that holds entries `from`..`to` of the group, as far as the log holds them at all.
 *
 * @param sequences of all files of segments
 * @returns null if it cannot be told from a part what the log holds there, or something is damaged: the whole log has to be read
 * @throws DraftError WRONG_IDENTITY
 */
export function* scanPart(
  source: RecoverySource, sequences: readonly number[], { group, from, to }: { readonly group: GroupId; readonly from: Index; readonly to: Index },
): Task<LogPart | null> {
  const heads = yield* segmentHeads(source, sequences, group);
  const newest = heads?.at(-1);
  if (heads === null || newest === undefined) return null;
  // The last segment tells how the log ends, and that what was read of heads is all of them.
  const end = yield* scanFrom(source, sequences, newest, null, group);
  if (end === null) return null;
  const { prefix, lastIndex } = end.log;
  const [first, last] = [Math.max(from, prefix.index + 1), Math.min(to, lastIndex)];
  if (first > last) return { ...end, end: end.log };
  const begin = heads.findLastIndex((head) => head.last.index < first);
  const until = heads.find(({ commitIndex, edit }, at) => at > begin && edit === newest.edit && commitIndex >= last) ?? null;
  const part = yield* scanFrom(source, sequences, heads[Math.max(0, begin)] as SegmentHead, until, group);
  // What was copied so that its segment could go lies behind the part, or before it.
  return part?.groups.hasRead(group, first, last) === true ? { ...part, end: end.log } : null;
}

/** Reads from one segment up to the head of another, or up to the end. @returns null if that is not sound */
function* scanFrom(source: RecoverySource, sequences: readonly number[], begin: SegmentHead, until: SegmentHead | null, group: GroupId): Task<Omit<LogPart, "end"> & { groups: RecoveredGroups } | null> {
  const firstSegment = begin.header.sequence;
  const wanted = sequences.filter((sequence) => sequence >= firstSegment && sequence < (until?.header.sequence ?? Number.POSITIVE_INFINITY));
  const part = { ...source, mark: { ...source.mark, firstSegment } };
  const groups = new RecoveredGroups(NOBODY);
  const progress = beginning(groups);
  const { segments } = yield* scanSegments(part, wanted, progress);
  const log = groups.logs().get(group);
  if (log === undefined) return null;
  const isSound = until === null ? (yield* findDamage(part, wanted, progress)) === null : isContinuedBy(progress, log, until);
  return isSound ? { log, groups, source: { disk: source.disk, directory: source.directory, saltOf: (sequence) => segments.get(sequence)?.salt ?? 0 } } : null;
}

/** Whether the log goes on in that segment with just what was read. */
function isContinuedBy({ fault, end, lastBatch }: Progress, { lastIndex, lastTerm, lastChain }: WalGroup, { header, last }: SegmentHead): boolean {
  return fault === null && end.sequence === header.sequence - 1 && end.offset === header.previousEnd && lastBatch === header.firstBatch - 1 &&
    last.index === lastIndex && last.term === lastTerm && last.chain === lastChain;
}
