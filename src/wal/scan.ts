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
  /** Whether the log is read on behind what is damaged, to know what is lost; else damage is an error. */
  readonly readsOn?: boolean;
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
  readonly lastEdit: { readonly batch: number; readonly group: GroupId };
  /** Null of a sound log. */
  readonly damage: LogDamage | null;
}

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
