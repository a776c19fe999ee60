/** Where two nodes' logs part. A chain sums up all before it, so a few entries are read, however long the logs are. */
import { DraftError } from "../base/errors.ts";
import type { Task } from "../base/task.ts";
import type { Index } from "../raft/types.ts";
import { partsOf } from "./damage.ts";
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
  /** The first index that may differ: below `differsAt` if entries just before it are lost in one of the logs. */
  readonly differsFrom: Index;
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
  const to = lastShared(one, other);
  if (to < base) {
    throw new DraftError("COMPACTED", `the logs share no index: that in "${one.directory}" holds ${rangeOf(one)}, that in "${other.directory}" ${rangeOf(other)}`);
  }
  if (yield* areEqual(one, other, to)) return { from: base + 1, to, differsAt: 0, differsFrom: 0 };
  let [equal, unequal] = [base, to];
  // At the base a prefix may differ already: then what parts them lies before, and the base is the first that is known.
  if (!(yield* areEqual(one, other, base))) return { from: base + 1, to, differsAt: Math.max(base, 1), differsFrom: Math.max(base, 1) };
  for (;;) {
    const middle = comparableIn(one, other, equal, unequal);
    if (middle === 0) break;
    if (yield* areEqual(one, other, middle)) equal = middle;
    else unequal = middle;
  }
  return { from: base + 1, to, differsAt: unequal, differsFrom: equal + 1 };
}

/** An index between the two that both logs have, about the middle one; 0 if there is none. */
function comparableIn(one: GroupLog, other: GroupLog, equal: Index, unequal: Index): Index {
  const middle = Math.max(equal + 1, Math.floor((equal + unequal) / 2));
  for (const [from, to] of [[middle, unequal - 1], [equal + 1, middle - 1]] as const) {
    for (const part of partsOf(one.damage, from, to)) {
      const there = part.isAbsent ? undefined : partsOf(other.damage, part.from, part.to).find(({ isAbsent }) => !isAbsent);
      if (there !== undefined) return there.from;
    }
  }
  return 0;
}

function* areEqual(one: GroupLog, other: GroupLog, index: Index): Task<boolean> {
  const [left, right] = [yield* pointAt(one, index), yield* pointAt(other, index)];
  return left.term === right.term && left.chain === right.chain;
}

/** The last index that both logs have. */
function lastShared(one: GroupLog, other: GroupLog): Index {
  const end = Math.min(one.group.lastIndex, other.group.lastIndex);
  const lost = [one, other].flatMap(({ damage }) => damage?.loss?.absent ?? []);
  let to = end;
  // A range that is lost in one may touch one that is lost in the other.
  for (let range = lost.find((each) => each.from <= to && to <= each.to); range !== undefined; range = lost.find((each) => each.from <= to && to <= each.to)) to = range.from - 1;
  return to;
}

function rangeOf({ group: { prefix, lastIndex } }: GroupLog): string {
  return prefix.index === lastIndex ? `nothing behind ${lastIndex}` : `${prefix.index + 1} to ${lastIndex}`;
}
