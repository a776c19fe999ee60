/**
 * What a log that is damaged lost: the one place where a verdict is given. What is *certain* of a group stands, readable,
 * behind the last damage: a record or base that states it. The verdicts of a group, from good to bad:
 *
 * ```text
 * (none)        all that was lost has been said again since: nothing is missing
 * entries       last position and hard state are certain; entries are missing, each behind one that is there
 * end           the hard state is certain, the last position is not: there may have been more behind what is there
 * hard state    the newest hard state may be among what was lost: what this node voted is not known
 * ```
 */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { GroupId, Index } from "../raft/types.ts";
import { type Place, segmentName } from "./segment.ts";

/** Entries `from`..`to`. */
export interface EntryRange {
  readonly from: Index;
  readonly to: Index;
}

/** What one group lost. */
export interface GroupLoss {
  readonly verdict: "entries" | "end" | "hard state";
  /** Not there, ascending; all of them stand before entries that are there. */
  readonly absent: readonly EntryRange[];
  /** How far the log is known to have gone: behind the last entry that is there, if nothing is there of what stood at its end. */
  readonly counted: Index;
}

/** A place where the log cannot be believed though it was durable. */
export interface DamagedPlace extends Place {
  readonly group: GroupId;
  /** In words: which entry stood there, or behind which one it stood. */
  readonly where: string;
  readonly what: string;
  /** How it is known that the place was durable; empty if what is there contradicts what stands before. */
  readonly voucher: string;
  /** Where the log can be read again; null if nowhere, or if it was not looked for. */
  readonly until: Place | null;
}

/** Everything that is wrong with a log. */
export interface LogDamage {
  readonly places: readonly DamagedPlace[];
  /** Groups that lost something, by their ids. */
  readonly groups: ReadonlyMap<GroupId, GroupLoss>;
}

/** Whether any group's hard state may be lost: then nothing of this log is gone on with. */
export function isHardStateLost({ groups }: LogDamage): boolean {
  return [...groups.values()].some(({ verdict }) => verdict === "hard state");
}

/** What is damaged, in words: file, offset, group and index. */
export function placeText(directory: string, { sequence, offset, where, what, voucher }: DamagedPlace): string {
  const wanted = voucher === "" ? "" : `, yet ${voucher}`;
  return `log file "${directory}/${segmentName(sequence)}" at offset ${offset} (${where}) is damaged: found ${what}${wanted}`;
}

/** The error that names the place, and what to type next. */
export function damageError(directory: string, place: DamagedPlace): DraftError {
  return new DraftError("DAMAGED", `${placeText(directory, place)}; ${checkNext(directory)}`);
}

/** What to type when something is wrong with the log in `directory`. */
export function checkNext(directory: string): string {
  return `type: draft log check --data ${shellWord(directory.replace(/\/wal$/, ""))}`;
}

/** The entries that are missing, in words. */
export function rangesText(ranges: readonly EntryRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? `entry ${from}` : `entries ${from} to ${to}`)).join(", ");
}
