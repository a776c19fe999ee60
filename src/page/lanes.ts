/**
 * Where the log of each member stands beside the others', on one scale: the newest part of the log, wide enough to show
 * whoever is furthest behind. Pure.
 */
import type { GroupStatus } from "../net/client_answers.ts";

/** A log as parts of the scale, each from 0 (left) to 1 (right); null where it cannot be shown. */
export interface Lane {
  /** Where its log begins. */
  readonly first: number;
  readonly applied: number;
  readonly committed: number;
  readonly durable: number;
  readonly last: number;
}

/** The indexes at both ends of the scale. */
export interface LaneScale {
  readonly from: number;
  readonly to: number;
}

/** Entries that are shown at least: else one entry of lag would look like a disaster. */
const SHOWN_MIN = 100;

/** How much of the scale the largest lag may take. */
const LAG_PART = 0.6;

export function laneScale(groups: readonly GroupStatus[]): LaneScale {
  const to = Math.max(1, ...groups.map(({ lastIndex }) => lastIndex));
  const least = Math.min(to, ...groups.map(({ appliedIndex, durableIndex, commitIndex }) => Math.min(appliedIndex, durableIndex, commitIndex)));
  const shown = Math.max(SHOWN_MIN, Math.ceil((to - least) / LAG_PART));
  return { from: Math.max(0, to - shown), to };
}

/** How far a log is known to reach, by somebody else. */
export function partOf({ from, to }: LaneScale, index: number): number {
  return Math.min(1, Math.max(0, (index - from) / (to - from)));
}

export function laneOf(scale: LaneScale, group: GroupStatus): Lane {
  const part = (index: number): number => partOf(scale, index);
  return {
    first: part(group.firstIndex - 1),
    applied: part(group.appliedIndex),
    committed: part(group.commitIndex),
    durable: part(group.durableIndex),
    last: part(group.lastIndex),
  };
}
