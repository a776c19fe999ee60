/**
 * How far the explorer goes. Everything that could go on for ever has a budget; what is left of each is part of a state,
 * three bits a budget in one number.
 */

import type { Shape } from "./local.ts";

/** What may happen how often, all members together. Loss is free: a message that stays in the bag for ever is lost. */
export interface Bounds extends Shape {
  /**
   * Whether pre-votes are asked for. If not, whoever times out campaigns at once, as if a majority had granted it at the
   * best of moments: more can happen then, not less, in far fewer steps.
   */
  readonly preVotes: boolean;
  /** The highest term that anybody may campaign in. */
  readonly terms: number;
  /** Election timeouts, and moments at which a leader finds that it heard no quorum. */
  readonly timeouts: number;
  readonly heartbeats: number;
  /** Entries of clients; each leader's noop comes besides. */
  readonly entries: number;
  /** A process dies and starts again on what was durable. */
  readonly crashes: number;
  readonly duplicates: number;
  /** Messages that are taken away. They add no behaviour, only the proof that none is missing. */
  readonly drops: number;
  /** Stores that do not complete at once, so that anything may happen meanwhile, those behind them included; 7: any number. */
  readonly slowStores: number;
  readonly reads: number;
  readonly transfers: number;
}

/** The budgets in the order of their bits. */
export const BUDGETS = [
  "timeouts", "heartbeats", "entries", "crashes", "duplicates", "drops", "slowStores", "reads", "transfers",
] as const;

export type Budget = typeof BUDGETS[number];

const BUDGET_BITS = 3;
const BUDGET_MAX = 7;

/** Of `slowStores`: every store completes in a step of its own. */
export const UNLIMITED = 7;

/** A leader, one entry of a client, everything in any order: a second's work. */
export const SMALLEST: Bounds = {
  members: 2, entriesPerAppend: 64, preVotes: true, terms: 1, timeouts: 1, heartbeats: 0, entries: 1, crashes: 0, duplicates: 0, drops: 0,
  slowStores: UNLIMITED, reads: 0, transfers: 0,
};

const TERMS_MAX = 7;

/**
 * Checks that the bounds can be told in a state's few bits.
 *
 * @throws RangeError
 */
export function checkBounds(bounds: Bounds): void {
  if (bounds.members !== 2 && bounds.members !== 3) throw new RangeError(`members ${bounds.members}: want 2 or 3`);
  if (bounds.terms < 1 || bounds.terms > TERMS_MAX) throw new RangeError(`terms ${bounds.terms}: want 1 to ${TERMS_MAX}`);
  for (const name of BUDGETS) {
    const value = bounds[name];
    if (!Number.isInteger(value) || value < 0 || value > BUDGET_MAX) throw new RangeError(`${name} ${value}: want 0 to ${BUDGET_MAX}`);
  }
}

/** All budgets, full. */
export function packBudgets(bounds: Bounds): number {
  return BUDGETS.reduce((packed, name, at) => packed | (bounds[name] << (BUDGET_BITS * at)), 0);
}

/** What is left of a budget. */
export function leftOf(packed: number, budget: Budget): number {
  return (packed >>> (BUDGET_BITS * BUDGETS.indexOf(budget))) & BUDGET_MAX;
}

/** One less of a budget. */
export function spend(packed: number, budget: Budget): number {
  return (packed - (1 << (BUDGET_BITS * BUDGETS.indexOf(budget)))) | 0;
}

/** Bounds in words: `3 members, 2 terms, timeouts 2, …`, without what is not allowed at all. */
export function boundsWords(bounds: Bounds): string {
  const preVotes = bounds.preVotes ? [] : ["pre-votes taken for granted"];
  const budgets = BUDGETS.filter((name) => bounds[name] > 0).map((name) => `${name} ${bounds[name]}`);
  return [`${bounds.members} members`, `${bounds.terms} terms`, ...preVotes, ...budgets].join(", ");
}
