/** Moments as people read them. */

/** Beyond it there is no date. */
const TIME_MS_MAX = 8.64e15;

/** The time of day of a moment in Unix milliseconds, in UTC. */
export function clockText(wallMs: number): string {
  return Math.abs(wallMs) <= TIME_MS_MAX ? new Date(wallMs).toISOString().slice(11, 23) : String(wallMs);
}
