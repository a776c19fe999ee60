/** A state of the cluster as numbers, and its sum. */
import { mix } from "./canonical.ts";
import { type Histories, renamedLeaders } from "./cluster.ts";
import type { MemberRecord, Tables } from "./tables.ts";

/** Where what stands: its own number, depth, budgets, history, leaders, then the members, then the messages, ascending. */
export const AT = 0;
export const DEPTH = 1;
export const LEFT = 2;
export const HISTORY = 3;
export const LEADERS = 4;
export const MEMBERS = 5;

/**
 * Sums a state up under each renaming of the members and takes the least sum, so that renamed clusters are one. Its own
 * number and depth do not count.
 *
 * @param into gets the two halves
 */
export function leastSum(
  state: readonly number[],
  { tables, histories, members }: { readonly tables: Tables; readonly histories: Histories; readonly members: number },
  into: [number, number],
): void {
  const { renamings } = tables;
  const [historyHigh, historyLow] = histories.sums(state[HISTORY] as number);
  const left = state[LEFT] as number;
  into[0] = Number.POSITIVE_INFINITY;
  for (let r = 0; r < renamings.length; r++) {
    const leaders = renamedLeaders(state[LEADERS] as number, renamings[r] as readonly number[]);
    let high = historyHigh + mix(left) + mix(leaders + 0x10000);
    let low = historyLow + mix(~left) + mix(leaders + 0x20000);
    for (let i = MEMBERS; i < state.length; i++) {
      const number = state[i] as number;
      const { sums } = (i < MEMBERS + members ? tables.members[number] : tables.messages[number]) as MemberRecord;
      high += sums[2 * r] as number;
      low += sums[2 * r + 1] as number;
    }
    high = mix(high | 0);
    low >>>= 0;
    if (high > into[0] || (high === into[0] && low >= into[1])) continue;
    into[0] = high;
    into[1] = low;
  }
}
