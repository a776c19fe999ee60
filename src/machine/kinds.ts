/** The kinds of entries that this draft can apply. */
import { type EntryHead, EntryKind } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";

/**
 * Groups are not known yet: their entries come with the feature that writes them.
 *
 * @throws DraftError BAD_CONFIG if the entry is of another kind: the replica must stop, for to skip it would fork the
 *   state. The log is whole, it is this program that is too old
 */
export function checkKind({ kind, index, group }: EntryHead): void {
  if ((kind >= EntryKind.command && kind <= EntryKind.verdict) || kind === EntryKind.restore) return;
  throw new DraftError("BAD_CONFIG", `entry ${index} of group ${group} is of kind ${kind}, which this release of draft does not know: start this node with the one that the others run`);
}
