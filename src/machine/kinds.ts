/** The kinds of entries that this draft can apply. */
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";

/**
 * Verdicts and groups are not known yet: their entries come with the features that write them.
 *
 * @throws DraftError DAMAGED if the entry is of another kind: the replica must stop, for to skip it would fork the state
 */
export function checkKind({ kind, index, group }: EntryHead): void {
  if (kind >= EntryKind.command && kind <= EntryKind.version) return;
  throw new DraftError("DAMAGED", `entry ${index} of group ${group} is of kind ${kind}, which this draft does not know: run the release that wrote it`);
}
