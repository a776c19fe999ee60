/** Where two nodes' logs part. A chain sums up all before it, so a few entries are read, however long the logs are. */
import { DraftError } from "../base/errors.ts";
import type { Task } from "../base/task.ts";
import type { Index } from "../raft/types.ts";
import { type GroupLog, pointAt } from "./offline_log.ts";

/** How two logs compare. */
export interface Comparison {
  /** The first index that both hold, and the last; `to` is below `from` if they share none. */
  readonly from: Index;
  readonly to: Index;
  /**
   * The first index of those whose entries differ; 0: none does. `from - 1` if the logs differ already in what they begin
   * behind: what parts them lies there, or before.
   */
  readonly differsAt: Index;
}

/**
 * Compares two logs of one group.
 *
 * @throws DraftError WRONG_IDENTITY if they are of two clusters; COMPACTED if they share nothing that can be compared
 */
export function* compareLogs(one: GroupLog, other: GroupLog): Task<Comparison> {
  const clusters = [one, other].map(({ identity: { clusterId } }) => clusterId);
  if (clusters[0] !== clusters[1]) {
    throw new DraftError("WRONG_IDENTITY", `"${one.directory}" is of cluster ${clusters[0]}, "${other.directory}" of ${clusters[1]}: logs of two clusters agree nowhere`);
  }
  const base = Math.max(one.group.prefix.index, other.group.prefix.index);
  const to = Math.min(one.group.lastIndex, other.group.lastIndex);
  if (to < base) {
    throw new DraftError("COMPACTED", `the logs share no index: that in "${one.directory}" holds ${rangeOf(one)}, that in "${other.directory}" ${rangeOf(other)}`);
  }
  if (yield* areEqual(one, other, to)) return { from: base + 1, to, differsAt: 0 };
  let [equal, unequal] = [base, to];
  // At the base a prefix may differ already: then what parts them lies before, and the base is the first that is known.
  if (!(yield* areEqual(one, other, base))) return { from: base + 1, to, differsAt: Math.max(base, 1) };
  while (unequal - equal > 1) {
    const middle = Math.floor((equal + unequal) / 2);
    if (yield* areEqual(one, other, middle)) equal = middle;
    else unequal = middle;
  }
  return { from: base + 1, to, differsAt: unequal };
}

function* areEqual(one: GroupLog, other: GroupLog, index: Index): Task<boolean> {
  const [left, right] = [yield* pointAt(one, index), yield* pointAt(other, index)];
  return left.term === right.term && left.chain === right.chain;
}

function rangeOf({ group: { prefix, lastIndex } }: GroupLog): string {
  return prefix.index === lastIndex ? `nothing behind ${lastIndex}` : `${prefix.index + 1} to ${lastIndex}`;
}
