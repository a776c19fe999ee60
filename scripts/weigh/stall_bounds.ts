/** What a node tells of its stalls: shared by who counts and who asks. */

/** Upper bounds of the counts, in milliseconds; what is longer is counted behind the last. */
export const STALL_BOUNDS_MS: readonly number[] = [1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 200, 500, 1000];

/** What one node counted since it was last asked. */
export interface Stalls {
  /** Stalls up to each bound and above the one before it; one more: those above the last. */
  readonly counts: readonly number[];
  readonly longestMs: number;
  /** How long its thread waited for a processor, in milliseconds: no part of the stalls. */
  readonly waitedMs: number;
}
