/**
 * The record of an offline edit. All that the edit does stands in this one record, so that it is there as a whole or
 * not at all, whatever a crash leaves of its batch.
 *
 * ```text
 * body of a record of type 13, edit
 * offset size type  field
 *      0    8  u64  number      counts up the edits of a group
 *      8    8  u64  boot        starts of the node before the edit: a later one has promised what an undo would take away
 *     16    1  u8   change      0 none, it repeats what holds at the head of a segment; 1 chop; 2 drop; 3 append;
 *                               4 accept: an operator cleared the mark; 5 compared: the node cleared it; 6 cut: what stood
 *                               behind this record was damaged, and was removed with firstIndex and all after it
 *     17    1  u8   condition   0 none; 1 edited: no vote until the log was compared with the leader's; 2 emptied: the
 *                               machine's state was dropped, no start until an operator accepts it; 3 lost: as edited, for what
 *                               stood at the end was damaged; 4 voteless: what was cut may hold the newest vote, so the
 *                               next start gives the incarnation up
 *     18    6       zero
 * behind it, if change is 1, 2, 3 or 6
 *     24   24       hard state  as in a hard state record, in force from here on; its commit index may fall
 *     48            chop, cut: none, it removes firstIndex and all after it; a cut may remove none, if firstIndex is next
 *                   drop: as the body of a compact prefix record; where no snapshot reaches the point firstIndex,
 *                   one of it is durable
 *                   append: `count` sealed entries from firstIndex on
 * ```
 */
import { getU64, setU64, viewOf } from "../base/bytes.ts";
import type { HardState, Index, LogPoint } from "../raft/types.ts";
import {
  hardStateBodyBytes, pointBodyBytes, readHardStateBody, readPointBody, writeHardStateBody, writePointBody,
} from "./record.ts";

const MARK_BYTES = 24;

/** Where the content of an edit stands in its record's body. */
export const EDIT_HEAD_BYTES: number = MARK_BYTES + hardStateBodyBytes;

const CHANGES = ["none", "chop", "drop", "append", "accept", "compared", "cut"] as const;
const CONDITIONS = ["none", "edited", "emptied", "lost", "voteless"] as const;

/** Where a body says what it changes. */
const CHANGE_AT = 16;

/** What an edit leaves a group in. */
export type EditCondition = (typeof CONDITIONS)[number];

/** The last edit of a group. */
export interface EditMark {
  /** Counts up from 1. */
  readonly number: number;
  /** Starts of the node before the edit. */
  readonly boot: number;
  readonly condition: EditCondition;
}

/** What an edit does. */
export type EditContent =
  | { readonly change: "none" | "accept" | "compared" }
  | { readonly change: "chop"; readonly hardState: HardState; readonly from: Index }
  | { readonly change: "cut"; readonly hardState: HardState; readonly from: Index }
  | { readonly change: "drop"; readonly hardState: HardState; readonly point: LogPoint; readonly context: Uint8Array }
  | { readonly change: "append"; readonly hardState: HardState; readonly index: Index; readonly count: number; readonly run: Uint8Array };

/** An edit, as one record. */
export interface Edit {
  readonly mark: EditMark;
  readonly content: EditContent;
}

/** What the envelope of an edit says besides its group. */
export function editFields({ content }: Edit): { firstIndex: Index; count: number; bytes: number } {
  switch (content.change) {
    case "chop":
    case "cut": return { firstIndex: content.from, count: 0, bytes: EDIT_HEAD_BYTES };
    case "drop": return { firstIndex: content.point.index, count: 0, bytes: EDIT_HEAD_BYTES + pointBodyBytes(content.context) };
    case "append": return { firstIndex: content.index, count: content.count, bytes: EDIT_HEAD_BYTES + content.run.length };
    default: return { firstIndex: 0, count: 0, bytes: MARK_BYTES };
  }
}

export function writeEditBody(body: Uint8Array, { mark, content }: Edit): void {
  const view = viewOf(body);
  setU64(view, 0, mark.number);
  setU64(view, 8, mark.boot);
  view.setUint8(CHANGE_AT, CHANGES.indexOf(content.change));
  view.setUint8(17, CONDITIONS.indexOf(mark.condition));
  if (!("hardState" in content)) return;
  writeHardStateBody(body.subarray(MARK_BYTES), content.hardState);
  if (content.change === "drop") writePointBody(body.subarray(EDIT_HEAD_BYTES), content.point, content.context);
  if (content.change === "append") body.set(content.run, EDIT_HEAD_BYTES);
}

/** Whether the verified body is that of a cut. */
export function isCut(body: Uint8Array): boolean {
  return CHANGES[body[CHANGE_AT] ?? 0] === "cut";
}

/** The edit in a verified body; the run of an append is a view of it. Null if it is none. */
export function readEditBody(body: Uint8Array, { firstIndex, count }: { readonly firstIndex: Index; readonly count: number }): Edit | null {
  if (body.length < MARK_BYTES) return null;
  const view = viewOf(body);
  const change = CHANGES[view.getUint8(CHANGE_AT)];
  const condition = CONDITIONS[view.getUint8(17)];
  const mark = { number: getU64(view, 0), boot: getU64(view, 8) };
  if (change === undefined || condition === undefined || !(mark.number >= 1 && mark.boot >= 0)) return null;
  const content = change === "chop" || change === "cut" || change === "drop" || change === "append" ? contentOf(change, body, firstIndex, count) : { change };
  return content === null ? null : { mark: { ...mark, condition }, content };
}

function contentOf(change: "chop" | "cut" | "drop" | "append", body: Uint8Array, firstIndex: Index, count: number): EditContent | null {
  const hardState = readHardStateBody(body.subarray(MARK_BYTES));
  if (hardState === null) return null;
  if (change === "chop" || change === "cut") return { change, hardState, from: firstIndex };
  const rest = body.subarray(EDIT_HEAD_BYTES);
  if (change === "append") return { change, hardState, index: firstIndex, count, run: rest };
  const read = readPointBody(rest, firstIndex);
  return read === null ? null : { change, hardState, point: read.point, context: read.context };
}
