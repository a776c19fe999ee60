/** What reading a whole log begins with, and what is known meanwhile and in the end. */
import type { GroupId } from "../raft/types.ts";
import type { LogDamage } from "./damage.ts";
import type { Mark } from "./mark.ts";
import type { RecordFault } from "./record_fault.ts";
import type { RecoveredGroups } from "./recovered_groups.ts";
import type { Place, SegmentUse, WalIdentity } from "./segment.ts";
import type { ReaderSource } from "./segment_reader.ts";

/** What recovery reads with. */
export interface RecoverySource extends ReaderSource {
  readonly identity: WalIdentity;
  readonly mark: Mark;
  /** Hears of each segment that is about to be read: how many were read, of how many there are. */
  readonly reads?: (segment: number, segments: number) => void;
  /**
   * What comes of damage: an error, which is what it is if nothing is said; the end of what is read, as it stood just
   * before; or the log is read on behind it, to know what is lost.
   */
  readonly onDamage?: "refuse" | "stop" | "read on";
}

/** What stands in the log. */
export interface Scan {
  readonly groups: RecoveredGroups;
  readonly segments: Map<number, SegmentUse>;
  /** Behind the last record that counts; segment 0 if nothing does. */
  readonly end: Place;
  /** Where the last batch that counts began. */
  readonly lastBatchAt: Place;
  readonly lastBatch: number;
  /** The newest record of an edit, a repeated one too. */
  readonly lastEdit: { readonly batch: number; readonly group: GroupId; readonly isCut: boolean };
  /** Null of a sound log. */
  readonly damage: LogDamage | null;
}

/** What counts of a log as far as it was read. */
export type Read = Omit<Scan, "groups" | "damage">;

/** How far the log was read, and why no further. */
export interface Progress {
  groups: RecoveredGroups;
  segments: Map<number, SegmentUse>;
  end: Place;
  lastBatchAt: Place;
  lastBatch: number;
  lastEdit: Scan["lastEdit"];
  lastGroup: GroupId;
  /** What the log itself says of the segment that it begins with; 1 if nothing. */
  firstSegment: number;
  fault: RecordFault | null;
  /** What is behind the end that is not read: the record that is at fault, if its envelope can be believed. */
  faultBytes: number;
}

/** Nothing was read yet. */
export function beginning(groups: RecoveredGroups): Progress {
  const start: Place = { sequence: 0, offset: 0 };
  return {
    groups, segments: new Map(), end: start, lastBatchAt: start, lastBatch: 0, lastEdit: { batch: 0, group: 0, isCut: false }, lastGroup: 0, firstSegment: 1, fault: null, faultBytes: 0,
  };
}
