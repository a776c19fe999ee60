/** What cannot be read of a stopped node's log, in words and numbers: where, which entries, and what a start makes of it. */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { GroupId, Index } from "../raft/types.ts";
import { AbsentEntries, type Part } from "../wal/absent_entries.ts";
import { type EntryRange, type GroupLoss, placeText, rangesText } from "../wal/damage.ts";
import { MARK_NAME } from "../wal/mark.ts";
import type { Scan } from "../wal/scan.ts";
import { HEADER_BYTES, segmentName } from "../wal/segment.ts";
import type { LogFiles } from "./log_files.ts";

/** A place that cannot be believed though it was durable. */
export interface BrokenPlace {
  readonly path: string;
  readonly offset: number;
  /** Up to where the file can be read again; null if nowhere. */
  readonly bytes: number | null;
  /** All of it in words. */
  readonly words: string;
}

/** Everything that is wrong with a log, as one group sees it. */
export interface Damage {
  readonly places: readonly BrokenPlace[];
  /** What it lost by that; null if all has been said again since. */
  readonly loss: GroupLoss | null;
  /** Whether something of the log can be read before the first place, so that it can be cut there. */
  readonly hasBeginning: boolean;
}

/** What `scan` found damaged in `files`; null if nothing is. */
export function damageOf({ directory, markFault, mark: { firstSegment } }: LogFiles, { damage, segments }: Pick<Scan, "damage" | "segments">, group: GroupId): Damage | null {
  const places = (damage?.places ?? []).map((place) => {
    const { sequence, offset, until } = place;
    const ends = until === null ? null : until.sequence === sequence ? until.offset : null;
    const words = placeText(directory, place);
    const goesOn = until === null || segments.size === 0 ? "" : `; it can be read again from ${ends === null ? segmentName(until.sequence) : `offset ${ends}`} on`;
    return { path: `${directory}/${segmentName(sequence)}`, offset, bytes: ends === null ? null : ends - offset, words: `${words}${goesOn}` };
  });
  const loss = damage?.groups.get(group) ?? null;
  const first = damage?.places[0];
  const hasBeginning = first === undefined || first.sequence > firstSegment || first.offset > HEADER_BYTES;
  if (markFault === null) return damage === null ? null : { places, loss, hasBeginning };
  const mark = { path: `${directory}/${MARK_NAME}`, offset: 0, bytes: null, words: markFault.message.replace(/[;:] (type: )?draft log check.*$/s, "") };
  // Nothing vouches for the end any more: what was voted last may have stood behind it.
  return { places: [mark, ...places], hasBeginning, loss: { absent: loss?.absent ?? [], counted: loss?.counted ?? 0, verdict: "hard state" } };
}

/** `from`..`to`, cut into what is there and what is lost. */
export function partsOf(damage: Damage | null, from: Index, to: Index): Part[] {
  const absent = new AbsentEntries(1, 0);
  for (const range of damage?.loss?.absent ?? []) absent.add(range.from, range.to);
  return absent.partsOf(from, to);
}

/** The first index that is lost, or may be; 0 if none is. */
export function firstLost({ loss }: Damage, lastIndex: Index): Index {
  if (loss === null) return 0;
  return loss.absent[0]?.from ?? lastIndex + 1;
}

/** Which entries are gone, in words. */
export function lossText({ loss }: Pick<Damage, "loss">, lastIndex: Index): string {
  if (loss === null) return "no entry is lost by it";
  const { absent, verdict, counted } = loss;
  const parts: readonly EntryRange[] = counted > lastIndex ? [...absent, { from: lastIndex + 1, to: counted }] : absent;
  const ranges = parts.length === 0 ? "" : `${rangesText(parts)} ${parts.length === 1 && parts[0]?.from === parts[0]?.to ? "is" : "are"} lost`;
  if (verdict === "entries") return ranges;
  const behind = `what stood behind entry ${Math.max(lastIndex, counted)}, if anything did, is not known`;
  const vote = verdict === "hard state" ? ", nor which term and vote the node had last" : "";
  return `${ranges === "" ? "" : `${ranges}; `}${behind}${vote}`;
}

/** The error that names the first place, and what to type next. */
export function refusal({ places }: Damage, directory: string, what = ""): DraftError {
  const more = places.length > 1 ? `, and ${places.length - 1} more` : "";
  return new DraftError("DAMAGED", `${what === "" ? "" : `${what}: `}${places[0]?.words ?? `log "${directory}/wal" is damaged`}${more}; type: draft log check --data ${shellWord(directory)}`);
}
